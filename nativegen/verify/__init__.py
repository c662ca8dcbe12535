"""Proof that native images are right: static checks of files, of their place in the cache, and the runtime's own word.

One check per module (``check_*.py``), each a function from a :class:`~nativegen.verify.model.Subject` to findings;
reports in ``report/``. A wrong image makes a runtime abort, ignore the code silently, or run code of another version of
the assembly: findings are graded by that.
"""
