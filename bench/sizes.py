"""Image sizes: against Microsoft's own images of the same framework assemblies (tests/data/framework12.txt, .NET Core
3.1), and of real applications against their IL."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

from bench.common import Row
from tests.framework.replacement import twelve
from tests.support.images import compiled_azmcp, compiled_roslyn, image_mode
from tests.support.paths import find_inputs


def measure(work: pathlib.Path) -> Iterator[Row]:
    from nativegen.pipeline import CompileOptions, CompileRequest
    from nativegen.pipeline.compile import CompileFailure, compile_many

    framework = find_inputs().framework("3.1")
    references = {path.stem: str(path) for path in framework.glob("*.dll")}
    names = twelve()
    out = work / "framework"
    out.mkdir(parents=True, exist_ok=True)
    options = CompileOptions(from_native=True, carried_instances=False)
    requests = [
        CompileRequest(references[name], str(out / f"{name}.dll"), "3.1", references, options) for name in names
    ]
    ours = theirs = 0
    for report in compile_many(requests, jobs=os.cpu_count() or 1):
        if isinstance(report, CompileFailure):
            raise report.error
        ours += report.image_size
        theirs += report.input_size
        yield Row(
            f"image of {report.name}",
            f"{report.image_size / report.input_size:.2f} x Microsoft's",
            f"{report.native} of {report.methods} methods native",
        )
    yield Row("all twelve", f"{ours / theirs:.2f} x Microsoft's", f"{ours} against {theirs} bytes")
    for name, images in ("azmcp", compiled_azmcp()), ("Roslyn", compiled_roslyn()):
        with_code = [report for report in images.reports.values() if report.methods]
        ours, il = (sum(getattr(report, size) for report in with_code) for size in ("image_size", "input_size"))
        figure = f"{ours / il:.1f} x the IL"
        yield Row(f"{name}, {image_mode()} images", figure, f"{len(with_code)} images, {ours} against {il} bytes")
