"""Everything that differs between runtime majors, as data: one frozen :class:`Target` per runtime we can compile for.

Code that needs to know "is this .NET 9?" asks a field of the target instead; no other module compares names or
versions. Adding a runtime is adding a row here (and proving it in the tests).

Sources: readytorun.h, readytorunhelpers.h, excep.h (NULL_AREA_SIZE) and jitinterface.h
(MAX_UNCHECKED_OFFSET_FOR_NULL_OBJECT) of each runtime, and what Microsoft's own images of that runtime contain.

>>> target_named("9.0").poll
'trap-flag'
>>> target_for_runtime_version("3.1.23").gcinfo_version
2
>>> target_named("3.1").helper_id(Helper.MemSet), target_named("9.0").helper_id(Helper.MemSet)
(64, 63)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from nativegen.diagnostics import NativegenError
from nativegen.readytorun.enums import FixupKind, Helper


@dataclass(frozen=True, slots=True)
class Target:
    """One runtime profile.

    Args:
        name: what users write: ``3.1``.
        runtime_version_prefix: runtime versions that begin with it belong to this target.
        r2r_major, r2r_minor: image header version that we write; the runtime ignores images of another major.
        gcinfo_version: version of the GcInfo encoding that this R2R major implies.
        requires_manifest_metadata: the runtime dies at load without section 112.
        environment_prefix: of the runtime's configuration variables.
        poll: how compiled loops let a collection in: ``pinvoke`` (leave and re-enter cooperative mode), or
            ``trap-flag`` (test the word whose address IndirectTrapThreads gives, call GCPoll).
        struct_field_size_rounded_to_4, struct_fields_aligned_to_8: auto layout of by-value struct fields.
        auto_struct_breaks_sequential: a struct containing a not managed-sequential struct is laid out as auto itself.
        explicit_size_rounded_if_blittable: an explicit-layout struct that has another form in native code keeps its end
            as its size, unrounded.
        sequential_class_must_be_blittable: a class with sequential layout keeps it only if it has the same form in
            native code.
        empty_structs_in_memory: a struct without fields, or with one of these in it, is passed on the stack.
        field_index_signatures: FieldSigFlags.IndexInsteadOfToken is understood.
        packed_debug_bounds: how section 105 writes bounds, see :mod:`nativegen.readytorun.debug_info`.
        foreign_generic_instances: instances of other modules' generics are looked up in our image.
        generic_maps: it reads sections 121 to 123 (:mod:`nativegen.readytorun.metadata_tables`).
        start_recordings: its player of start-up recordings takes native code and generic methods
            (dotnet/runtime#48326), without the mistake of .NET 7 and 8 (#98731); and a published folder proved it.
        statics_start_with_header: a class's block of plain static fields begins with 8 bytes of the runtime's.
        returned_references: who tells the collector which references a call returns, when it is interrupted at its
            return: ``callee`` (its return kind) or ``caller`` (the registers of a safe point behind the call).
        funclet_frame: how a funclet finds its method's frame: ``establisher`` (rdi is the method's stack pointer, which
            the method keeps in its PSPSym) or ``frame-register`` (rbp is the method's).
        exception_register: in which a catch funclet or a filter gets the exception.
        duplicated_clauses: a handler inside a try block needs that block's clauses once more for itself; else the
            runtime goes on in the method's own frame, and would run them twice.
        same_try_flag: a catch clause must say that it covers the try block of the clause before it
            (ClauseFlags.SAME_TRY), or a sibling catches what a handler throws.
        rid: runtime identifier of native assets.
        os, arch, cpu_baseline: what the code may rely on.
        float_to_int: what the JIT makes of NaN and out-of-range values when it converts without checking: ``x86``
            (cvttsd2si's 0x80..0; uint through long, ulong in two halves), or ``saturating`` (nearest value, NaN to 0).
        ulong_to_float_rounds_once: ``conv.r.un; conv.r4`` of a 64-bit integer is one conversion; else it goes through
            double (in 9.0 not where its JIT may use AVX-512; its own images do so everywhere).
        uint64_to_double: ``offset`` (convert as signed, add 2**64 when that is negative: rounds twice) or ``exact``.
        unsigned_compare_zero_extends: cgt.un and clt.un of native int and int32 (the standard leaves it open) widen the
            int32 by zeros; else by its sign. Branches widen by zeros in any case.
        helpers: numbers of the helpers that this runtime has.
        fixup_kinds: fixups that it resolves; another one makes it reject the method or worse.
        untested: no runtime was at hand: what differs was only read. Refused unless the user insists.
        null_page_limit: dereferencing null at an offset below this many bytes raises NullReferenceException; half the
            smallest page, the limit that the runtime gives its own JIT.
    """

    name: str
    runtime_version_prefix: str
    r2r_major: int
    r2r_minor: int
    gcinfo_version: int
    requires_manifest_metadata: bool
    environment_prefix: str
    poll: Literal["pinvoke", "trap-flag"]
    struct_field_size_rounded_to_4: bool
    struct_fields_aligned_to_8: bool
    auto_struct_breaks_sequential: bool
    explicit_size_rounded_if_blittable: bool
    sequential_class_must_be_blittable: bool
    empty_structs_in_memory: bool
    field_index_signatures: bool
    packed_debug_bounds: bool
    foreign_generic_instances: bool
    generic_maps: bool
    start_recordings: bool
    statics_start_with_header: bool
    returned_references: Literal["callee", "caller"]
    funclet_frame: Literal["establisher", "frame-register"]
    exception_register: Literal["rdi", "rsi"]
    duplicated_clauses: bool
    same_try_flag: bool
    rid: str
    os: str
    arch: str
    cpu_baseline: str
    null_page_limit: int
    float_to_int: Literal["x86", "saturating"]
    ulong_to_float_rounds_once: bool
    uint64_to_double: Literal["offset", "exact"]
    unsigned_compare_zero_extends: bool
    helpers: Mapping[Helper, int] = field(repr=False, compare=False)
    fixup_kinds: frozenset[FixupKind] = field(repr=False, compare=False)
    untested: bool = False

    @property
    def guards_bodies(self) -> bool:
        """The runtime can check, gracefully, that a method still has the body that our code was made from."""
        return FixupKind.Check_IL_Body in self.fixup_kinds

    def helper_id(self, helper: Helper) -> int:
        """The helper's number in this runtime.

        Raises:
            KeyError: this runtime does not have it.
        """
        return self.helpers[helper]

    def helper_name(self, number: int) -> str | None:
        """The name of a helper number, or None; for describing images."""
        return next((helper.name for helper, known in self.helpers.items() if known == number), None)

    def __reduce__(self) -> tuple[object, ...]:
        # Crosses into worker processes by name: the mappings are shared, read-only and not picklable.
        return (target_named, (self.name,))


_COMMON_HELPERS: Mapping[Helper, int] = {
    Helper.Module: 0x01,
    Helper.GSCookie: 0x02,
    Helper.DelayLoad_MethodCall: 0x08,
    Helper.DelayLoad_Helper: 0x10,
    Helper.DelayLoad_Helper_Obj: 0x11,
    Helper.DelayLoad_Helper_ObjObj: 0x12,
    Helper.Throw: 0x20,
    Helper.Rethrow: 0x21,
    Helper.Overflow: 0x22,
    Helper.RngChkFail: 0x23,
    Helper.FailFast: 0x24,
    Helper.ThrowNullRef: 0x25,
    Helper.ThrowDivZero: 0x26,
    Helper.WriteBarrier: 0x30,
    Helper.CheckedWriteBarrier: 0x31,
    Helper.ByRefWriteBarrier: 0x32,
    Helper.Stelem_Ref: 0x38,
    Helper.Ldelema_Ref: 0x39,
    Helper.MemCpy: 0x41,
    Helper.PInvokeBegin: 0x42,
    Helper.PInvokeEnd: 0x43,
    Helper.GetRuntimeTypeHandle: 0x54,
    Helper.GetRuntimeMethodHandle: 0x55,
    Helper.GetRuntimeFieldHandle: 0x56,
    Helper.Box: 0x58,
    Helper.Box_Nullable: 0x59,
    Helper.Unbox: 0x5A,
    Helper.Unbox_Nullable: 0x5B,
    Helper.NewMultiDimArr: 0x5C,
    Helper.NewObject: 0x60,
    Helper.NewArray: 0x61,
    Helper.CheckCastAny: 0x62,
    Helper.CheckInstanceAny: 0x63,
    Helper.GenericGcStaticBase: 0x64,
    Helper.GenericNonGcStaticBase: 0x65,
    Helper.GenericGcTlsBase: 0x66,
    Helper.GenericNonGcTlsBase: 0x67,
    Helper.VirtualFuncPtr: 0x68,
    Helper.LMul: 0xC0,
    Helper.LMulOfv: 0xC1,
    Helper.ULMulOvf: 0xC2,
    Helper.LDiv: 0xC3,
    Helper.LMod: 0xC4,
    Helper.ULDiv: 0xC5,
    Helper.ULMod: 0xC6,
    Helper.LLsh: 0xC7,
    Helper.LRsh: 0xC8,
    Helper.LRsz: 0xC9,
    Helper.Lng2Dbl: 0xCA,
    Helper.ULng2Dbl: 0xCB,
    Helper.Div: 0xCC,
    Helper.Mod: 0xCD,
    Helper.UDiv: 0xCE,
    Helper.UMod: 0xCF,
    Helper.Dbl2Int: 0xD0,
    Helper.Dbl2IntOvf: 0xD1,
    Helper.Dbl2Lng: 0xD2,
    Helper.Dbl2LngOvf: 0xD3,
    Helper.Dbl2UInt: 0xD4,
    Helper.Dbl2UIntOvf: 0xD5,
    Helper.Dbl2ULng: 0xD6,
    Helper.Dbl2ULngOvf: 0xD7,
    Helper.DblRem: 0xE0,
    Helper.FltRem: 0xE1,
    Helper.PersonalityRoutine: 0xF0,
    Helper.PersonalityRoutineFilterFunclet: 0xF1,
    Helper.MonitorEnter: 0xF8,
    Helper.MonitorExit: 0xF9,
}

_HELPERS_3_1: Mapping[Helper, int] = MappingProxyType(
    {
        **_COMMON_HELPERS,
        Helper.MemSet: 0x40,  # the C library's memset
        Helper.GetString: 0x50,
        Helper.LogMethodEnter: 0x51,
        Helper.NewMultiDimArr_NonVarArg: 0x5D,
        Helper.DblRound: 0xE2,
        Helper.FltRound: 0xE3,
    }
)

_HELPERS_9_0: Mapping[Helper, int] = MappingProxyType(
    {
        **_COMMON_HELPERS,
        Helper.IndirectTrapThreads: 0x03,
        Helper.BulkWriteBarrier: 0x33,
        Helper.MemZero: 0x3E,
        Helper.MemSet: 0x3F,  # managed
        Helper.NativeMemSet: 0x40,
        Helper.GCPoll: 0x44,
        Helper.ReversePInvokeEnter: 0x45,
        Helper.ReversePInvokeExit: 0x46,
        Helper.Unbox_TypeTest: 0x5D,
        Helper.IsInstanceOfException: 0x69,
        Helper.NewMaybeFrozenArray: 0x6A,
        Helper.NewMaybeFrozenObject: 0x6B,
        Helper.StackProbe: 0x111,
        Helper.GetCurrentManagedThreadId: 0x112,
    }
)

# readytorun.h: versions 9.2, 9.3 and 10.1
_SINCE_9 = (Helper.MemZero, Helper.NativeMemSet, Helper.BulkWriteBarrier, Helper.Unbox_TypeTest)
_HELPERS_8_0: Mapping[Helper, int] = MappingProxyType(
    {
        **{helper: number for helper, number in _HELPERS_9_0.items() if helper not in _SINCE_9},
        Helper.MemSet: 0x40,  # the C library's memset
    }
)

_HELPERS_10_0: Mapping[Helper, int] = MappingProxyType(
    {
        **{helper: _HELPERS_9_0[helper] for helper in _HELPERS_9_0 if helper not in (Helper.Dbl2Int, Helper.Dbl2UInt)},
        Helper.Lng2Flt: 0xD8,
        Helper.ULng2Flt: 0xD9,
    }
)

_FIXUPS_3_1 = frozenset(kind for kind in FixupKind if kind <= FixupKind.IndirectPInvokeTarget)
_FIXUPS_9_0 = frozenset(FixupKind)

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        target.name: target
        for target in (
            Target(
                name="3.1",
                runtime_version_prefix="3.1.",
                r2r_major=3,
                r2r_minor=1,
                gcinfo_version=2,
                requires_manifest_metadata=False,
                environment_prefix="COMPlus_",
                poll="pinvoke",
                struct_field_size_rounded_to_4=True,
                struct_fields_aligned_to_8=True,
                auto_struct_breaks_sequential=True,
                explicit_size_rounded_if_blittable=True,
                sequential_class_must_be_blittable=True,
                empty_structs_in_memory=True,
                packed_debug_bounds=False,
                field_index_signatures=True,
                foreign_generic_instances=False,
                generic_maps=False,
                start_recordings=False,
                statics_start_with_header=True,
                returned_references="callee",
                funclet_frame="establisher",
                exception_register="rsi",
                duplicated_clauses=True,
                same_try_flag=False,
                rid="linux-x64",
                os="linux",
                arch="x64",
                cpu_baseline="x86-64",
                null_page_limit=2048,
                float_to_int="x86",
                ulong_to_float_rounds_once=False,
                uint64_to_double="offset",
                unsigned_compare_zero_extends=True,
                helpers=_HELPERS_3_1,
                fixup_kinds=_FIXUPS_3_1,
            ),
            Target(
                name="8.0",
                runtime_version_prefix="8.0.",
                r2r_major=9,
                r2r_minor=1,
                gcinfo_version=2,
                requires_manifest_metadata=True,
                environment_prefix="DOTNET_",
                poll="trap-flag",
                struct_field_size_rounded_to_4=False,
                struct_fields_aligned_to_8=False,
                auto_struct_breaks_sequential=False,
                explicit_size_rounded_if_blittable=False,
                sequential_class_must_be_blittable=False,
                empty_structs_in_memory=False,
                packed_debug_bounds=False,
                field_index_signatures=False,
                foreign_generic_instances=False,
                generic_maps=False,
                start_recordings=False,
                statics_start_with_header=True,
                returned_references="callee",
                funclet_frame="establisher",
                exception_register="rsi",
                duplicated_clauses=True,
                same_try_flag=False,
                rid="linux-x64",
                os="linux",
                arch="x64",
                cpu_baseline="x86-64",
                null_page_limit=2048,
                float_to_int="x86",
                ulong_to_float_rounds_once=False,
                uint64_to_double="offset",
                unsigned_compare_zero_extends=False,
                helpers=_HELPERS_8_0,
                fixup_kinds=_FIXUPS_9_0,
                untested=True,
            ),
            Target(
                name="9.0",
                runtime_version_prefix="9.0.",
                r2r_major=10,
                r2r_minor=1,
                gcinfo_version=3,
                requires_manifest_metadata=True,
                environment_prefix="DOTNET_",
                poll="trap-flag",
                struct_field_size_rounded_to_4=False,
                struct_fields_aligned_to_8=False,
                auto_struct_breaks_sequential=False,
                explicit_size_rounded_if_blittable=False,
                sequential_class_must_be_blittable=False,
                empty_structs_in_memory=False,
                packed_debug_bounds=False,
                field_index_signatures=False,
                foreign_generic_instances=True,
                generic_maps=True,
                start_recordings=True,
                statics_start_with_header=False,
                returned_references="callee",
                funclet_frame="establisher",
                exception_register="rsi",
                duplicated_clauses=True,
                same_try_flag=True,
                rid="linux-x64",
                os="linux",
                arch="x64",
                cpu_baseline="x86-64",
                null_page_limit=2048,
                float_to_int="saturating",
                ulong_to_float_rounds_once=False,
                uint64_to_double="exact",
                unsigned_compare_zero_extends=False,
                helpers=_HELPERS_9_0,
                fixup_kinds=_FIXUPS_9_0,
            ),
            Target(
                name="10.0",
                runtime_version_prefix="10.0.",
                r2r_major=16,
                r2r_minor=0,
                gcinfo_version=4,
                requires_manifest_metadata=True,
                environment_prefix="DOTNET_",
                poll="trap-flag",
                struct_field_size_rounded_to_4=False,
                struct_fields_aligned_to_8=False,
                auto_struct_breaks_sequential=False,
                explicit_size_rounded_if_blittable=False,
                sequential_class_must_be_blittable=False,
                empty_structs_in_memory=False,
                packed_debug_bounds=True,
                field_index_signatures=False,
                foreign_generic_instances=True,
                generic_maps=True,
                start_recordings=False,
                statics_start_with_header=False,
                returned_references="caller",
                funclet_frame="frame-register",
                exception_register="rdi",
                duplicated_clauses=False,
                same_try_flag=True,
                rid="linux-x64",
                os="linux",
                arch="x64",
                cpu_baseline="x86-64",
                null_page_limit=2048,
                float_to_int="saturating",
                ulong_to_float_rounds_once=True,
                uint64_to_double="exact",
                unsigned_compare_zero_extends=False,
                helpers=_HELPERS_10_0,
                fixup_kinds=_FIXUPS_9_0,
            ),
        )
    }
)

TESTED = tuple(name for name, target in TARGETS.items() if not target.untested)


def target_named(name: str) -> Target:
    """The target that users call ``name``.

    Raises:
        NativegenError: NGEN3101, there is none.
    """
    target = TARGETS.get(name)
    if target is None:
        raise NativegenError("NGEN3101", name=name, known=", ".join(TESTED))
    return target


def require_tested(target: Target, insist: bool) -> Target:
    """The target, if nothing speaks against compiling for it; ``insist``: the user gave --untested-target.

    Raises:
        NativegenError: NGEN3111, it is untested.
    """
    if target.untested and not insist:
        raise NativegenError("NGEN3111", name=target.name)
    return target


def target_for_runtime_version(version: str) -> Target:
    """The target of an installed runtime, e.g. ``9.0.5``.

    Raises:
        NativegenError: NGEN3102, images for this runtime cannot be made.
    """
    for target in TARGETS.values():
        if version.startswith(target.runtime_version_prefix):
            return target
    raise NativegenError("NGEN3102", version=version, known=", ".join(TESTED))


def target_for_r2r_version(major: int) -> Target | None:
    """The target whose images have this major version, or None; for reading images."""
    return next((target for target in TARGETS.values() if target.r2r_major == major), None)
