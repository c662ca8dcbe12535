"""How many methods are native, and why the others are not: ``python -m tests.acceptance.coverage`` prints the tables.

Counted as ACCEPTANCE.md "Coverage" says: of all methods with CIL, those *set apart* are subtracted (marked BypassNGen
or AggressiveOptimization, or using hardware intrinsics: no compiler ahead of time may take them); native are those of
the rest with code in the image. The same count over Microsoft's images gives crossgen's figure: there a generic method
is native when the image has code for one of its instances.

>>> count_report(Path("Azure.Core.dll"), report).share
0.866
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nativegen.metadata import Assembly, CodedIndex, Table
from nativegen.metadata.opcodes import decode
from nativegen.pipeline.eligibility import methods_with_cil
from nativegen.pipeline.request import CompileOptions, CompileReport
from nativegen.readytorun.enums import MethodSigFlags
from nativegen.readytorun.names import MetadataNames
from nativegen.readytorun.reader import ReadyToRunImage
from tests.support.images import azmcp_references, compiled_azmcp, compiled_roslyn, compiled_set
from tests.support.paths import find_inputs
from tests.support.runtimes import framework_references

#: Issue 2: at least half of all methods of these must be native.
NAMED = ("Azure.Core", "Npgsql", "OpenAI", "Microsoft.Azure.Cosmos.Client", "azmcp")
#: Framework assemblies whose images by Microsoft are counted too.
FRAMEWORK = (
    "System.Collections",
    "System.Linq",
    "System.Net.Http",
    "System.Private.CoreLib",
    "System.Private.Xml",
    "System.Text.Json",
)

_AGGRESSIVE_OPTIMIZATION = 0x0200  # MethodImplOptions
_BYPASS = ("System.Runtime.BypassNGenAttribute", "System.Runtime.BypassReadyToRunAttribute")
_HARDWARE = re.compile(r"System\.Runtime\.Intrinsics\.|System\.Numerics\.Vector(`|::|$)")


@dataclass(slots=True)
class Coverage:
    """Counts of one assembly, or of several added up. ``methods``: with CIL; ``apart`` and ``excluded``: by reason."""

    name: str
    methods: int = 0
    native: int = 0
    plain: int = 0
    plain_native: int = 0
    apart: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)

    @property
    def counted(self) -> int:
        """The denominator."""
        return self.methods - self.apart.total()

    @property
    def share(self) -> float:
        return self.native / self.counted if self.counted else 1.0

    @property
    def plain_share(self) -> float:
        """The same for methods that are not generic and whose type is not."""
        return self.plain_native / self.plain if self.plain else 1.0


def total(name: str, parts: Iterable[Coverage]) -> Coverage:
    """The sum."""
    result = Coverage(name)
    for part in parts:
        result.methods += part.methods
        result.native += part.native
        result.plain += part.plain
        result.plain_native += part.plain_native
        result.apart.update(part.apart)
        result.excluded.update(part.excluded)
    return result


def count_report(path: Path, report: CompileReport) -> Coverage:
    """One assembly that we compiled: ``path`` is its IL."""
    excluded = {method.rid: method.code for method in report.exclusions}
    assembly = Assembly.open(path)
    native = {rid for rid in methods_with_cil(assembly) if rid not in excluded}
    coverage = _count(assembly, native)
    apart = set_apart(assembly)
    coverage.excluded.update(code for rid, code in excluded.items() if rid not in apart)
    return coverage


def count_image(path: Path) -> Coverage:
    """One image that another compiler made."""
    image = ReadyToRunImage.open(path)
    native = set(image.method_entries)
    for instance in image.instance_entries:
        if not instance.method.flags & MethodSigFlags.MemberRefToken and not instance.method.module:
            native.add(instance.method.number)
    return _count(image.assembly, native)


def _count(assembly: Assembly, native: set[int]) -> Coverage:
    apart = set_apart(assembly)
    generic = generic_methods(assembly)
    coverage = Coverage(assembly.name)
    for rid in methods_with_cil(assembly):
        coverage.methods += 1
        if rid in apart:
            coverage.apart[apart[rid]] += 1
            continue
        coverage.native += rid in native
        if rid not in generic:
            coverage.plain += 1
            coverage.plain_native += rid in native
    return coverage


def generic_methods(assembly: Assembly) -> set[int]:
    """Methods that have type parameters or whose type has (a nested type repeats those of the types around it)."""
    found: set[int] = set()
    for row in assembly.rows(Table.GenericParam):
        owner = assembly.coded_token(CodedIndex.TypeOrMethodDef, row[2])
        if owner >> 24 == Table.MethodDef:
            found.add(owner & 0xFFFFFF)
        else:
            found.update(assembly.type_def(owner & 0xFFFFFF).method_rids)
    return found


def set_apart(assembly: Assembly) -> dict[int, str]:
    """Methods that don't count -> why."""
    names = MetadataNames(assembly)
    hardware = {
        table << 24 | rid
        for table in (Table.MethodDef, Table.MemberRef)
        for rid in range(1, assembly.row_count(table) + 1)
        if _HARDWARE.search(names.token_name(table << 24 | rid))
    }
    for rid in range(1, assembly.row_count(Table.MethodSpec) + 1):
        if assembly.method_spec(rid).method_token in hardware:
            hardware.add(Table.MethodSpec << 24 | rid)
    found: dict[int, str] = {}
    for rid in methods_with_cil(assembly):
        token = Table.MethodDef << 24 | rid
        if assembly.method_def(rid).impl_flags & _AGGRESSIVE_OPTIMIZATION:
            found[rid] = "aggressive-optimization"
        elif any(assembly.has_attribute(token, attribute) for attribute in _BYPASS):
            found[rid] = "bypass-attribute"
        elif token in hardware or (hardware and _uses(assembly, rid, hardware)):
            found[rid] = "hardware-intrinsic"
    return found


def _uses(assembly: Assembly, rid: int, tokens: set[int]) -> bool:
    body = assembly.method_body(rid)
    return body is not None and any(
        operand in tokens for _, _, operand in decode(body.code) if isinstance(operand, int)
    )


def application_coverage() -> list[Coverage]:
    """All assemblies of azmcp that have code."""
    return _counted(compiled_azmcp().reports, azmcp_references())


def roslyn_coverage() -> list[Coverage]:
    """Microsoft.CodeAnalysis and .CSharp."""
    roslyn = find_inputs().roslyn
    reports = compiled_roslyn().reports
    return _counted(reports, {name: str(roslyn / f"{name}.dll") for name in reports})


def framework_coverage(target: str) -> list[Coverage]:
    """Ours over the framework assemblies, recompiled from their IL."""
    references = framework_references(target)
    paths = [Path(references[name]) for name in FRAMEWORK]
    images = compiled_set("framework", paths, references, target, CompileOptions(from_native=True))
    return _counted(images.reports, references)


def _counted(reports: Mapping[str, CompileReport], paths: Mapping[str, str]) -> list[Coverage]:
    return [count_report(Path(paths[name]), report) for name, report in sorted(reports.items()) if report.methods]


def _table(title: str, rows: Iterable[Coverage]) -> Iterator[str]:
    yield f"\n{title}"
    yield f"  {'assembly':44} {'methods':>8} {'apart':>6} {'native':>8} {'share':>7} {'non-generic':>12}"
    for row in rows:
        shares = f"{100 * row.share:6.1f}% {100 * row.plain_share:11.1f}%"
        yield f"  {row.name[:44]:44} {row.methods:8} {row.apart.total():6} {row.native:8} {shares}"


def _reasons(coverage: Coverage) -> Iterator[str]:
    yield f"  reasons ({coverage.name}):"
    for code, count in coverage.excluded.most_common():
        yield f"    {code:26} {count:8} {100 * count / coverage.counted:6.2f}%"
    for code, count in coverage.apart.most_common():
        yield f"    {code:26} {count:8}   set apart"


def main() -> int:
    """Print every table; ``--all``: a row for each assembly of azmcp; ``--framework``: ours too, which compiles it."""
    application = application_coverage()
    everything = total("azmcp, all assemblies", application)
    rows = application if "--all" in sys.argv else [row for row in application if row.name in NAMED]
    roslyn = total("Roslyn", roslyn_coverage())
    lines = [*_table("azmcp and Roslyn, 9.0", [*rows, everything, roslyn]), *_reasons(everything), *_reasons(roslyn)]
    for target in ("3.1", "9.0"):
        references = framework_references(target)
        theirs = [count_image(Path(references[name])) for name in FRAMEWORK]
        lines += _table(f"Microsoft's images, {target}", [*theirs, total("all", theirs)])
        if "--framework" in sys.argv:
            ours = framework_coverage(target)
            together = total("all", ours)
            lines += [*_table(f"ours of the same assemblies, {target}", [*ours, together]), *_reasons(together)]
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
