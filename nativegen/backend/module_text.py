"""The fixed text around the method definitions of one LLVM module: target, attributes, declarations, metadata.

The compiler's emitter writes function definitions only; the backend puts ``MODULE_HEAD``, one ``comdat`` line per
function, the externals' declarations, the definitions and ``MODULE_TAIL`` together. Both sides use the names below, so
a number or an attribute exists in one place.

Invariants:
* Every definition carries ``METHOD_ATTRIBUTES``, which ends with ``comdat``: it puts each function (with its jump
  tables, .pdata and .xdata) into sections of its own, so that a method's bytes cannot depend on its neighbours in the
  module.
* Numbered metadata below 300 belongs to this module, and so do the numbers that :func:`with_scopes` gives; definitions
  contain none of their own.
* Nothing here names a CPU: the target machine decides.

The text of one method (``m7``), calling the cell stub ``@stub1``, with one reference in its home:

>>> text = f'''define cc 78 i32 @m7(ptr addrspace(1) %this) {METHOD_ATTRIBUTES} {{
... entry:
...   %homes = alloca [1 x ptr addrspace(1)], align 8
...   store ptr addrspace(1) %this, ptr %homes, {TBAA_HOME}
...   call void (i64, i32, ...) @llvm.experimental.stackmap(i64 {STACKMAP_HOMES}, i32 0, ptr %homes)
...   %r = call cc 78 i32 @stub1()
...   ret i32 %r
... }}'''
"""

from __future__ import annotations

import re
from collections.abc import Sequence

TRIPLE = "x86_64-pc-windows-msvc"  # facts: joint-design.md 5; COFF gives the unwind codes CoreCLR understands
CALLING_CONVENTION = "cc 78"  # x86_64_sysvcc

# Attribute group 0 is for every function that becomes a unit; "disable-tail-calls" keeps frames in stack traces and
# every transfer to a stub a `call`, as crossgen does; "probe-stack" makes big frames overflow the way the runtime
# recognises.
METHOD_ATTRIBUTES = "#0 comdat"
# The same without tables for switches, of addresses or of constants: see `nativegen.backend.batch`.
_WITHOUT_TABLES = "#2 comdat"
# For declarations of throw helpers: never return, and their call sites are cold. Two of them must not be merged into
# one: a stack trace tells by the return address which check it was.
NORETURN_ATTRIBUTES = "#1"
# `mov rsi, rbp` in front of a function's prolog: its second parameter is its caller's frame register.
FRAME_REGISTER_PARAMETER = b"\x48\x89\xee"
PERSONALITY = "personality ptr @ProcessCLRException"  # goes between METHOD_ATTRIBUTES and "{" of methods with funclets

# Ids of llvm.experimental.stackmap calls.
STACKMAP_VARIABLES = 778  # `i64 778, i32 0, ptr %s3, ...`: variables outside the homes, for debuggers
STACKMAP_HOMES = 777  # `i64 777, i32 0, ptr %homes`, once, after the initialising stores

# Ready-made metadata attachments. TBAA_HOME only on direct accesses to home slots whose address never becomes a byref;
# TBAA_HEAP only on accesses through object references (facts: llvm-codegen.md, "TBAA trap"); all others carry none.
TBAA_HOME = "!tbaa !103"
TBAA_HEAP = "!tbaa !104"
LIKELY_FALSE = "!prof !106"  # second successor of a `br i1` is the usual one
RANGE_LENGTH = "!range !107"  # i32 array or string length: 0 .. 2**31-1
INVARIANT_LOAD = "!invariant.load !108"


def entry_code(code: bytes) -> str:
    """The text that puts machine code in front of a function's prolog; goes between METHOD_ATTRIBUTES and "{"."""
    return f"prologue <{{ {', '.join(['i8'] * len(code))} }}> <{{ {', '.join(f'i8 {byte}' for byte in code)} }}>"


def _with_overflow() -> list[str]:
    return [
        f"declare {{{bits}, i1}} @llvm.{name}.with.overflow.{bits}({bits}, {bits})"
        for name in ("sadd", "uadd", "ssub", "usub", "smul", "umul")
        for bits in ("i32", "i64")
    ]


def _saturating_conversions() -> list[str]:
    return [
        f"declare {result} @llvm.fpto{sign}i.sat.{result}.{suffix}({source})"
        for sign in "su"
        for result in ("i8", "i16", "i32", "i64")
        for suffix, source in (("f32", "float"), ("f64", "double"))
    ]


def _float_functions() -> list[str]:
    # Without SSE4.1 the rounding functions (and fma without FMA) become library calls: the method is excluded.
    unary = ("fabs", "sqrt", "floor", "ceil", "trunc", "rint", "nearbyint", "roundeven")
    lines = []
    for suffix, kind in (("f32", "float"), ("f64", "double")):
        lines += [f"declare {kind} @llvm.{name}.{suffix}({kind})" for name in unary]
        lines.append(f"declare {kind} @llvm.copysign.{suffix}({kind}, {kind})")
        lines += [f"declare {kind} @llvm.{name}.{suffix}({kind}, {kind})" for name in ("minimum", "maximum")]
        lines.append(f"declare {kind} @llvm.fma.{suffix}({kind}, {kind}, {kind})")
    return lines


def _integer_functions() -> list[str]:
    lines = []
    for bits in ("i16", "i32", "i64"):
        lines.append(f"declare {bits} @llvm.bswap.{bits}({bits})")
    for bits in ("i8", "i16", "i32", "i64"):
        lines.append(f"declare {bits} @llvm.ctpop.{bits}({bits})")
        lines += [f"declare {bits} @llvm.{name}.{bits}({bits}, i1 immarg)" for name in ("ctlz", "cttz", "abs")]
        lines += [f"declare {bits} @llvm.{name}.{bits}({bits}, {bits})" for name in ("smin", "smax", "umin", "umax")]
        lines += [f"declare {bits} @llvm.{name}.{bits}({bits}, {bits}, {bits})" for name in ("fshl", "fshr")]
    return lines


# The hardware's own conversions (0x80000000(00000000) for NaN and out of range): which runtime wants these and which
# the saturating ones above is the emitter's knowledge. Plain fptosi/fptoui are undefined out of range.
_X86_CONVERSIONS = [
    "declare i32 @llvm.x86.sse2.cvttsd2si(<2 x double>)",
    "declare i64 @llvm.x86.sse2.cvttsd2si64(<2 x double>)",
    "declare i32 @llvm.x86.sse.cvttss2si(<4 x float>)",
    "declare i64 @llvm.x86.sse.cvttss2si64(<4 x float>)",
]

_MEMORY = [
    "declare void @llvm.experimental.stackmap(i64, i32, ...)",
    "declare void @llvm.memset.inline.p0.i64(ptr, i8, i64 immarg, i1 immarg)",
    "declare void @llvm.memset.inline.p1.i64(ptr addrspace(1), i8, i64 immarg, i1 immarg)",
    *(
        f"declare void @llvm.memcpy.inline.p{to}.p{source}.i64"
        f"(ptr addrspace({to}), ptr addrspace({source}), i64 immarg, i1 immarg)"
        for to in (0, 1)
        for source in (0, 1)
    ),
    "declare ptr @llvm.stacksave.p0()",
    "declare void @llvm.stackrestore.p0(ptr)",
    "declare void @llvm.trap() noreturn cold",
]

_ATTRIBUTES = 'noredzone uwtable "no-builtins" "probe-stack"="clr_chkstk" "disable-tail-calls"="true"'

MODULE_HEAD = "\n".join(
    [
        f'target triple = "{TRIPLE}"',
        f"attributes #0 = {{ {_ATTRIBUTES} }}",
        "attributes #1 = { noreturn cold nomerge }",
        f'attributes #2 = {{ {_ATTRIBUTES} "no-jump-tables"="true" }}',
        "declare i32 @ProcessCLRException(...)",
        *_MEMORY,
        *_with_overflow(),
        *_saturating_conversions(),
        *_float_functions(),
        *_integer_functions(),
        *_X86_CONVERSIONS,
        "",
    ]
)

MODULE_TAIL = """
!100 = !{!"nativegen"}
!101 = !{!"home", !100}
!102 = !{!"heap", !100}
!103 = !{!101, !101, i64 0}
!104 = !{!102, !102, i64 0}
!105 = !{!"branch_weights", i32 1000000, i32 1}
!106 = !{!"branch_weights", i32 1, i32 1000000}
!107 = !{i32 0, i32 2147483647}
!108 = !{}
!109 = !{i8 0, i8 2}
"""

# Where code comes from. LLVM carries "line numbers" from instructions to machine code, and ours are CIL offsets plus
# one (0 means "no line" there). LLVM's CodeView tables keep them with each function; facts: backend/line_tables.py.
_SCOPE = "!@"
_MAX_LINE = 0xEFFFFF  # above, CodeView has numbers with a meaning of their own
_SUBPROGRAM = (
    'distinct !DISubprogram(name: "m", file: !203, type: !204, unit: !202, spFlags: DISPFlagDefinition)'
)
_DEBUG_TAIL = """
!llvm.module.flags = !{!200, !201}
!llvm.dbg.cu = !{!202}
!200 = !{i32 2, !"CodeView", i32 1}
!201 = !{i32 2, !"Debug Info Version", i32 3}
!202 = distinct !DICompileUnit(language: DW_LANG_C, file: !203, emissionKind: LineTablesOnly)
!203 = !DIFile(filename: "cil", directory: "")
!204 = !DISubroutineType(types: !108)
"""


def scope_of(number: int) -> str:
    """The attachment of a definition: number 0 is the method, filters count from 1; ends with a space."""
    return f"!dbg {_SCOPE}{number} "


def location(il_offset: int, scope: int) -> str:
    """The attachment of an instruction that comes from ``il_offset``, in the definition with that scope number."""
    if not 0 <= il_offset < _MAX_LINE:
        return ""
    return f", !dbg !DILocation(line: {il_offset + 1}, scope: {_SCOPE}{scope})"


def with_scopes(texts: Sequence[str]) -> tuple[list[str], str]:
    """The texts with their scopes numbered, and the metadata that defines these."""
    numbered, scopes = [], []
    for index, text in enumerate(texts):
        if _SCOPE in text:
            # Of one width, so that scope 1 of text 7 is not scope 11 of another.
            prefix = f"!1{index:05}"
            text = text.replace(_SCOPE, prefix)
            scopes += [f"{prefix}{number} = {_SUBPROGRAM}" for number in range(1 + text.count("\ndefine "))]
        numbered.append(text)
    return numbered, "\n".join(scopes) + _DEBUG_TAIL if scopes else ""


_DEFINITION = re.compile(r"^define [^\n@]*@([\w.$-]+)\(", re.MULTILINE)


def defined_symbols(text: str) -> list[str]:
    """The names of the functions that LLVM text defines, in order (the method first, then its filters)."""
    return _DEFINITION.findall(text)


def without_tables(text: str) -> str:
    """The same definitions, for which LLVM makes no tables of a switch."""
    return text.replace(METHOD_ATTRIBUTES, _WITHOUT_TABLES)
