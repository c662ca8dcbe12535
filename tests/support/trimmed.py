"""What a program needs that the trimmed framework of .NET 10's test host does not have.

The host is made from an application that was trimmed when it was published, so types and members that nothing in it
uses are gone. A program that refers to one can't run there; its test is skipped with the list as the reason.

>>> lacking(tmp_path / "program.dll")
['System.Threading.Monitor::IsEntered']
"""

from __future__ import annotations

import re
from pathlib import Path

from nativegen.metadata import Table
from nativegen.readytorun.targets import target_named
from nativegen.typesystem import TypeSystem
from nativegen.typesystem.errors import TypeLoadError
from tests.support.paths import TRIMMED_TARGET
from tests.support.runtimes import framework_references

_EXTERN = re.compile(r"\.assembly\s+extern\s+([\w.]+)\s*\{[^}]*\}")
_CORE = ".assembly extern System.Private.CoreLib { .ver 9:0:0:0 .publickeytoken = (7C EC 85 D7 BE A7 79 8E) }"


def il_for_the_host(text: str) -> str:
    """IL that refers to the core library itself instead of to facades, which were trimmed away or trimmed."""
    kept = set(framework_references(TRIMMED_TARGET)) - {"System.Runtime"}
    facades = [name for name in _EXTERN.findall(text) if name.startswith("System.") and name not in kept]
    for name in facades:
        text = text.replace(f"[{name}]", "[System.Private.CoreLib]")
    declared = _EXTERN.sub(lambda found: "" if found[1] in facades else found[0], text)
    return f"{_CORE}\n{declared}" if facades else text


# The facade that mono's ilasm refers to behind one's back, with all that it needs of it.
MSCORLIB = "[assembly: System.Runtime.CompilerServices.TypeForwardedTo(typeof(System.ValueType))]"

_FIELD = b"\x06"  # begins the signatures of fields


def lacking(assembly: Path, *others: Path) -> list[str]:
    """Types and members that the assembly refers to and neither the host nor the ``others`` have, sorted."""
    known = framework_references(TRIMMED_TARGET) | {path.stem: str(path) for path in others}
    module = TypeSystem(target_named(TRIMMED_TARGET), known.get).open(str(assembly))
    opened = module.assembly
    missing: set[str] = set()
    for rid in range(1, opened.row_count(Table.TypeRef) + 1):
        try:
            module.type(Table.TypeRef << 24 | rid)
        except TypeLoadError:
            missing.add(opened.type_ref_full_name(rid))
    arguments = (module.type_system.well_known("System.Object"),) * 8  # for members of generic types
    for rid in range(1, opened.row_count(Table.MemberRef) + 1):
        row = opened.member_ref(rid)
        token = Table.MemberRef << 24 | rid
        load = module.field if row.signature[:1] == _FIELD else module.method
        try:
            load(token, arguments, arguments)
        except TypeLoadError as error:
            missing.add(f"{row.name}: {error}")
    # Attributes that nobody reads, and what ilasm writes without using it.
    return sorted(each for each in missing if "System.Security." not in each and each != "System.ValueType")
