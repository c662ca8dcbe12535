"""``verify [A|DIR|IMAGE]``: prove that native images are right."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.sentences import INVALID_FILE, NOT_FOUND, NOT_INSTALLED
from nativegen.cli.switches import Parsed, Switch, Syntax, UsageError
from nativegen.operations.query import Query

if TYPE_CHECKING:
    from nativegen.verify.live import LiveGroup
    from nativegen.verify.model import SubjectResult
    from nativegen.verify.subjects import Criteria, Selection

FORMATS = ("text", "json", "junit", "sarif", "github", "msbuild")
SYNTAX = Syntax(
    (
        Switch("format", "F", f"how to report: {', '.join(FORMATS)}", choices=FORMATS),
        Switch("live", help="let the runtime itself load the images and prepare every compiled method"),
        Switch("reference", "FILE|DIR|GLOB", "the IL assemblies to compare with", short="r", repeat=True),
        options.TARGET,
        Switch("runtime", "DIR", "the .NET runtime that the images are meant for: do they suit it?"),
        Switch("cpu", "S", "processor features of the machines that the images are meant for (default: this one's)"),
        Switch("baseline", "FILE", "fail when an assembly has fewer methods with code than this file says"),
        Switch("write-baseline", "FILE", "write that file"),
        Switch("inventory", "FILE", "fail when a folder's images are not those of this bill of materials"),
        Switch("write-inventory", "FILE", "write the bill of materials of a folder's images: CycloneDX, with digests"),
        Switch("recompile", help="compile the images of the cache again and compare the bytes"),
        options.JOBS,
    ),
    positionals=(0, None),
    arguments="[assemblyName | assemblyPath | DIR | IMAGE]... [options]",
)
FAILED = 5


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.verify.baseline import read_baseline, write_baseline
    from nativegen.verify.environment import environment_findings
    from nativegen.verify.model import Verification
    from nativegen.verify.processor import features
    from nativegen.verify.report import render
    from nativegen.verify.static import verify_static
    from nativegen.verify.subjects import Criteria, Selection

    criteria = Criteria(
        parsed.value("target"),
        parsed.value("runtime"),
        features(parsed.value("cpu")),
        read_baseline(parsed.value("baseline")),
    )
    selection = Selection(notes=list(environment_findings(os.environ)))
    for argument in parsed.positionals or [""]:
        found = _select(argument, parsed, criteria)
        if found is None:
            exists = os.path.exists(argument) or not Query(argument).is_path
            output.sentence(NOT_INSTALLED if exists else INVALID_FILE.format(argument))
            return NOT_FOUND
        selection.extend(found)
    results = verify_static(selection.subjects)
    _inventory(parsed, selection)
    if parsed.flag("recompile"):
        results = _recompile(results, selection, parsed)
    if parsed.flag("live"):
        from nativegen.verify.live import verify_live

        results = verify_live(results, _live_groups(selection, parsed), parsed.value("runtime"))
    verification = Verification(tuple(results), tuple(selection.notes))
    file = parsed.value("write-baseline")
    if file is not None:
        write_baseline(file, results)
    wanted = "json" if output.json else parsed.value("format") or "text"
    report = render(verification, wanted)
    if not (output.silent and verification.passed and wanted == "text"):
        output.stdout.write(report)
    return 0 if verification.passed else FAILED


def _select(argument: str, parsed: Parsed, criteria: Criteria) -> Selection | None:
    """What one argument means ('' the whole cache), or None when it is not installed."""
    from nativegen.cache.index import open_for_reading
    from nativegen.cache.location import cache_root
    from nativegen.cache.store import Cache
    from nativegen.operations.compile import reference_map
    from nativegen.operations.toolchain import NativeToolchain
    from nativegen.verify.subjects import Selection, cache_subjects, file_subjects, is_image

    if os.path.isdir(argument) or is_image(argument):
        sources = reference_map(parsed.values("reference"))
        return file_subjects(argument, criteria, sources)
    root = cache_root(explicit=parsed.value("cache"))
    index = open_for_reading(root)
    if index is None:
        return None if argument else Selection()
    index.close()
    with Cache(root) as cache:
        found = cache_subjects(cache, Query(argument) if argument else None, NativeToolchain(), criteria)
    return found if found.subjects or found.notes or not argument else None


def _inventory(parsed: Parsed, selection: Selection) -> None:
    """Compare with the inventory, and write it; both are about the one folder that was named."""
    wanted, written = parsed.value("inventory"), parsed.value("write-inventory")
    if wanted is None and written is None:
        return
    from nativegen.verify.inventory import inventory_findings, write_inventory

    if len(selection.files) != 1 or not os.path.isdir(selection.files[0][0]):
        raise UsageError("an inventory is about one folder: nativegen verify DIR --inventory FILE")
    ((folder, subjects),) = selection.files
    if wanted is not None:
        selection.notes += inventory_findings(wanted, folder, subjects)
    if written is not None:
        write_inventory(written, folder, subjects)


def _recompile(results: list[SubjectResult], selection: Selection, parsed: Parsed) -> list[SubjectResult]:
    from nativegen.cache.store import Cache
    from nativegen.operations.toolchain import NativeToolchain
    from nativegen.verify.determinism import verify_recompiled

    if not selection.roots:
        return results
    with Cache.default(parsed.value("cache")) as cache:
        return verify_recompiled(results, cache, selection.roots, NativeToolchain(), options.jobs(parsed))


def _live_groups(selection: Selection, parsed: Parsed) -> list[LiveGroup]:
    from nativegen.cache.store import Cache
    from nativegen.operations.toolchain import NativeToolchain
    from nativegen.verify.live_groups import file_group, root_group

    groups = [file_group(argument, subjects) for argument, subjects in selection.files]
    if selection.roots:
        with Cache.default(parsed.value("cache")) as cache:
            groups += [root_group(cache, root, found, NativeToolchain()) for root, found in selection.roots]
    return groups
