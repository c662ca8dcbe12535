"""``compile A... -o OUT``: images without the cache."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.sentences import COMPILING, DOWNLOADED, FAILED_DEPENDENCY
from nativegen.cli.switches import Parsed, Switch, Syntax, UsageError

if TYPE_CHECKING:
    from nativegen.pipeline.request import CompileOptions, CompileReport

SYNTAX = Syntax(
    (
        Switch("out", "OUT", "the image; a folder when there are several assemblies", short="o"),
        Switch("reference", "FILE|DIR|GLOB", "what the assemblies refer to; may be repeated", short="r", repeat=True),
        options.TARGET,
        options.UNTESTED_TARGET,
        options.RUNTIME,
        options.JOBS,
        *options.CODE,
        *options.REMOTE,
        options.PARTIAL,
        *options.MODE,
        *(switch for switch in options.SCENARIO if switch.name != "NoDependencies"),
        Switch("incremental", help="keep images whose inputs and options are the same by content; OUT is a folder"),
        Switch("skip-others", help="leave out files that are no IL assemblies with code: native libraries, images ..."),
        Switch("warn-exclusions", help="one warning for each assembly with methods that are left to the JIT"),
        Switch("warnaserror", help="a missing dependency makes the action fail"),
    ),
    positionals=(1, None),
    arguments="ASSEMBLY... -o OUT [-r FILE|DIR|GLOB]... [options] [@rsp]",
    response_files=True,
)
SOME_FAILED = 1


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cli.progress import ProgressBar, coverage_line
    from nativegen.cli.shared import sharing
    from nativegen.operations.compile import compile_planned, make_folders, plan_compile, without_others
    from nativegen.operations.incremental import Incremental, forget
    from nativegen.operations.toolchain import CompileFailure, NativeToolchain

    out = parsed.value("out")
    if out is None:
        raise UsageError("where should the image go? -o OUT is missing")
    compile_options = compile_options_of(parsed)
    references = parsed.values("reference")
    inputs = parsed.positionals
    if parsed.flag("skip-others"):
        inputs, others = without_others(inputs, from_native=compile_options.from_native)
        for path in others:
            forget(os.path.join(out, os.path.basename(path)))
    plan = plan_compile(
        inputs,
        out,
        references,
        parsed.value("target"),
        parsed.value("runtime"),
        compile_options,
        parsed.value("partial"),
        untested_target=parsed.flag("untested-target"),
    )
    options.say_unresolved(parsed.value("partial"), plan.unresolved, output)
    for missing in plan.missing:
        output.warn(FAILED_DEPENDENCY.format(missing.name, missing.referrer))
    reports, errors = [], []
    with sharing(NativeToolchain(), parsed, output) as toolchain, ProgressBar(output) as bar:
        bar.start()
        if parsed.flag("incremental"):
            make_folders(plan)
            incremental = Incremental(toolchain, plan.requests)
            for request in incremental.current:
                output.detail(f"{request.input}: current")
            outcomes = incremental.compile(options.jobs(parsed), bar.update)
        else:
            outcomes = compile_planned(plan, toolchain, options.jobs(parsed), bar.update)
        for outcome in outcomes:
            if isinstance(outcome, CompileFailure):
                errors.append(outcome.error)
                output.warn(str(outcome.error))
                continue
            reports.append(outcome)
            sentence = DOWNLOADED if outcome.downloaded else COMPILING
            bar.say(sentence.format(1, outcome.input, plan.requests[0].target))
            if outcome.kind == "facade":
                bar.say(f"      {outcome.name}: a facade: no method has code, nothing was written")
            elif output.verbose:
                bar.say(coverage_line(outcome))
            if parsed.flag("warn-exclusions") and outcome.excluded:
                output.warn(_exclusions(outcome))
    options.say_overlapping_bases([report.output for report in reports if report.kind == "image"], (), output)
    output.document(
        {
            "reports": [asdict(report) for report in reports],
            "errors": [str(error) for error in errors],
            "unresolved": list(plan.unresolved),
        }
    )
    return SOME_FAILED if errors or (plan.missing and parsed.flag("warnaserror")) else 0


def _exclusions(report: CompileReport) -> str:
    """One line in the form that MSBuild and editors collect: ``App.dll : warning NGEN3110: ...``."""
    from nativegen.diagnostics import NativegenError

    reasons = ", ".join(f"{count} {code}" for code, count in report.excluded.items())
    error = NativegenError("NGEN3110", report.input, count=sum(report.excluded.values()), reasons=reasons)
    return str(error).replace(": error ", " : warning ", 1)


def compile_options_of(parsed: Parsed) -> CompileOptions:
    """What the switches ask of the compiler."""
    from nativegen.pipeline.request import CompileOptions

    return CompileOptions(
        effort="none" if parsed.flag("Debug") else options.effort(parsed),
        from_native=parsed.flag("from-native"),
        image_base=options.image_base(parsed),
        instruction_set=options.instruction_set(parsed),
        debug=parsed.flag("Debug"),
        profile=parsed.flag("Profile"),
        mode=options.mode(parsed, "resilient"),
    )
