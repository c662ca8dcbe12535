"""``install A``: compile an assembly and its dependencies into the cache and make it a root."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.sentences import FAILED_DEPENDENCY, INVALID_FILE, NOT_FOUND, UP_TO_DATE
from nativegen.cli.switches import Parsed, Switch, Syntax

if TYPE_CHECKING:
    from nativegen.cache.store import Cache
    from nativegen.operations.install import Installed

SYNTAX = Syntax(
    (
        *options.SCENARIO,
        *options.CONFIGURATION,
        options.RUNTIME,
        options.TARGET,
        options.UNTESTED_TARGET,
        options.JOBS,
        options.QUEUE,
        *options.CODE,
        options.PARTIAL,
        *options.REMOTE,
        *options.MODE,
        Switch("warnaserror", help="a missing dependency makes the action fail"),
    ),
    positionals=(1, 1),
    arguments="assemblyPath | assemblyName [scenario] [config] [options]",
)
SOME_FAILED = 1


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cache.location import cache_root
    from nativegen.cache.store import Cache
    from nativegen.cli.progress import ConsoleEvents, ProgressBar
    from nativegen.cli.shared import sharing
    from nativegen.operations.install import install
    from nativegen.operations.named import named_assembly
    from nativegen.operations.toolchain import NativeToolchain
    from nativegen.service.locks import MANUAL, held

    output.banner()
    root = cache_root(explicit=parsed.value("cache"))
    path = named_assembly(root, parsed.positionals[0], parsed.value("runtime"))
    for given in (path, parsed.value("ExeConfig"), parsed.value("AppBase"), parsed.value("runtime")):
        if given is not None and not os.path.exists(given):
            output.sentence(INVALID_FILE.format(given))
            return NOT_FOUND
    request = options.install_request(parsed, path)
    if parsed.flag("queue"):
        from nativegen.cli.queueing import enqueue
        from nativegen.service.queue import install_command

        enqueue(root, int(parsed.value("queue") or 3), install_command(request), output)
        return 0
    with (
        Cache(root) as cache,
        held(root, MANUAL, shared=True),
        sharing(NativeToolchain(cache.units), parsed, output) as toolchain,
        ProgressBar(output) as bar,
    ):
        (installed,) = install(cache, [request], toolchain, options.jobs(parsed), ConsoleEvents(output, bar))
        made, others = _images(cache, installed)
    report([installed], output)
    options.say_overlapping_bases(made, others, output)
    if output.verbose or installed.compiled:
        output.say(
            "The runtime does not look into the cache by itself: start the application with nativegen run, make a"
        )
        output.say("folder with its images with nativegen publish, or put them in place with nativegen deploy.")
    warnings = parsed.flag("warnaserror") and bool(installed.missing)
    return SOME_FAILED if installed.failures or warnings else 0


def _images(cache: Cache, installed: Installed) -> tuple[list[str], list[str]]:
    """Files of the root's images, and of those of other assemblies in the same folders: one process may have both."""
    from nativegen.operations.prepare import image_key

    steps = [step for step, report in installed.compiled if report.kind == "image"] + list(installed.current)
    sources = {step.candidate.path for step in steps}
    folders = set(map(os.path.dirname, sources))
    others = [
        image.image_key
        for image in cache.index.images()
        if (image.target, image.scenario) == (installed.target, installed.request.scenario)
        and image.source not in sources
        and os.path.dirname(image.source) in folders
    ]
    return [cache.image_path(image_key(step)) for step in steps], list(map(cache.image_path, others))


def report(installed: list[Installed], output: Output) -> None:
    """What happened, for ``install`` and ``update``."""
    for one in installed:
        for missing in one.missing:
            output.warn(FAILED_DEPENDENCY.format(missing.name, missing.referrer))
        for refused in one.refused:
            output.warn(refused.message.replace(": error ", ": warning ", 1))
        if one.selection is not None:
            options.say_unresolved(one.request.partial, one.selection.unresolved, output)
        for skipped in one.skipped:
            output.detail(f"{skipped.candidate.path}: no image: {skipped.reason}")
    output.document({"roots": [_as_json(one) for one in installed]})
    if not any(one.compiled or one.failures for one in installed):
        output.say(UP_TO_DATE)


def _as_json(one: Installed) -> dict[str, object]:
    return {
        "path": one.request.path,
        "display_name": one.display_name,
        "target": one.target,
        "scenario": one.request.scenario,
        "compiled": [
            {
                "path": step.candidate.path,
                "key": step.manifest.key,
                "because": step.stale_because,
                "kind": report.kind,
                "methods": report.methods,
                "native": report.native,
                "excluded": report.excluded,
                "instances": len(report.instances),
                "instances_native": sum(not instance.code for instance in report.instances),
                "size": report.image_size,
                "downloaded": report.downloaded,
            }
            for step, report in one.compiled
        ],
        "current": [{"path": step.candidate.path, "key": step.manifest.key} for step in one.current],
        "skipped": [{"path": skipped.candidate.path, "reason": skipped.reason} for skipped in one.skipped],
        "failed": [{"path": step.candidate.path, "error": str(error)} for step, error in one.failures],
        "missing": [{"name": missing.name, "referrer": missing.referrer} for missing in one.missing],
        "refused": [{"path": refused.path, "error": refused.message} for refused in one.refused],
        "unresolved": list(one.selection.unresolved) if one.selection is not None else [],
    }
