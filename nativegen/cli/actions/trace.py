"""``trace APP.dll [args]``: which methods ran native code, which were jitted, in the runtime's own words."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.switches import Parsed, Switch, Syntax, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nativegen.operations.jit_reasons import JitReasons
    from nativegen.operations.substitution import Substitution
    from nativegen.runtime.events import MethodRecord, MethodReport

PROFILE_SUFFIX = ".profile"
STARTUP_SUFFIX = ".startup"
_STATES = ("native", "jitted", "rejitted", "not-found")
SYNTAX = Syntax(
    (
        *options.SCENARIO[:2],
        options.RUNTIME,
        Switch("filter", "PATTERN", "only methods whose name matches: ns::*, C::m, ns2.C0+N0::m", repeat=True),
        Switch("state", "STATE", f"only these: {', '.join(_STATES)}", repeat=True, choices=_STATES),
        Switch(
            "output",
            "FILE",
            "write the list there instead of behind the program's output; FILE.profile: a profile for --partial; "
            "FILE.startup: a recording for publish --startup",
            short="o",
        ),
        Switch("merge", help="add to a profile what it does not have yet, instead of writing it anew"),
    ),
    positionals=(1, 1),
    passes_rest=True,
    arguments="[options] APP.dll [arguments of the program]",
)


def run(parsed: Parsed, output: Output) -> int:
    import tempfile
    from pathlib import Path

    from nativegen.cli.running import valid_images
    from nativegen.operations.entry_counts import EntryCounts, named_counts
    from nativegen.operations.jit_reasons import JitReasons
    from nativegen.runtime.discover import runtime_for
    from nativegen.runtime.events import read_method_report
    from nativegen.runtime.host import TraceRequest, run_app

    file = parsed.value("output")
    recording = file is not None and file.endswith(PROFILE_SUFFIX)
    if parsed.flag("merge") and not recording and not (file or "").endswith(STARTUP_SUFFIX):
        raise UsageError(f"--merge adds to a profile: name it with -o FILE{PROFILE_SUFFIX}")
    found, cache = valid_images(parsed, output, needed=not recording)
    explicit = parsed.value("runtime")
    if (file or "").endswith(STARTUP_SUFFIX):
        return _record_start(parsed, found, cache, output)
    settings: Mapping[str, str] | None = None
    if recording:
        from nativegen.operations.record_profile import PROFILE_SETTINGS, record_profile

        settings = PROFILE_SETTINGS

    # A profile is recorded without images, where the runtime names module and token of every method it meets.
    if recording:
        app = Path(_without_images(found, cache))
    else:
        app = Path(_as_installed(found, cache))
    runtime = runtime_for(app, Path(explicit) if explicit else None)
    counted = sorted(found.images.values()) if parsed.flag("Profile") and not recording else []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nativegen-trace-"))
        counts = stack.enter_context(EntryCounts(counted)) if counted else None
        ran = run_app(
            app,
            parsed.rest,
            runtime=runtime,
            environment=counts.environment if counts is not None else None,
            settings=settings,
            trace=TraceRequest(Path(folder)),
            capture=False,
            started=counts.watch if counts is not None else None,
        )
        if ran.trace is None:
            from nativegen.diagnostics import NativegenError

            raise NativegenError("NGEN6001", app, detail="the program ended without writing one")
        report = read_method_report(ran.trace)
    report.require_reliable()
    if file is not None and recording:
        profile = record_profile(report, file, merge=parsed.flag("merge"))
        output.warn(f"{file}: {profile.count} methods of {len(profile.methods)} assemblies")
        return ran.exit_code
    entries = named_counts(counts.values) if counts is not None else []
    if counts is not None and not counts.values:
        output.warn(f"{app}: no entry counts: the program did not end in an orderly way, or runs no startup hooks")
    _show(report, JitReasons(found), entries, parsed, output)
    return ran.exit_code


def _record_start(parsed: Parsed, found: Substitution, cache: str, output: Output) -> int:
    """Run the program as it is installed, and write which methods it entered, in order."""
    from pathlib import Path

    from nativegen.operations.record_start import record_start
    from nativegen.runtime.discover import runtime_for

    if parsed.flag("merge"):
        raise UsageError("a start-up recording has an order: two of them cannot be merged")
    file, explicit = parsed.value("output"), parsed.value("runtime")
    assert file is not None
    app = Path(_as_installed(found, cache))
    exit_code, recording = record_start(app, parsed.rest, runtime_for(app, Path(explicit) if explicit else None), file)
    output.warn(f"{file}: {recording.method_count} methods of {len(recording.modules)} assemblies")
    return exit_code


def _as_installed(found: Substitution, cache: str) -> str:
    """The program with its valid images."""
    from nativegen.operations.view import make_view, needs_view

    return make_view(cache, found).app if needs_view(found) else found.app


def _without_images(found: Substitution, cache: str) -> str:
    """The program as it is without images, those that the runtime takes from its own folder included."""
    from dataclasses import replace

    from nativegen.binding.beside import images_beside
    from nativegen.diagnostics import NativegenError
    from nativegen.operations.view import make_view

    if not images_beside(found.app):
        return found.app
    try:
        return make_view(cache, replace(found, images={})).app
    except OSError as error:
        raise NativegenError("NGEN4001", cache, detail=error.strerror or str(error)) from error


def _show(
    report: MethodReport, reasons: JitReasons, entries: list[tuple[str, str, int]], parsed: Parsed, output: Output
) -> None:
    from collections import Counter

    from nativegen.operations.jit_reasons import by_reason

    filters, states = parsed.values("filter"), parsed.values("state")
    chosen = _chosen(report, filters, {state.replace("-", " ") for state in states})
    summary = report.summary()
    file = parsed.value("output")
    counts = Counter(code for code in map(reasons.of, report.methods) if code)
    if output.json:
        document = {
            "summary": _fields(summary),
            "reasons": dict(sorted(counts.items())),
            "methods": [_as_json(record, reasons) for record in chosen],
            "entries": [{"assembly": name, "method": method, "count": count} for name, method, count in entries],
        }
        if file is None:
            output.document(document)
        else:
            import json

            _write(file, [json.dumps(document, indent=1)])
        return
    lines = [f'{record.state} method name="{_full_name(record)}"{_reason(reasons.of(record))}' for record in chosen]
    jitted = summary.jitted_ordinary + summary.jitted_generic + summary.jitted_stubs
    lines.append(
        f"{summary.native + summary.rejitted} methods ran native code ({summary.rejitted} were jitted again later), "
        f"{jitted} were jitted: {summary.jitted_ordinary} ordinary, {summary.jitted_generic} generic, "
        f"{summary.jitted_stubs} stubs"
    )
    if counts:
        lines.append(f"jitted because: {by_reason(counts)}")
    lines += [f'entered {count} times method name="{name}!{method}"' for name, method, count in entries if count]
    if file is not None:
        _write(file, lines)
        return
    for line in lines:
        output.answer(line)


def _write(path: str, lines: list[str]) -> None:
    try:
        with open(path, "w", encoding="utf-8") as stream:
            stream.writelines(line + "\n" for line in lines)
    except OSError as error:
        from nativegen.diagnostics import NativegenError

        raise NativegenError("NGEN7004", path, detail=error.strerror or str(error)) from error


def _chosen(report: MethodReport, filters: list[str], states: set[str]) -> list[MethodRecord]:
    found = {id(record): record for pattern in filters for record in report.find(pattern)}
    records = list(found.values()) if filters else list(report.methods)
    chosen = [record for record in records if not states or record.state in states]
    return sorted(chosen, key=lambda record: (record.state, record.full_name, record.signature))


def _full_name(record: MethodRecord) -> str:
    """``Module!Type::Method`` as the runtime's debugging assistants write it; the module is known for jitted ones."""
    if not record.module:
        return record.full_name
    return f"{os.path.splitext(os.path.basename(record.module))[0]}!{record.full_name}"


def _reason(code: str) -> str:
    return f" reason={code}" if code else ""


def _as_json(record: MethodRecord, reasons: JitReasons) -> dict[str, object]:
    return {
        "name": record.full_name,
        "signature": record.signature,
        "state": record.state,
        "module": record.module,
        "reason": reasons.of(record) or None,
        "jitted": [_fields(load) for load in record.jitted],
    }


def _fields(value: object) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(value)  # type: ignore[call-overload,no-any-return]
