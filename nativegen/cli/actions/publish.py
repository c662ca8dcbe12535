"""``publish APP.dll DIR``: the application's folder with images in place of IL."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.sentences import NOT_FOUND, NOT_INSTALLED
from nativegen.cli.switches import Parsed, Syntax

if TYPE_CHECKING:
    from nativegen.operations.substitution import Substitution
    from nativegen.runtime.recording import Recording

SYNTAX = Syntax(
    (*options.SCENARIO[:2], options.PARTIAL, options.STARTUP, options.JOBS, *options.REMOTE, *options.MODE),
    positionals=(2, 2),
    arguments="APP.dll DIR [options]",
)
WARNING = (
    "warning: do not service these files: pinned images are right only beside the very assemblies and the framework "
    "that they were made with; nativegen verify {} compares them with {}"
)


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cli.running import shipped, valid_images
    from nativegen.operations import integrity, startup
    from nativegen.operations.publish import publish

    wanted = options.mode(parsed, "")
    if parsed.flag("partial"):
        _install(parsed, output)
    found, cache = valid_images(parsed, output, runs=False)
    if found.root is None:  # a folder without any image is not what was asked for; `run` makes do with IL
        output.sentence(NOT_INSTALLED)
        return NOT_FOUND
    recording = _usable_recording(parsed, found, output)
    with shipped(parsed, output, found, cache, wanted) as images:
        published = publish(images, parsed.positionals[1])
    app = os.path.basename(found.app)
    if recording is None:
        startup.remove_startup(published.folder, app)
    else:
        startup.add_startup(published.folder, app, recording)
    output.document({"folder": published.folder, "images": list(published.images), "files": published.files})
    output.say(f"{published.files} files in {published.folder}, {len(published.images)} of them native images.")
    if wanted != "pinned" or not found.prepared:
        integrity.remove_integrity(published.folder)
        return 0
    closure = found.prepared[0].closure
    framework = None if closure.is_self_contained else closure.framework
    integrity.write_integrity(published.folder, app, closure.target, framework)
    output.warn(WARNING.format(published.folder, integrity.FILE))
    return 0


def _usable_recording(parsed: Parsed, found: Substitution, output: Output) -> Recording | None:
    from nativegen.diagnostics import NativegenError
    from nativegen.operations.bind import bind_closure
    from nativegen.operations.startup import usable_recording

    path = parsed.value("startup")
    if path is None:
        return None
    prepared = found.prepared[0].closure if found.prepared else None
    closure = prepared or bind_closure(options.install_request(parsed, found.app))
    recording, other = usable_recording(path, closure)
    if other:
        error = NativegenError("NGEN3113", path, names=", ".join(other))
        output.warning(error)
    return recording


def _install(parsed: Parsed, output: Output) -> None:
    """Make the partial images first: whoever names a profile wants what it says, whatever was installed before."""
    from nativegen.cache.store import Cache
    from nativegen.cli.progress import ConsoleEvents, ProgressBar
    from nativegen.cli.shared import sharing
    from nativegen.operations.install import install
    from nativegen.operations.toolchain import NativeToolchain
    from nativegen.service.locks import MANUAL, held

    request = options.install_request(parsed, parsed.positionals[0])
    with (
        Cache.default(parsed.value("cache")) as cache,
        held(cache.root, MANUAL, shared=True),
        sharing(NativeToolchain(cache.units), parsed, output) as toolchain,
        ProgressBar(output) as bar,
    ):
        (installed,) = install(cache, [request], toolchain, options.jobs(parsed), ConsoleEvents(output, bar))
    if installed.selection is not None:
        options.say_unresolved(request.partial, installed.selection.unresolved, output)
