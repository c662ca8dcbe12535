"""Which features of generated methods are counted together, for the sweep's table.

A feature of the table is a group of the notes that expressions and statements make while they generate.

>>> grouped(Counter({"EH catch": 2, "byrefs": 1}))["byrefs and aliasing"]
1
"""

from __future__ import annotations

from collections.abc import Iterable

GROUPS: dict[str, tuple[str, ...]] = {
    "exception handling": ("EH",),
    "EH nesting": ("EH nesting", "EH in a handler"),
    "EH catch": ("EH catch",),
    "EH filter": ("EH filter",),
    "EH finally": ("EH finally",),
    "EH fault": ("EH fault",),
    "EH leaving with a value, or a loop": ("EH return", "EH leave"),
    "EH throwing in a handler, inside a try block": ("EH throwing handler",),
    "EH throw, rethrow": ("EH throw", "EH rethrow"),
    "synchronized methods": ("synchronized",),
    "struct shape numbers": ("struct shape: numbers",),
    "struct shape floats": ("struct shape: floats",),
    "struct shape references": ("struct shape: references",),
    "struct shape mixed": ("struct shape: mixed",),
    "struct shape nested": ("struct shape: nested",),
    "struct shape packed": ("struct shape: packed",),
    "struct shape explicit": ("struct shape: explicit",),
    "struct arguments": ("struct arguments",),
    "struct results": ("struct results",),
    "struct copies": ("struct copies",),
    "structs kept on the stack": ("structs kept on the stack",),
    "byrefs": ("byrefs",),
    "byref aliasing": ("byref aliasing",),
    "small callees": ("small callees",),
    "small callees with branches": ("small callees with branches",),
    "calls across modules": ("calls across modules",),
    "virtual and interface calls": ("virtual calls",),
    "delegates": ("delegates",),
    "calli": ("calli",),
    "allocation": ("allocation",),
    "boxing": ("boxing",),
    "casts": ("casts",),
    "array elements": ("array elements",),
    "arithmetic edge values": ("edge values",),
    "overflow checks": ("overflow checks",),
    "overflow checks of unsigned numbers": ("unsigned overflow checks",),
    "divisions": ("divisions",),
    "conversions": ("conversions",),
    "values across branches": ("values across branches",),
    "dup": ("dup",),
    "switches": ("switches",),
    "loops": ("loops",),
    "generic methods": ("generic methods",),
    "generic classes": ("generic classes",),
    "generic structs": ("generic structs",),
    "generic virtual and interface calls": ("generic virtual calls",),
    "generic code over value types": ("generic code over values",),
    "generic code over reference types": ("generic code over references",),
}


def groups_of(features: Iterable[str]) -> set[str]:
    """The groups to which any of the features belongs."""
    noted = set(features)
    return {group for group, members in GROUPS.items() if noted.intersection(members)}
