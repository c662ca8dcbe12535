"""What ``install`` means by a name instead of a path (research A6, A7).

A simple or display name is looked up among the roots and images of the cache, then in the shared framework; never in
the current directory. A name without an extension that nothing matches stays what it was, a path that does not exist.
"""

from __future__ import annotations

import os
from pathlib import Path

from nativegen.cache.index import open_for_reading
from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.operations.query import Query
from nativegen.runtime.discover import find_runtimes


def named_assembly(cache_root: str, text: str, runtime: str | None) -> str:
    """The path of the assembly that ``text`` means; ``text`` itself when it is a path, or means nothing.

    Raises:
        NativegenError: the cache cannot be read.
    """
    query = Query(text)
    if query.is_path or not query.name:
        return text
    return _in_cache(cache_root, query) or _in_framework(query, runtime) or text


def _in_cache(root: str, query: Query) -> str | None:
    index = open_for_reading(root)
    if index is None:
        return None
    with index:
        places = [(known.key.path, known.display_name) for known in index.roots()]
        places += [(image.source, image.display_name) for image in index.images()]
    found = (path for path, name in places if query.matches(path, name) and os.path.isfile(path))
    return next(found, None)


def _in_framework(query: Query, runtime: str | None) -> str | None:
    for found in find_runtimes(Path(runtime) if runtime else None):
        for framework in found.frameworks:
            for path in sorted(framework.path.glob("*.dll")):
                if path.stem.lower() == query.name and _is_meant(query, path):
                    return str(path)
    return None


def _is_meant(query: Query, path: Path) -> bool:
    try:
        return query.matches(str(path), Assembly.open(path).identity.display_name)
    except NativegenError:
        return False
