"""``publish APP.dll DIR``: the application's folder with images in place of IL."""

from __future__ import annotations

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.switches import Parsed, Syntax

SYNTAX = Syntax(
    (*options.SCENARIO[:2], options.PARTIAL, options.JOBS, *options.REMOTE),
    positionals=(2, 2),
    arguments="APP.dll DIR [options]",
)


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cli.running import valid_images
    from nativegen.operations.publish import publish

    if parsed.flag("partial"):
        _install(parsed, output)
    found, _ = valid_images(parsed, output)
    published = publish(found, parsed.positionals[1])
    output.document({"folder": published.folder, "images": list(published.images), "files": published.files})
    output.say(f"{published.files} files in {published.folder}, {len(published.images)} of them native images.")
    return 0


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
