"""What callers ask of the pipeline and what they get back: plain data, JSON-able, picklable.

A :class:`CompileRequest` names one input assembly, the files its references mean and where the image goes; a
:class:`CompileReport` says what became of every method. Both cross process boundaries.

>>> CompileOptions().effort
'auto'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from nativegen.readytorun.unit import ForeignUse


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """What shapes the generated code; every field is part of an image's key.

    Attributes:
        effort: 'auto' (by method: loops get O2, the rest the cheap passes), 'full' (O2 everywhere) or 'none'
            (unoptimised).
        from_native: compile an assembly that already carries native code from its IL.
        carried_instances: ... and with it the generic instances that it carries
            (:mod:`nativegen.pipeline.carried_instances`).
        image_base: preferred load address, or None: the assembly's own, if its author chose one.
        instruction_set: CPU features beyond the baseline, LLVM names, sorted.
        debug: the /Debug scenario: places of variables, a stop at each statement. profile: the /Profile scenario: each
        method counts how often it is entered.
        mode: what the code may assume of other assemblies' insides: 'resilient', 'guarded' or 'pinned'
            (:mod:`nativegen.compiler.foreign`).
        inline: small callees may be put in place of calls.
        hard_bound: simple names, in lower case and sorted, of the assemblies that the image is bound hard to: it must
            never be used with other contents of these. The cache sees to that.
    """

    effort: str = "auto"
    from_native: bool = False
    carried_instances: bool = True
    image_base: int | None = None
    instruction_set: tuple[str, ...] = ()
    debug: bool = False
    profile: bool = False
    mode: str = "resilient"
    inline: bool = True
    hard_bound: tuple[str, ...] = ()

    @property
    def inlines(self) -> bool:
        """Whether callees are inlined: not in code for a debugger, nor where every entry is counted."""
        return self.inline and self.effort != "none" and not self.debug and not self.profile

    def as_json(self) -> dict[str, object]:
        """For key manifests: plain values only, stable order."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CompileRequest:
    """One image to make.

    Attributes:
        input: path of the IL assembly.
        output: path of the image; written atomically (temporary file in the same directory, then rename).
        target: name of a target ('3.1', '9.0').
        references: simple name -> path for everything the assembly may refer to, its framework included.
        partial: the only methods to compile, as lines of a profile (:mod:`nativegen.pipeline.method_names`); None: all.
        contents: path -> content signature of files, the input among them, as whoever asks has read them: with others
            there is no image (NGEN3002).
    """

    input: str
    output: str
    target: str
    references: Mapping[str, str]
    options: CompileOptions = field(default_factory=CompileOptions)
    partial: tuple[str, ...] | None = None
    contents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExcludedMethod:
    """One method left to the JIT: its display name, MethodDef rid, stable reason code and detail."""

    name: str
    rid: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class GenericInstance:
    """An instance over value types that compiled code asked for.

    Attributes:
        name: with type arguments; rid: of its definition.
        assembly: that defines it, when another one does.
        needed_by: a method or instance whose code may run it.
        code, detail: why it was left to the JIT; empty when it is in the image.
    """

    name: str
    rid: int
    needed_by: str
    code: str = ""
    detail: str = ""
    assembly: str = ""


@dataclass(frozen=True, slots=True)
class CompileReport:
    """The outcome for one request.

    Attributes:
        input, output: paths as requested.
        name: simple name of the assembly.
        content_signature: of the input that was compiled (xxh3-128, hex).
        kind: 'image' (an image was written) or 'facade' (no method has CIL; nothing was written).
        methods: methods with CIL; native: those with compiled code in the image. A generic method counts once, by its
        shared code; if it takes value types only, by any instance.
        excluded: reason code -> count, sorted by code; 'not-in-profile' are those that a partial image leaves out.
        exclusions: every excluded method, but for those.
        image_size: bytes; input_size: bytes.
        seconds: stage -> CPU seconds summed over all workers ('read', 'key', 'units', 'import', 'lower', 'llvm',
        'link', 'write'; 'key' and 'units' only with a unit store: computing keys, and reading and writing the store).
        foreign: what of other assemblies shaped code of the image, sorted.
        units_reused: methods taken from the unit store, exclusions included; units_compiled: all others.
        downloaded: the image came from a shared cache; nothing was compiled.
        instances: of the assembly's own generics over value types, besides the code that reference types share.
        code: signature of what its methods were made from (:func:`nativegen.pipeline.code_signature.units_signature`);
        empty when that is not known.
    """

    input: str
    output: str
    name: str
    content_signature: str
    kind: str
    methods: int
    native: int
    excluded: dict[str, int]
    exclusions: tuple[ExcludedMethod, ...]
    image_size: int
    input_size: int
    seconds: dict[str, float]
    foreign: tuple[ForeignUse, ...] = ()
    units_reused: int = 0
    units_compiled: int = 0
    instances: tuple[GenericInstance, ...] = ()
    downloaded: bool = False
    code: str = ""
