"""Native images of whole applications for acceptance tests and measurements, compiled once per compiler.

Compiling azmcp takes minutes; several tests and measurements want the result. A set of images is kept in
``<inputs>/images/<name>/<compiler fingerprint>`` together with the compiler's reports: any change of the compiler's
source makes a new set, and the set it replaces is deleted. A set appears complete or not at all.

>>> images = compiled_azmcp()
>>> images.reports["Azure.Core"].native
3900
>>> images.install_over(application_copy)
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nativegen.files import locked
from nativegen.metadata import Assembly
from nativegen.pipeline.compile import CompileFailure, Progress, compile_many
from nativegen.pipeline.fingerprint import compiler_fingerprint
from nativegen.pipeline.request import CompileOptions, CompileReport, CompileRequest, ExcludedMethod, GenericInstance
from tests.support.paths import find_inputs
from tests.support.runtimes import framework_references

_UNFINISHED = ".making-"
_ABANDONED_SECONDS = 6 * 3600

MODES = ("resilient", "guarded", "pinned")


def image_mode() -> str:
    """``$NATIVEGEN_IMAGE_MODE``, what images assume of other assemblies; default: as ``publish`` makes them for 9.0."""
    mode = os.environ.get("NATIVEGEN_IMAGE_MODE", "guarded")
    if mode not in MODES:
        raise ValueError(f"NATIVEGEN_IMAGE_MODE is {mode}, not one of {', '.join(MODES)}")
    return mode


ROSLYN_ASSEMBLIES = ("Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp")


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images of one application. ``reports``: by simple name, facades included; ``seconds``: how long it took."""

    folder: Path
    reports: Mapping[str, CompileReport]
    seconds: float
    jobs: int

    @property
    def images(self) -> dict[str, Path]:
        """Simple name -> image, of the assemblies that have code."""
        return {name: self.folder / f"{name}.dll" for name, report in self.reports.items() if report.kind == "image"}

    @property
    def facades(self) -> list[str]:
        """Assemblies without code: nothing was written for them."""
        return sorted(name for name, report in self.reports.items() if report.kind == "facade")

    def install_over(self, folder: Path, only: Sequence[str] | None = None) -> None:
        """Put the images (``only``: some of them) in place of the IL in ``folder``, which must not share files."""
        for name, image in self.images.items():
            if only is None or name in only:
                target = folder / image.name
                target.unlink(missing_ok=True)
                shutil.copyfile(image, target)


def copy_application(source: Path, target: Path) -> Path:
    """A folder like ``source`` whose files are links (what is replaced later must be unlinked first)."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            _link(path, place)
    return target


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def il_only_assemblies(folder: Path) -> list[Path]:
    """The managed assemblies of a folder that carry no native code."""
    found = [(path, Assembly.open(path)) for path in sorted(folder.glob("*.dll"))]
    return [path for path, assembly in found if assembly.is_il_only and not assembly.is_ready_to_run]


def azmcp_references() -> dict[str, str]:
    """Simple name -> path of every assembly of the self-contained application."""
    return {path.stem: str(path) for path in sorted(find_inputs().azmcp.glob("*.dll"))}


def compiled_azmcp() -> ImageSet:
    """Images of all IL-only assemblies of azmcp, for its own .NET 9.0."""
    references = azmcp_references()
    mode = image_mode()
    assemblies = il_only_assemblies(find_inputs().azmcp)
    return compiled_set(f"azmcp-{mode}", assemblies, references, "9.0", CompileOptions(mode=mode))


def compiled_roslyn() -> ImageSet:
    """Images of Microsoft.CodeAnalysis and .CSharp for 9.0, whose framework has all that they refer to."""
    own = {name: find_inputs().roslyn / f"{name}.dll" for name in ROSLYN_ASSEMBLIES}
    references = framework_references("9.0") | {name: str(path) for name, path in own.items()}
    mode = image_mode()
    return compiled_set(f"roslyn-{mode}", list(own.values()), references, "9.0", CompileOptions(mode=mode))


def compiled_set(
    name: str,
    assemblies: Sequence[Path],
    references: Mapping[str, str],
    target: str,
    options: CompileOptions | None = None,
) -> ImageSet:
    """The images of ``assemblies``, compiled now unless this compiler did it before.

    Raises:
        NativegenError: the first assembly that could not be compiled.
    """
    kept = find_inputs().home / "images" / f"{name}-{target}" / compiler_fingerprint()
    kept.parent.mkdir(parents=True, exist_ok=True)
    # The workers of a parallel test run want the same sets, and one of them shall compile.
    with locked(f"{kept.parent}.lock", create=True):
        if not kept.is_dir():
            _make(kept, assemblies, references, target, options or CompileOptions())
    document = json.loads((kept / "reports.json").read_text("utf-8"))
    reports = {each["name"]: _report(each) for each in document["reports"]}
    return ImageSet(kept, reports, document["seconds"], document["jobs"])


def _make(
    kept: Path, assemblies: Sequence[Path], references: Mapping[str, str], target: str, options: CompileOptions
) -> None:
    """Compile into the folder ``kept`` and delete the sets it replaces."""
    others = [path for path in kept.parent.iterdir() if not path.name.startswith(_UNFINISHED) or _abandoned(path)]
    work = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=kept.parent))
    try:
        _compile_into(work, assemblies, references, target, options)
        os.rename(work, kept)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for other in others:
        shutil.rmtree(other)


def _abandoned(path: Path) -> bool:
    """Left behind by a process that was killed."""
    return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS


def _compile_into(
    folder: Path, assemblies: Sequence[Path], references: Mapping[str, str], target: str, options: CompileOptions
) -> None:
    requests = [CompileRequest(str(path), str(folder / path.name), target, references, options) for path in assemblies]
    jobs = os.cpu_count() or 1
    start = time.perf_counter()
    reports = []
    for outcome in compile_many(requests, jobs=jobs, progress=_progress(start)):
        if isinstance(outcome, CompileFailure):
            raise outcome.error
        reports.append(asdict(outcome))
    document = {"seconds": time.perf_counter() - start, "jobs": jobs, "reports": reports}
    (folder / "reports.json").write_text(json.dumps(document), "utf-8")


def _progress(start: float) -> Callable[[Progress], None]:
    """Prints a line at every tenth part."""
    told = 0

    def report(progress: Progress) -> None:
        nonlocal told
        part = 10 * progress.done // progress.total
        if part > told:
            told = part
            seconds = time.perf_counter() - start
            line = f"compiled {progress.done} of {progress.total} methods, {seconds:.0f} s ({progress.assembly})"
            print(line, file=sys.stderr, flush=True)

    return report


def _report(document: dict[str, object]) -> CompileReport:
    exclusions, instances = document.pop("exclusions"), document.pop("instances")
    assert isinstance(exclusions, list) and isinstance(instances, list)
    return CompileReport(
        **document,  # type: ignore[arg-type]
        exclusions=tuple(ExcludedMethod(**each) for each in exclusions),
        instances=tuple(GenericInstance(**each) for each in instances),
    )
