"""The declarations of a generated program: structs of many shapes, class hierarchies, arrays, statics, delegates,
hashes.

A world has two assemblies, ``lib`` and the program, and each holds every kind of declaration, so that field accesses,
base
classes, overrides, calls and statics cross the border. Names of the library are written ``[lib]Lib.X``;
:func:`library_text` makes them local.

>>> World(random.Random(1)).structs[0].signature
'valuetype [lib]Lib.S0'
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.generator import types as t
from tests.generator.types import CilType

LIBRARY_STRUCTS, PROGRAM_STRUCTS = 8, 8
ELEMENTS_HASHED = 4


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A field and the type that declares it; ``owner`` is its token."""

    owner: str
    name: str
    type: CilType
    offset: int | None = None

    @property
    def reference(self) -> str:
        return f"{self.type.signature} {self.owner}::{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Callee:
    """Something to call. ``this``: its type, when it is an instance method; ``how``: call, callvirt or newobj."""

    reference: str
    parameters: tuple[CilType, ...]
    result: CilType | None
    this: CilType | None = None
    how: str = "call"
    library: bool = False

    @property
    def signature(self) -> str:
        """For calli."""
        result = self.result.signature if self.result else "void"
        return f"{result}({', '.join(p.signature for p in self.parameters)})"


@dataclass(slots=True)
class ClassInfo:
    type: CilType
    base: ClassInfo | None
    own: list[Field]
    library: bool

    @property
    def fields(self) -> list[Field]:
        return ([] if self.base is None else self.base.fields) + self.own


@dataclass(slots=True)
class Virtual:
    """A virtual method slot of the root class, or an interface method: name and signature."""

    name: str
    parameters: tuple[CilType, ...]
    result: CilType | None


@dataclass(slots=True)
class Delegate:
    type: CilType
    parameters: tuple[CilType, ...]
    result: CilType | None
    library: bool


def library_text(text: str) -> str:
    """The text as it is written inside the library."""
    return text.replace("[lib]", "")


def is_library(type_: CilType) -> bool:
    """Whether the library can name the type."""
    if type_.element is not None:
        return is_library(type_.element)
    if type_.stack == "val" or type_.signature.startswith("class"):
        return "[lib]" in type_.signature
    return True


@dataclass(slots=True)
class World:
    """All declarations of one program, made from ``rng`` alone."""

    rng: random.Random
    structs: list[CilType] = field(default_factory=list)
    classes: list[ClassInfo] = field(default_factory=list)
    interfaces: dict[CilType, list[Virtual]] = field(default_factory=dict)
    delegates: list[Delegate] = field(default_factory=list)
    arrays: list[CilType] = field(default_factory=list)
    statics: list[Field] = field(default_factory=list)
    fields: dict[CilType, list[Field]] = field(default_factory=dict)
    layouts: dict[CilType, str] = field(default_factory=dict)
    sizes: dict[CilType, str] = field(default_factory=dict)
    virtuals: list[Virtual] = field(default_factory=list)
    shapes: dict[CilType, str] = field(default_factory=dict)
    _byrefs: dict[CilType, CilType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for index in range(LIBRARY_STRUCTS):
            self._make_struct(f"[lib]Lib.S{index}", f"S{index}", True)
        for index in range(LIBRARY_STRUCTS, LIBRARY_STRUCTS + PROGRAM_STRUCTS):
            self._make_struct(f"S{index}", f"S{index}", False)
        self._make_arrays()
        interface = CilType("class [lib]Lib.I0", "[lib]Lib.I0", "ref", "I0", indirect="ref", bases=(t.OBJECT,))
        root = self._make_class("[lib]Lib.C0", "C0", None, True, (interface,))
        self.virtuals = [self._virtual(f"V{index}", True) for index in range(4)]
        self.interfaces[interface] = [self._virtual(f"J{index}", True) for index in range(2)]
        second = self._make_class("[lib]Lib.C1", "C1", root, True, ())
        self._make_class("C2", "C2", root, False, ())
        self._make_class("C3", "C3", second, False, ())
        for index in range(2):
            self._make_delegate(f"[lib]Lib.D{index}", f"D{index}", True)
        for index in range(2, 5):
            self._make_delegate(f"D{index}", f"D{index}", False)
        self._make_statics()

    # --- what there is ------------------------------------------------------------------------------------------------

    def byref(self, element: CilType) -> CilType:
        """The one byref type to ``element``."""
        found = self._byrefs.get(element)
        if found is None:
            found = self._byrefs[element] = t.byref_to(element)
        return found

    def values(self, library: bool) -> list[CilType]:
        """Types of variables and fields: all but byrefs."""
        every: list[CilType] = [*t.PRIMITIVES, t.OBJECT, t.STRING, *self.structs, *(c.type for c in self.classes)]
        every += [*self.arrays, *self.interfaces, *(d.type for d in self.delegates)]
        return [x for x in every if is_library(x)] if library else every

    def pick(self, library: bool) -> CilType:
        """A random type, structs and primitives more often."""
        roll = self.rng.random()
        if roll < 0.25:
            return self.rng.choice(t.PRIMITIVES)
        if roll < 0.40:
            return self.rng.choice([t.I4, t.I8, t.R8, t.I4])
        if roll < 0.65:
            structs = [s for s in self.structs if not library or is_library(s)]
            return self.rng.choice(structs)
        return self.rng.choice(self.values(library))

    def class_of(self, type_: CilType) -> ClassInfo:
        return next(c for c in self.classes if c.type is type_)

    def concrete(self, type_: CilType, library: bool) -> list[ClassInfo]:
        """Classes whose instances are of ``type_``."""
        return [c for c in self.classes if self.converts(c.type, type_) and (c.library or not library)]

    def converts(self, source: CilType, target: CilType) -> bool:
        """Whether a reference of one type is one of the other."""
        return source is target or any(self.converts(base, target) for base in source.bases)

    # --- making -------------------------------------------------------------------------------------------------------

    def _make_struct(self, token: str, name: str, library: bool) -> None:
        rng = self.rng
        token = f"valuetype {token}"  # everywhere: ilasm remembers the kind of the first use of a foreign type
        type_ = CilType(token, token, "val", name)
        known = [s for s in self.structs if not library or is_library(s)]
        primitives: list[CilType] = list(t.PRIMITIVES)
        references = [t.OBJECT, t.STRING]
        shape = rng.choice(
            ["numbers", "numbers", "references", "mixed", "mixed", "nested", "packed", "explicit", "floats"]
        )
        if shape == "nested" and not known:
            shape = "mixed"
        count = rng.choice([1, 1, 2, 2, 3, 4, 6])
        pools: dict[str, list[CilType]] = {
            "numbers": primitives,
            "floats": [t.R4, t.R8],
            "references": references,
            "mixed": [*primitives, *references, *references],
            "nested": [*known, *known, *primitives, t.OBJECT],
            "packed": primitives,
            "explicit": [t.I1, t.U2, t.I4, t.U4, t.I8],
        }
        chosen = [rng.choice(pools[shape]) for _ in range(count)]
        size = ""
        if shape == "nested" and chosen and all(c.stack != "val" for c in chosen):
            chosen[0] = rng.choice(known)
        layout = "sequential"
        offsets: list[int | None] = [None] * count
        if shape == "packed":
            size = f".pack {rng.choice([1, 2, 4])}\n"
            if rng.random() < 0.3:
                size += f".size {rng.choice([1, 24, 40])}\n"
        elif shape == "explicit":
            layout = "explicit"
            starts = [rng.choice([0, 0, 1, 2, 4, 8, 12]) for _ in range(count)]
            if min(starts) >= 8:  # 3.1's JIT loses the second register of a struct whose first one is all padding
                starts[0] -= 8
            offsets = [*starts]
        fields = [Field(token, f"f{i}", kind, offsets[i]) for i, kind in enumerate(chosen)]
        self.structs.append(type_)
        self.fields[type_] = fields
        self.layouts[type_] = layout
        self.sizes[type_] = size
        self.shapes[type_] = shape

    def _make_arrays(self) -> None:
        elements = [t.I4, t.U1, t.I2, t.I8, t.R4, t.R8, t.OBJECT, t.STRING]
        elements += self.rng.sample([s for s in self.structs if is_library(s)], 3)
        elements += self.rng.sample([s for s in self.structs if not is_library(s)], 3)
        self.arrays = [t.array_of(element) for element in elements]

    def _make_class(
        self, token: str, name: str, base: ClassInfo | None, library: bool, interfaces: tuple[CilType, ...]
    ) -> ClassInfo:
        bases = ((t.OBJECT,) if base is None else (base.type,)) + interfaces
        type_ = CilType(f"class {token}", token, "ref", name, indirect="ref", bases=bases)
        info = ClassInfo(type_, base, [], library)
        self.classes.append(info)
        info.own = [Field(token, f"{name}f{i}", self.pick(library)) for i in range(self.rng.choice([2, 3, 5]))]
        self.fields[type_] = info.fields
        return info

    def _virtual(self, name: str, library: bool) -> Virtual:
        return Virtual(name, self.parameters(library), self.pick(library))

    def parameters(self, library: bool, byrefs: bool = True) -> tuple[CilType, ...]:
        """A random parameter list; one in eight is long enough for the stack."""
        rng = self.rng
        count = rng.choice([0, 1, 1, 2, 2, 3, 4, 10])
        chosen = [self.pick(library) for _ in range(count)]
        return tuple(self.byref(p) if byrefs and rng.random() < 0.2 else p for p in chosen)

    def _make_delegate(self, token: str, name: str, library: bool) -> None:
        type_ = CilType(f"class {token}", token, "ref", name, indirect="ref", bases=(t.OBJECT,))
        self.delegates.append(Delegate(type_, self.parameters(library), self.pick(library), library))

    def _make_statics(self) -> None:
        for library, owner in ((True, "[lib]Lib.G"), (False, "T")):
            kinds = [*t.PRIMITIVES, t.OBJECT, t.STRING] if not library else [t.I4, t.I8, t.R8, t.U1, t.STRING]
            kinds += [s for s in self.structs if is_library(s) == library]
            kinds += [c.type for c in self.classes if c.library == library]
            kinds += self.rng.sample([a for a in self.arrays if is_library(a) or not library], 3)
            self.statics += [Field(owner, f"s{i}", kind) for i, kind in enumerate(kinds)]
