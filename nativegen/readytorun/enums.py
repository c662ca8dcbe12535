"""Numbers of the ReadyToRun format and their names; no logic.

Names are those of the runtime's readytorun.h, gcinfotypes.h and corhdr.h without their prefixes
(``READYTORUN_FIXUP_TypeHandle`` -> ``FixupKind.TypeHandle``), because that is what everybody searches for. Which of the
numbers a given runtime knows is in :mod:`nativegen.readytorun.targets`. Helpers are the exception: their numbers moved
between runtime majors, so :class:`Helper` only names them and the target maps names to numbers.

>>> FixupKind(0x2B).name
'Check_FieldOffset'
"""

from __future__ import annotations

import enum


class SectionType(enum.IntEnum):
    """ReadyToRunSectionType: what an entry of the header's section table points to."""

    CompilerIdentifier = 100
    ImportSections = 101
    RuntimeFunctions = 102
    MethodDefEntryPoints = 103
    ExceptionInfo = 104
    DebugInfo = 105
    DelayLoadMethodCallThunks = 106
    AvailableTypesOld = 107
    AvailableTypes = 108
    InstanceMethodEntryPoints = 109
    InliningInfo = 110
    ProfileDataInfo = 111
    ManifestMetadata = 112
    AttributePresence = 113
    InliningInfo2 = 114
    ComponentAssemblies = 115
    OwnerCompositeExecutable = 116
    PgoInstrumentationData = 117
    ManifestAssemblyMvids = 118
    CrossModuleInlineInfo = 119
    HotColdMap = 120
    MethodIsGenericMap = 121
    EnclosingTypeMap = 122
    TypeGenericInfoMap = 123


class HeaderFlags(enum.IntFlag):
    """ReadyToRunFlag: flags of the image header."""

    PLATFORM_NEUTRAL_SOURCE = 0x1
    SKIP_TYPE_VALIDATION = 0x2
    PARTIAL = 0x4
    NONSHARED_PINVOKE_STUBS = 0x8
    EMBEDDED_MSIL = 0x10
    COMPONENT = 0x20
    MULTIMODULE_VERSION_BUBBLE = 0x40
    UNRELATED_R2R_CODE = 0x80
    PLATFORM_NATIVE_IMAGE = 0x100


class ImportSectionFlags(enum.IntFlag):
    """ReadyToRunImportSectionFlags."""

    EAGER = 0x1
    PCODE = 0x4


class ImportSectionType(enum.IntEnum):
    """ReadyToRunImportSectionType; names of the runtime's older CORCOMPILE_IMPORT_TYPE for those it no longer lists."""

    UNKNOWN = 0
    EXTERNAL_METHOD = 1
    STUB_DISPATCH = 2
    STRING_HANDLE = 3
    TYPE_HANDLE = 4
    METHOD_HANDLE = 5
    VIRTUAL_METHOD = 6
    IL_BODY_FIXUPS = 7


class FixupKind(enum.IntEnum):
    """ReadyToRunFixupKind: the first byte of a fixup signature, without the ModuleOverride bit (0x80)."""

    ThisObjDictionaryLookup = 0x07
    TypeDictionaryLookup = 0x08
    MethodDictionaryLookup = 0x09
    TypeHandle = 0x10
    MethodHandle = 0x11
    FieldHandle = 0x12
    MethodEntry = 0x13
    MethodEntry_DefToken = 0x14
    MethodEntry_RefToken = 0x15
    VirtualEntry = 0x16
    VirtualEntry_DefToken = 0x17
    VirtualEntry_RefToken = 0x18
    VirtualEntry_Slot = 0x19
    Helper = 0x1A
    StringHandle = 0x1B
    NewObject = 0x1C
    NewArray = 0x1D
    IsInstanceOf = 0x1E
    ChkCast = 0x1F
    FieldAddress = 0x20
    CctorTrigger = 0x21
    StaticBaseNonGC = 0x22
    StaticBaseGC = 0x23
    ThreadStaticBaseNonGC = 0x24
    ThreadStaticBaseGC = 0x25
    FieldBaseOffset = 0x26
    FieldOffset = 0x27
    TypeDictionary = 0x28
    MethodDictionary = 0x29
    Check_TypeLayout = 0x2A
    Check_FieldOffset = 0x2B
    DelegateCtor = 0x2C
    DeclaringTypeHandle = 0x2D
    IndirectPInvokeTarget = 0x2E
    PInvokeTarget = 0x2F
    Check_InstructionSetSupport = 0x30
    Verify_FieldOffset = 0x31
    Verify_TypeLayout = 0x32
    Check_VirtualFunctionOverride = 0x33
    Verify_VirtualFunctionOverride = 0x34
    Check_IL_Body = 0x35
    Verify_IL_Body = 0x36


MODULE_OVERRIDE = 0x80  # READYTORUN_FIXUP_ModuleOverride: a module index follows the kind byte


class MethodSigFlags(enum.IntFlag):
    """ReadyToRunMethodSigFlags: first number of a method signature."""

    UnboxingStub = 0x01
    InstantiatingStub = 0x02
    MethodInstantiation = 0x04
    SlotInsteadOfToken = 0x08
    MemberRefToken = 0x10
    Constrained = 0x20
    OwnerType = 0x40
    UpdateContext = 0x80


class FieldSigFlags(enum.IntFlag):
    """ReadyToRunFieldSigFlags: first number of a field signature."""

    IndexInsteadOfToken = 0x08
    MemberRefToken = 0x10
    OwnerType = 0x40


class TypeLayoutFlags(enum.IntFlag):
    """ReadyToRunTypeLayoutFlags: what a Check_TypeLayout compares."""

    HFA = 0x01
    Alignment = 0x02
    Alignment_Native = 0x04
    GCLayout = 0x08
    GCLayout_Empty = 0x10


class ElementType(enum.IntEnum):
    """ECMA-335 II.23.1.16, and the CoreCLR additions that occur in fixups (cortypeinfo.h, zapsig.h).

    Not taken from :mod:`nativegen.metadata.elements`, because commands that must start at once load this module and no
    metadata; a test compares them.
    """

    VOID = 0x01
    BOOLEAN = 0x02
    CHAR = 0x03
    I1 = 0x04
    U1 = 0x05
    I2 = 0x06
    U2 = 0x07
    I4 = 0x08
    U4 = 0x09
    I8 = 0x0A
    U8 = 0x0B
    R4 = 0x0C
    R8 = 0x0D
    STRING = 0x0E
    PTR = 0x0F
    BYREF = 0x10
    VALUETYPE = 0x11
    CLASS = 0x12
    VAR = 0x13
    ARRAY = 0x14
    GENERICINST = 0x15
    TYPEDBYREF = 0x16
    I = 0x18  # noqa: E741
    U = 0x19
    FNPTR = 0x1B
    OBJECT = 0x1C
    SZARRAY = 0x1D
    MVAR = 0x1E
    CMOD_REQD = 0x1F
    CMOD_OPT = 0x20
    NATIVE_VALUETYPE_ZAPSIG = 0x3D
    CANON_ZAPSIG = 0x3E
    MODULE_ZAPSIG = 0x3F
    SENTINEL = 0x41


class Helper(enum.Enum):
    """ReadyToRunHelper by name; ``Target.helper_id`` gives the number."""

    Module = "Module"
    GSCookie = "GSCookie"
    IndirectTrapThreads = "IndirectTrapThreads"
    DelayLoad_MethodCall = "DelayLoad_MethodCall"
    DelayLoad_Helper = "DelayLoad_Helper"
    DelayLoad_Helper_Obj = "DelayLoad_Helper_Obj"
    DelayLoad_Helper_ObjObj = "DelayLoad_Helper_ObjObj"
    Throw = "Throw"
    Rethrow = "Rethrow"
    Overflow = "Overflow"
    RngChkFail = "RngChkFail"
    FailFast = "FailFast"
    ThrowNullRef = "ThrowNullRef"
    ThrowDivZero = "ThrowDivZero"
    WriteBarrier = "WriteBarrier"
    CheckedWriteBarrier = "CheckedWriteBarrier"
    ByRefWriteBarrier = "ByRefWriteBarrier"
    BulkWriteBarrier = "BulkWriteBarrier"
    Stelem_Ref = "Stelem_Ref"
    Ldelema_Ref = "Ldelema_Ref"
    MemZero = "MemZero"
    MemSet = "MemSet"
    NativeMemSet = "NativeMemSet"
    MemCpy = "MemCpy"
    PInvokeBegin = "PInvokeBegin"
    PInvokeEnd = "PInvokeEnd"
    GCPoll = "GCPoll"
    ReversePInvokeEnter = "ReversePInvokeEnter"
    ReversePInvokeExit = "ReversePInvokeExit"
    GetString = "GetString"
    LogMethodEnter = "LogMethodEnter"
    GetRuntimeTypeHandle = "GetRuntimeTypeHandle"
    GetRuntimeMethodHandle = "GetRuntimeMethodHandle"
    GetRuntimeFieldHandle = "GetRuntimeFieldHandle"
    Box = "Box"
    Box_Nullable = "Box_Nullable"
    Unbox = "Unbox"
    Unbox_Nullable = "Unbox_Nullable"
    NewMultiDimArr = "NewMultiDimArr"
    NewMultiDimArr_NonVarArg = "NewMultiDimArr_NonVarArg"
    Unbox_TypeTest = "Unbox_TypeTest"
    NewObject = "NewObject"
    NewArray = "NewArray"
    CheckCastAny = "CheckCastAny"
    CheckInstanceAny = "CheckInstanceAny"
    GenericGcStaticBase = "GenericGcStaticBase"
    GenericNonGcStaticBase = "GenericNonGcStaticBase"
    GenericGcTlsBase = "GenericGcTlsBase"
    GenericNonGcTlsBase = "GenericNonGcTlsBase"
    VirtualFuncPtr = "VirtualFuncPtr"
    IsInstanceOfException = "IsInstanceOfException"
    NewMaybeFrozenArray = "NewMaybeFrozenArray"
    NewMaybeFrozenObject = "NewMaybeFrozenObject"
    LMul = "LMul"
    LMulOfv = "LMulOfv"
    ULMulOvf = "ULMulOvf"
    LDiv = "LDiv"
    LMod = "LMod"
    ULDiv = "ULDiv"
    ULMod = "ULMod"
    LLsh = "LLsh"
    LRsh = "LRsh"
    LRsz = "LRsz"
    Lng2Dbl = "Lng2Dbl"
    ULng2Dbl = "ULng2Dbl"
    Div = "Div"
    Mod = "Mod"
    UDiv = "UDiv"
    UMod = "UMod"
    Dbl2Int = "Dbl2Int"
    Dbl2IntOvf = "Dbl2IntOvf"
    Dbl2Lng = "Dbl2Lng"
    Dbl2LngOvf = "Dbl2LngOvf"
    Dbl2UInt = "Dbl2UInt"
    Dbl2UIntOvf = "Dbl2UIntOvf"
    Dbl2ULng = "Dbl2ULng"
    Dbl2ULngOvf = "Dbl2ULngOvf"
    Lng2Flt = "Lng2Flt"
    ULng2Flt = "ULng2Flt"
    DblRem = "DblRem"
    FltRem = "FltRem"
    DblRound = "DblRound"
    FltRound = "FltRound"
    PersonalityRoutine = "PersonalityRoutine"
    PersonalityRoutineFilterFunclet = "PersonalityRoutineFilterFunclet"
    MonitorEnter = "MonitorEnter"
    MonitorExit = "MonitorExit"
    StackProbe = "StackProbe"
    GetCurrentManagedThreadId = "GetCurrentManagedThreadId"


class ClauseFlags(enum.IntFlag):
    """CorExceptionFlag (ECMA-335 II.25.4.6) as used in ExceptionInfo; 0 is a typed catch."""

    CATCH = 0
    FILTER = 1
    FINALLY = 2
    FAULT = 4
    DUPLICATED = 8
    SAME_TRY = 16  # corinfo.h: CORINFO_EH_CLAUSE_SAMETRY


class UnwindOp(enum.IntEnum):
    """UNWIND_CODE operations of the Windows x64 ABI, which CoreCLR uses on every x64 system (win64unwind.h)."""

    PUSH_NONVOL = 0
    ALLOC_LARGE = 1
    ALLOC_SMALL = 2
    SET_FPREG = 3
    SAVE_NONVOL = 4
    SAVE_NONVOL_FAR = 5
    EPILOG = 6
    SPARE_CODE = 7
    SAVE_XMM128 = 8
    SAVE_XMM128_FAR = 9
    PUSH_MACHFRAME = 10
    SET_FPREG_LARGE = 11  # CoreCLR's own, on Unix


class Register(enum.IntEnum):
    """x64 integer registers, numbered as in instruction encodings, unwind codes and GcInfo."""

    rax = 0
    rcx = 1
    rdx = 2
    rbx = 3
    rsp = 4
    rbp = 5
    rsi = 6
    rdi = 7
    r8 = 8
    r9 = 9
    r10 = 10
    r11 = 11
    r12 = 12
    r13 = 13
    r14 = 14
    r15 = 15


class ReturnKind(enum.IntEnum):
    """What a method returns in rax (low 2 bits) and rdx (next 2 bits), for hijacked returns (gcinfotypes.h)."""

    SCALAR = 0
    OBJECT = 1
    BYREF = 2
    SCALAR_OBJECT = 4
    OBJECT_OBJECT = 5
    BYREF_OBJECT = 6
    SCALAR_BYREF = 8
    OBJECT_BYREF = 9
    BYREF_BYREF = 10


class SlotFlags(enum.IntFlag):
    """GcSlotFlags: how a GC slot's value is treated."""

    BASE = 0
    INTERIOR = 1
    PINNED = 2


class SlotBase(enum.IntEnum):
    """GcStackSlotBase: what a stack slot's offset is relative to."""

    CALLER_SP = 0
    SP = 1
    FRAME_REGISTER = 2


class GenericsContext(enum.IntEnum):
    """Which hidden argument the GcInfo header's generics context slot holds."""

    NONE = 0
    METHOD_TABLE = 1
    METHOD_DESC = 2
    THIS = 3
