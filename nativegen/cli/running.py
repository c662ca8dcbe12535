"""What ``run``, ``trace`` and ``publish`` share: find the application's valid images and say what is missing."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nativegen.cli.output import Output
from nativegen.cli.switches import Parsed

if TYPE_CHECKING:
    from nativegen.operations.substitution import Substitution


CACHE_UNUSABLE = 4


@contextlib.contextmanager
def shipped(
    parsed: Parsed, output: Output, found: Substitution, cache_root: str, mode: str = ""
) -> Iterator[Substitution]:
    """The application's images in a mode that they may leave the cache in.

    Args:
        mode: wanted by the user; empty: guarded where the runtime can guard, else resilient.
    """
    from nativegen.cache.store import Cache
    from nativegen.cli import options
    from nativegen.cli.progress import ProgressBar
    from nativegen.operations.modes import GUARDED, effective_mode
    from nativegen.operations.shipping import shipped_images
    from nativegen.operations.toolchain import NativeToolchain

    if not found.images:
        yield found
        return
    mode = effective_mode(mode or GUARDED, found.prepared[0].closure.target)
    with Cache(cache_root) as cache, ProgressBar(output) as bar:
        bar.start()
        toolchain = NativeToolchain(cache.units)
        with shipped_images(cache, found, mode, toolchain, options.jobs(parsed), bar.update) as images:
            yield images


def valid_images(
    parsed: Parsed, output: Output, tolerant: bool = False, runs: bool = True, needed: bool = True
) -> tuple[Substitution, str]:
    """The application's images and the cache's folder; complains, on standard error, about what is not compiled.

    Args:
        tolerant: a cache that cannot be used costs a warning and the images, not the run.
        runs: a program without images is started all the same.
        needed: images make a difference to what the user wants.
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
        output.warning(error)
        return find_substitution(None, app, wanted, NativeToolchain()), root
    if needed and not output.silent:
        if found.root is None:
            _say_not_installed(parsed, output, app, runs)
        elif found.stale:
            output.warn(f"{app}: {len(found.stale)} native images are not valid; run: nativegen update")
    if output.verbose:
        for path, because in found.stale:
            output.warn(f"{path}: {because}")
    return found, root


def _say_not_installed(parsed: Parsed, output: Output, app: str, runs: bool) -> None:
    from nativegen.binding.beside import images_beside
    from nativegen.diagnostics import NativegenError
    from nativegen.metadata import Assembly

    with contextlib.suppress(NativegenError):  # the runtime says better what it is
        if Assembly.open(app).is_ready_to_run:
            output.detail(f"{app}: contains native code itself; it runs as it is")
            return
    switches = " /Debug" * parsed.flag("Debug") + " /Profile" * parsed.flag("Profile")
    for_this = f" for this scenario ({switches.strip()})" if switches else ""
    if runs:
        for path, instead_of in images_beside(os.path.realpath(app)).items():
            error = NativegenError("NGEN2015", path, assembly=os.path.basename(instead_of))
            output.warning(error)
    without = ", it runs without native images" if runs else ""
    output.warn(f"{app}: not installed{for_this}{without}; run: nativegen install {shlex.quote(app)}{switches}")
