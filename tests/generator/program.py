"""Whole programs: a world, its methods, the cases that call them, and the text of both assemblies.

>>> program = make_program(seed=1, methods=150)
>>> library_il, program_il = program.texts()
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.generator import declarations as d
from tests.generator import generics
from tests.generator import types as t
from tests.generator.bodies import make_body, make_small_body
from tests.generator.statements import FUEL, Body, Statements
from tests.generator.tree import Node
from tests.generator.types import CilType
from tests.generator.world import Callee, Field, World, is_library, library_text

ARGUMENT_SETS = 3
FUEL_PER_CASE = 150
SYNCHRONIZED = 0.08  # of the methods
SMALL = 0.3  # of the methods that are not virtual: one expression, to be inlined


@dataclass(slots=True)
class Method:
    """One generated method. ``owner``: where its text goes; ``header``: all up to ``cil managed``; ``synchronized``: it
    holds a monitor while it runs; ``is_small``: it is inlined."""

    name: str
    owner: str
    header: str
    body: Body
    callee: Callee
    synchronized: bool = False
    is_small: bool = False

    @property
    def full_name(self) -> str:
        """As the runtime's trace writes it: ``Lib.T::M5``."""
        return f"{self.owner.removeprefix('valuetype ').removeprefix('[lib]')}::{self.name}"

    def text(self) -> str:
        names = ", ".join(f"{type_.signature} V_{i}" for i, type_ in enumerate(self.body.locals))
        flags = " aggressiveinlining" * self.is_small + " synchronized" * self.synchronized
        return d.method(self.header, self.body.node.lines(), names, flags)


@dataclass(slots=True)
class Program:
    """``cases``: for each case one node per argument set, each pushing the int64 result."""

    seed: int
    world: World
    methods: list[Method] = field(default_factory=list)
    cases: list[list[Body]] = field(default_factory=list)
    hashed_statics: list[Field] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hashed_statics = list(self.world.statics)

    def features(self) -> Counter[str]:
        """Feature -> number of methods that have it."""
        return Counter(feature for method in self.methods for feature in method.body.features)

    def texts(self) -> tuple[str, str]:
        """ilasm sources of the library and of the program."""
        return _library(self), _program(self)


def make_program(seed: int, methods: int) -> Program:
    """The program of a seed: ``methods`` generated methods (virtual and instance ones included)."""
    rng = random.Random(seed)
    world = World(rng)
    program = Program(seed, world)
    plans: list[tuple[str, str, Callee]] = []

    def plan(name: str, owner: str, head: str, callee: Callee) -> None:
        plans.append((name, owner, head, callee))

    callees: list[Callee] = []
    for info in world.classes:
        token = info.type.token
        for slot in world.virtuals:
            if info.base is not None and rng.random() < 0.4:
                continue
            reference = _reference(slot.result, f"{token}::{slot.name}", slot.parameters, True)
            callee = Callee(reference, slot.parameters, slot.result, info.type, "callvirt", info.library)
            kind = "newslot virtual" if info.base is None else "virtual"
            plan(slot.name, token, f"public hidebysig {kind} instance", callee)
            callees.append(callee)
        if info.base is None:
            for interface, slots in world.interfaces.items():
                for slot in slots:
                    reference = _reference(slot.result, f"{token}::{slot.name}", slot.parameters, True)
                    callee = Callee(reference, slot.parameters, slot.result, info.type, "callvirt", info.library)
                    plan(slot.name, token, "public hidebysig newslot virtual instance", callee)
                    through = _reference(slot.result, f"{interface.token}::{slot.name}", slot.parameters, True)
                    callees.append(Callee(through, slot.parameters, slot.result, interface, "callvirt", True))
    for delegate in world.delegates:
        owner = "[lib]Lib.DT" if delegate.library else "DT"
        name = f"M{delegate.type.name}"
        reference = _reference(delegate.result, f"{owner}::{name}", delegate.parameters, False)
        callee = Callee(reference, delegate.parameters, delegate.result, None, "call", delegate.library)
        plan(name, owner, "public static", callee)
        invoke = _reference(delegate.result, f"{delegate.type.token}::Invoke", delegate.parameters, True)
        callees.append(
            Callee(invoke, delegate.parameters, delegate.result, delegate.type, "callvirt", delegate.library)
        )
    for index in range(len(plans), methods):
        library = rng.random() < 0.25
        parameters = world.parameters(library)
        result = world.pick(library) if rng.random() < 0.9 else None
        if rng.random() < 0.2:
            struct = rng.choice([s for s in world.structs if is_library(s) == library])
            reference = _reference(result, f"{struct.token}::I{index}", parameters, True)
            callee = Callee(reference, parameters, result, struct, "call", library)
            plan(f"I{index}", struct.token, "public hidebysig instance", callee)
        else:
            owner = "[lib]Lib.T" if library else "T"
            reference = _reference(result, f"{owner}::M{index}", parameters, False)
            callee = Callee(reference, parameters, result, None, "call", library)
            plan(f"M{index}", owner, "public static", callee)
        callees.append(callee)
    for name, owner, head, callee in plans:
        this = callee.this
        if this is not None and this.stack == "val":
            this = world.byref(this)
        some = rng.sample(callees, min(len(callees), 12))
        own = random.Random(rng.getrandbits(64))
        is_small = "virtual" not in head and own.random() < SMALL
        body = (
            make_small_body(world, own, callee.parameters, callee.result, library=callee.library, this=this)
            if is_small
            else make_body(
                world,
                own,
                some,
                callee.parameters,
                callee.result,
                library=callee.library,
                this=this,
                statements=own.choice([2, 4, 6, 8]),
            )
        )
        result_name = callee.result.signature if callee.result is not None else "void"
        parameters_text = ", ".join(f"{p.signature} p{i}" for i, p in enumerate(callee.parameters))
        synchronized = not is_small and _is_synchronized(seed, owner, name, callee)
        if synchronized:
            body.features["synchronized"] += 1
        header = f"{head} {result_name} {name}({parameters_text})"
        made = Method(name, owner, header, body, callee, synchronized, is_small)
        program.methods.append(made)
        program.cases.append([_case(world, own, callee) for _ in range(ARGUMENT_SETS)])
    return program


def _is_synchronized(seed: int, owner: str, name: str, callee: Callee) -> bool:
    """A few are; structs have nothing to lock."""
    own = random.Random(f"{seed} {owner} {name}")
    return (callee.this is None or callee.this.stack != "val") and own.random() < SYNCHRONIZED


def _reference(result: CilType | None, name: str, parameters: tuple[CilType, ...], instance: bool) -> str:
    kind = "instance " if instance else ""
    signature = result.signature if result is not None else "void"
    return f"{kind}{signature} {name}({', '.join(p.signature for p in parameters)})"


def _case(world: World, rng: random.Random, callee: Callee) -> Body:
    """Calls the method with fresh variables behind its byrefs, and hashes result and variables."""
    maker = Statements(world, rng, [], False, 40, t.I8)
    parts: list[str | Node] = []
    behind = []
    for parameter in callee.parameters:
        if parameter.element is not None and parameter.stack == "byref":
            variable = maker.new_local(parameter.element)
            behind.append(variable)
            parts.append(Node([maker.expression(parameter.element, 2), variable.store]))
    call: list[str | Node] = []
    order = iter(behind)
    if callee.this is not None:
        if callee.this.stack == "val":
            variable = maker.new_local(callee.this)
            behind.append(variable)
            parts.append(Node([maker.expression(callee.this, 2), variable.store]))
            call.append(variable.address)
        else:
            call.append(maker.fresh(callee.this, 2))
    for parameter in callee.parameters:
        call.append(next(order).address if parameter.stack == "byref" else maker.expression(parameter, 2))
    call.append(f"{callee.how} {callee.reference}")
    mix = "call int64 H::Mix(int64, int64)"
    if callee.result is None:
        call.append("ldc.i8 1")
    else:
        call += ["ldc.i4 3", d.hash_call(callee.result)]
    for variable in behind:
        call += [variable.load, "ldc.i4 3", d.hash_call(variable.type), mix]
    return Body(Node([*parts, *call, "ret"]), maker.locals, maker.features)


# --- text -------------------------------------------------------------------------------------------------------------


def _members(program: Program, owner: str) -> str:
    return "".join(m.text() for m in program.methods if m.owner == owner)


def _static_class(program: Program, name: str, extra: str = "") -> str:
    head = f".class public abstract sealed {name} extends [System.Runtime]System.Object {{\n"
    return head + extra + _members(program, name) + "}\n"


def _library(program: Program) -> str:
    world = program.world
    text = [d.EXTERN, ".assembly lib { .ver 1:0:0:0 }\n.module lib.dll\n"]
    text += _types(program, True)
    fuel = ".field public static int32 left\n"
    text.append(_static_class(program, "[lib]Lib.Fuel", fuel))
    text.append(_static_class(program, "[lib]Lib.G", d.statics_text(world, "[lib]Lib.G")))
    text += [_static_class(program, "[lib]Lib.T"), _static_class(program, "[lib]Lib.DT")]
    text.append(generics.generics_text("[lib]Lib."))
    return library_text("".join(text))


def _types(program: Program, library: bool) -> list[str]:
    world = program.world
    text = [d.struct_text(world, s, _members(program, s.token)) for s in world.structs if is_library(s) == library]
    if library:
        text += [d.interface_text(world, interface) for interface in world.interfaces]
    for info in world.classes:
        if info.library == library:
            text.append(d.class_text(world, info, _members(program, info.type.token)))
    return [*text, d.delegate_texts(world, library), d.zeros_text(world, library)]


def _program(program: Program) -> str:
    world = program.world
    text = [d.EXTERN, ".assembly extern lib { .ver 1:0:0:0 }\n.assembly extern support { .ver 0:0:0:0 }\n"]
    text.append(".assembly program { .ver 1:0:0:0 }\n.module program.dll\n")
    text += _types(program, False)
    text += [_static_class(program, "DT"), d.hash_texts(world), generics.generics_text("")]
    text.append(_static_class(program, "T", d.statics_text(world, "T")))
    runs = "".join(
        d.method(
            f"public static int64 R{index}_{number}()",
            body.node.lines(),
            ", ".join(f"{type_.signature} V_{i}" for i, type_ in enumerate(body.locals)),
        )
        for index, bodies in enumerate(program.cases)
        for number, body in enumerate(bodies)
    )
    text.append(f".class public abstract sealed R extends [System.Runtime]System.Object {{\n{runs}}}\n")
    text.append(_cases_class(program))
    return "".join(text)


def _cases_class(program: Program) -> str:
    world = program.world
    base = "[support]Cases"
    count = len(program.cases)
    head = "public hidebysig virtual instance"
    reset = [f"ldc.i4 {FUEL_PER_CASE}", f"stsfld {FUEL}"]
    rng = random.Random(program.seed)
    maker = Statements(world, rng, [], False, 0, None)
    maker.statics = []
    for static in world.statics:
        value = maker.fresh(static.type, 1) if static.type.stack == "ref" else maker.leaf(static.type)
        if static.type.stack == "ref" and any(d_.type is static.type for d_ in world.delegates):
            value = Node(["ldnull"])
        reset += [*value.lines(), f"stsfld {static.reference}"]
    state = ["ldc.i8 1"]
    for static in program.hashed_statics:
        state += [f"ldsfld {static.reference}", "ldc.i4 2", d.hash_call(static.type), "call int64 H::Mix(int64, int64)"]
    labels = [f"R{i}_{n}" for i in range(count) for n in range(ARGUMENT_SETS)]
    run = ["ldarg.1", f"ldc.i4 {ARGUMENT_SETS}", "mul", "ldarg.2", "add"]
    run += [f"switch ({', '.join(labels)})", "ldc.i8 0", "ret"]
    for label in labels:
        run += [f"{label}: call int64 R::{label}()", "ret"]
    constructor = ["ldarg.0", f"call instance void {base}::.ctor()", "ret"]
    main = ["newobj instance void Program::.ctor()", f"call int32 [support]Driver::Main(class {base})", "ret"]
    text = f".class public auto ansi Program extends {base} {{\n"
    text += d.method("public hidebysig specialname rtspecialname instance void .ctor()", constructor)
    text += d.method(f"{head} int32 get_Count()", [f"ldc.i4 {count}", "ret"])
    text += d.method(
        f"{head} void Reset()", [*reset, "ret"], ", ".join(f"{x.signature} V_{i}" for i, x in enumerate(maker.locals))
    )
    text += d.method(f"{head} int64 State()", [*state, "ret"])
    text += d.method(f"{head} int64 Run(int32 i, int32 j)", run)
    text += (
        ".method public static int32 Main() cil managed {\n.entrypoint\n.maxstack 8\n" + "\n".join(main) + "\n}\n}\n"
    )
    return text
