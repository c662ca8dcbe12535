"""What ``run``, ``trace`` and ``publish`` share: find the application's valid images and say what is missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nativegen.cli.output import Output
from nativegen.cli.switches import Parsed

if TYPE_CHECKING:
    from nativegen.operations.substitution import Substitution


CACHE_UNUSABLE = 4


def valid_images(parsed: Parsed, output: Output, tolerant: bool = False) -> tuple[Substitution, str]:
    """The application's images and the cache's folder; complains, on standard error, about what is not compiled.

    Args:
        tolerant: a cache that cannot be used costs a warning and the images, not the run.
    """
    from nativegen.cache.index import open_for_reading
    from nativegen.cache.location import cache_root
    from nativegen.cache.records import scenario
    from nativegen.cache.store import Cache
    from nativegen.diagnostics import NativegenError
    from nativegen.operations.substitution import find_substitution
    from nativegen.operations.toolchain import NativeToolchain

    app = parsed.positionals[0]
    if not os.path.isfile(app):
        raise NativegenError("NGEN1007", app)
    root = cache_root(explicit=parsed.value("cache"))
    wanted = scenario(parsed.flag("Debug"), parsed.flag("Profile"))
    try:
        index = open_for_reading(root)
        if index is None:
            found = find_substitution(None, app, wanted, NativeToolchain())
        else:
            index.close()
            with Cache(root) as cache:
                found = find_substitution(cache, app, wanted, NativeToolchain())
    except NativegenError as error:
        if not tolerant or error.exit_code != CACHE_UNUSABLE:
            raise
        output.warn(str(error).replace(": error ", ": warning ", 1))
        return find_substitution(None, app, wanted, NativeToolchain()), root
    if not output.silent:
        if found.root is None:
            switches = " /Debug" * parsed.flag("Debug") + " /Profile" * parsed.flag("Profile")
            for_this = f" for this scenario ({switches.strip()})" if switches else ""
            output.warn(
                f"{app}: not installed{for_this}, it runs without native images; run: nativegen install {app}{switches}"
            )
        elif found.stale:
            output.warn(f"{app}: {len(found.stale)} native images are not valid; run: nativegen update")
    if output.verbose:
        for path, because in found.stale:
            output.warn(f"{path}: {because}")
    return found, root
