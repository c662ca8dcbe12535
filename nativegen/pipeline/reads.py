"""What the processes of a run have read, so that a file that changes meanwhile gives no image and no compiled method.

Each process opens an assembly once, when it needs it first, and keeps what it read: the parent to make keys and to
link, a worker to compile. Another program may replace the file in between. Then a key would be made from one content
and the code behind it from another, and since keys outlive the run, so would the wrong code. So everybody says which
content of which file it has, whoever planned the run too; what two contents of a file have gone into is not kept.

>>> reads = Reads()
>>> reads.note({"/app/Core.dll": "aa", "/app/Text.dll": "bb"})
>>> reads.note({"/app/Core.dll": "aa", "/app/Text.dll": "cc"})
>>> reads.changed
{'/app/Text.dll'}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nativegen.diagnostics import NativegenError
from nativegen.typesystem import Module


class Reads:
    """Contents by path.

    Attributes:
        changed: files of which two contents were read.
    """

    def __init__(self) -> None:
        self._contents: dict[str, str] = {}
        self.changed: set[str] = set()

    def note(self, contents: Mapping[str, str]) -> None:
        """Somebody has read these: path -> content signature."""
        for path, content in contents.items():
            if self._contents.setdefault(path, content) != content:
                self.changed.add(path)

    def require_unchanged(self, module: Module) -> None:
        """Raises when a file of which two contents were read is the module's, or of an assembly that it reaches.

        Raises:
            NativegenError: NGEN3002.
        """
        if self.changed:
            for each in reached(module):
                if each.assembly.path in self.changed:
                    raise NativegenError("NGEN3002", each.assembly.path)


def contents_of(modules: Iterable[Module]) -> dict[str, str]:
    """Path -> content signature."""
    return {module.assembly.path: module.assembly.content_signature for module in modules}


def reached(module: Module) -> Iterator[Module]:
    """A module, and all that it refers to, directly or through others."""
    system = module.type_system
    seen = {module}
    pending = [module]
    while pending:
        current = pending.pop()
        yield current
        for reference in current.assembly.assembly_refs:
            found = system.module_named(reference.name)
            if found is not None and found not in seen:
                seen.add(found)
                pending.append(found)
