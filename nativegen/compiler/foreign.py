"""Code that other assemblies' insides shaped: who may make it, what it must say about itself, and how it is guarded.

What: a method may be compiled from, or inline, the body of a method of another assembly; then its native code is right
only as long as that body stays. :meth:`ForeignCode.use_body` is the one door: it decides by the image's *mode*, records
the use in the IR function, and adds the guard.

========== ============================================================================================================
mode       foreign bodies
========== ============================================================================================================
resilient  refused
guarded    each one has a Check_IL_Body fixup, by name: when the body has changed, the runtime rejects our method and
           runs the IL. Only where the runtime knows that fixup (``Target.guards_bodies``); elsewhere refused
pinned     recorded only: whoever starts the program compares first (``run``, ``verify``)
========== ============================================================================================================

Assemblies that the image is *bound hard* to are one bubble with it in every mode: whoever asks for that sees to it that
the image is not used with other contents of them. Their bodies are recorded.

*Inlining* (:meth:`ForeignCode.allows_inlining`) asks for more than an instance does, because the code has many callers:
only bodies that need no guard. A guard costs more than most small bodies save (docs/foreign-instances.md).

Why here: the rules that make guards safe are few and must hold for every caller (facts: foreign-bodies.md 4): by name,
never by row number; never of a body that is not CIL, for which the runtime would crash; in slots before every check
that can throw (the writer orders them: :mod:`nativegen.readytorun.cell_layout`).

A guard does not see whether the method's class is sealed, has a static constructor, or which attributes there are: who
inlines must not rely on them. A record (:func:`body_signature`) has them.

Example::

    compiler.foreign.use_body(function, method)     # raises Excluded(FOREIGN) in a resilient image
    function.required[-1] -> Cell(CHECK, (b5, manifest, 8, <data>, 0, 10, [System.Private.CoreLib]System.Math::Abs))
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import xxhash

from nativegen.compiler import ir, manifest_names
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.diagnostics import NativegenError
from nativegen.readytorun.enums import MODULE_OVERRIDE, FixupKind, MethodSigFlags
from nativegen.readytorun.il_body import ILBody, encode_il_body
from nativegen.readytorun.manifest_rows import MANIFEST_MODULE
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import Cell, CellKind, ForeignUse, Symbol, SymbolKind
from nativegen.typesystem import FieldDesc, MethodDesc, Module, TypeDesc, TypeKind, TypeLoadError
from nativegen.typesystem.canonical import contains_canon
from nativegen.typesystem.contract import TYPE_FLAGS
from nativegen.typesystem.symbols import SymbolTable

#: Methods with one of these are never precompiled.
BYPASS_ATTRIBUTES: Final = ("System.Runtime.BypassNGenAttribute", "System.Runtime.BypassReadyToRunAttribute")

BODY: Final = "body"
STATICS: Final = "statics"
FIELDS: Final = "fields"


class Mode(enum.Enum):
    """What an image assumes of other assemblies' insides; see the module docstring."""

    RESILIENT = "resilient"
    GUARDED = "guarded"
    PINNED = "pinned"


class ForeignCode:
    """The foreign bodies that one module's image may use.

    Args:
        module: the compiled one. target: its runtime. mode: the image's.
        hard_bound: simple names, in lower case, of the assemblies that it is bound hard to.
    """

    def __init__(
        self, module: Module, target: Target, mode: Mode = Mode.RESILIENT, hard_bound: Iterable[str] = ()
    ) -> None:
        self.mode = mode
        self._hard_bound = frozenset(hard_bound)
        self._module = module
        self._target = target
        self._known: dict[MethodDesc, tuple[ForeignUse, Cell | None] | Excluded] = {}
        self._symbols: dict[Module, SymbolTable] = {}

    def may_get_static_constructor(self, method: MethodDesc) -> bool:
        """Whether the code of a foreign method has to run a static constructor that its class does not have yet."""
        return (
            self.mode is Mode.GUARDED
            and method.module is not self._module
            and not is_framework(method.module)
            and not self.is_bound(method.module)
            and not method.owner.has_static_constructor
        )

    @property
    def allows_foreign(self) -> bool:
        """Whether bodies of other assemblies may be used at all."""
        if self.mode is Mode.GUARDED:
            return self._target.guards_bodies
        return self.mode is Mode.PINNED

    def is_bound(self, module: Module) -> bool:
        """Whether the image is never used with other contents of this module: its own, or one it is bound hard to."""
        return module is self._module or module.name.lower() in self._hard_bound

    def allows(self, method: MethodDesc) -> bool:
        """Whether the body of this method may shape code of this image."""
        if method.module is self._module:
            return True
        may = self.allows_foreign or self.is_bound(method.module)
        return may and not isinstance(self._known_use(method), Excluded)

    def allows_inlining(self, module: Module) -> bool:
        """Whether bodies of another module may be put in place of calls."""
        return self.mode is Mode.PINNED or self.is_bound(module)

    def use_body(self, function: ir.Function, method: MethodDesc) -> None:
        """The code of ``function`` is right only while ``method`` has the body that it has now.

        Args:
            method: any instance; its definition is what counts.

        Raises:
            Excluded: FOREIGN, the mode does not allow it; or the body cannot be guarded.
        """
        if method.module is self._module:
            return
        if not self.allows_foreign and not self.is_bound(method.module):
            raise Excluded(Reason.FOREIGN, f"{method.display_name}: the image is {self.mode.value}")
        known = self._known_use(method)
        if isinstance(known, Excluded):
            raise Excluded(known.reason, known.detail)
        use, guard = known
        if use not in function.foreign:
            function.foreign.append(use)
        if guard is not None and guard not in function.required:
            function.required.append(guard)

    def allows_static_fields(self, module: Module) -> bool:
        """Whether foreign code may know where the static fields of another module's generic classes are.

        The runtime checks the place, but not that a field has become thread-static, and so is somewhere else.
        """
        return self.mode is Mode.PINNED or (self.allows_foreign and is_framework(module))

    def use_static_fields(self, function: ir.Function, owner: TypeDesc) -> None:
        """The code of ``function`` is right only while a class has the static fields that it has now."""
        if self.mode is Mode.PINNED:
            use = statics_use(owner)
            if use not in function.foreign:
                function.foreign.append(use)

    def use_field(self, function: ir.Function, field: FieldDesc) -> None:
        """The code of ``function`` names a field, of foreign code, as its runtime wants it: perhaps by its position."""
        if field.module is not self._module and self._target.field_index_signatures:
            use = fields_use(field.owner)
            if use not in function.foreign:
                function.foreign.append(use)

    def _known_use(self, method: MethodDesc) -> tuple[ForeignUse, Cell | None] | Excluded:
        definition = method.definition
        found = self._known.get(definition)
        if found is None:
            try:
                found = self._describe(definition)
            except Excluded as error:
                found = error
            except (TypeLoadError, NativegenError, ValueError) as error:
                found = Excluded(Reason.FOREIGN, f"{definition.display_name}: {error}")
            self._known[definition] = found
        return found

    def _describe(self, definition: MethodDesc) -> tuple[ForeignUse, Cell | None]:
        module = definition.module
        symbols = self._symbols.get(module)
        if symbols is None:
            symbols = self._symbols[module] = SymbolTable(module)
        use = body_use(definition, symbols)
        is_guarded = self.mode is Mode.GUARDED and not self.is_bound(module)
        return use, check_il_body(definition) if is_guarded else None


def is_framework(module: Module) -> bool:
    """Whether a module is .NET's own: servicing changes bodies, and nothing that a dependent's image may rely on."""
    return module.assembly.identity.public_key_token in _FRAMEWORK_KEYS


def is_guarded_completely(method: MethodDesc) -> bool:
    """Whether a guard of the body, and code that expects a static constructor, see all that matters of a method.

    A guard does not see that the class gets a static constructor, which has to run before static methods, constructors
    and methods of structs. Nobody adds one to a type of the framework in servicing; other libraries are rebuilt at
    will, so code of theirs runs one if there is one; in a generic class that must be exactly known, because shared code
    could only ask for static fields, which there need not be. One that may run late (``beforefieldinit``) would run
    early, and can become one that must.
    """
    owner = method.owner
    if is_framework(method.module) or method.is_static_constructor:
        return True
    if not (method.is_static or method.is_constructor or owner.is_value_type or owner.is_interface):
        return True
    if contains_canon(owner):
        return False
    return not owner.has_static_constructor or not owner.is_before_field_init


#: Public key tokens that the assemblies of .NET are signed with.
_FRAMEWORK_KEYS: Final = frozenset(
    {"7cec85d7bea7798e", "b03f5f7f11d50a3a", "b77a5c561934e089", "cc7b13ffcd2ddd51", "adb9793829ddae60"}
)


def check_il_body(definition: MethodDesc) -> Cell:
    """The guard: this method still has this body.

    Raises:
        Excluded: NOT_NAMEABLE. ValueError: the method has no CIL. TypeLoadError: a type of the body cannot be found.
    """
    data, types = encode_il_body(definition.module.assembly, definition.rid)
    if definition.owner.rid == 1:
        raise Excluded(Reason.NOT_NAMEABLE, f"global method {definition.display_name}")
    parts: list[int | bytes | Symbol] = [
        bytes((FixupKind.Check_IL_Body | MODULE_OVERRIDE,)), MANIFEST_MODULE, len(data), data, len(types)
    ]  # fmt: skip
    for token in types:
        type_ = definition.module.type(token)
        if type_.rid == 1 and not type_.type_args:
            raise Excluded(Reason.NOT_NAMEABLE, f"{definition.display_name} mentions global members")
        parts += manifest_names.type_parts(type_, in_manifest=True)
    parts += [int(MethodSigFlags.MemberRefToken), manifest_names.method_symbol(definition)]
    return Cell(CellKind.CHECK, tuple(parts))


# ---- records ---------------------------------------------------------------------------------------------------------


def body_use(definition: MethodDesc, symbols: SymbolTable | None = None) -> ForeignUse:
    """The record of a method's body as it is now.

    Args:
        symbols: of the method's module, for callers that ask for many.

    Raises:
        ValueError, TypeLoadError, NativegenError: it has none, or mentions what cannot be found.
    """
    name = (symbols or SymbolTable(definition.module)).method_symbol(definition.token).name
    return ForeignUse(BODY, definition.module.name, name, body_signature(definition))


def statics_use(owner: TypeDesc) -> ForeignUse:
    """The record of a class's static fields as they are now."""
    definition = owner.definition
    return ForeignUse(STATICS, definition.module.name, definition.canonical_name, statics_signature(definition))


def fields_use(owner: TypeDesc) -> ForeignUse:
    """The record of a type's instance fields as they are now."""
    definition = owner.definition
    return ForeignUse(FIELDS, definition.module.name, definition.canonical_name, fields_signature(definition))


def fields_signature(definition: TypeDesc) -> str:
    """Digest of all that decides which field a position means."""
    facts = [f"{field.name} {field.type.canonical_name}" for field in definition.instance_fields]
    return xxhash.xxh3_128_hexdigest("\0".join(facts).encode("utf-8", "surrogatepass"))


def statics_signature(definition: TypeDesc) -> str:
    """Digest of all that decides where a class's static fields are and when they are set."""
    facts = [_shape(definition)]
    facts += [
        f"{field.name} {field.type.canonical_name} {field.is_literal} {field.rva != 0} {field.is_thread_static}"
        for field in definition.static_fields
    ]
    return xxhash.xxh3_128_hexdigest("\0".join(facts).encode("utf-8", "surrogatepass"))


def body_signature(definition: MethodDesc) -> str:
    """Digest of a body and of everything about its method that code made from it may rely on."""
    module = definition.module
    body: ILBody = encode_il_body(module.assembly, definition.rid)
    owner = definition.owner
    facts = [
        f"{definition.flags} {definition.impl_flags} {_shape(owner)}",
        *[f"{module.type(token).canonical_name} {_shape(module.type(token))}" for token in body.types],
        f"{definition.is_intrinsic} {definition.is_unmanaged_callers_only}",
        *[name for name in BYPASS_ATTRIBUTES if definition.has_attribute(name)],
    ]
    hasher = xxhash.xxh3_128(body.data)
    hasher.update("\0".join(facts).encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()


def _shape(type_: TypeDesc) -> str:
    """Kind, static constructor and, of structs, what is in them: contracts say the latter of visible ones only."""
    return f"{type_.flags & TYPE_FLAGS} {type_.has_static_constructor}{_contents(type_)}"


def _contents(type_: TypeDesc) -> str:
    definition = type_.definition
    if definition.kind is not TypeKind.VALUETYPE:
        return ""
    fields = [(field.name, field.type) for field in definition.instance_fields]
    return " {" + "; ".join([f"{name} {type_.canonical_name}{_contents(type_)}" for name, type_ in fields]) + "}"


def current_signature(module: Module, use: ForeignUse, symbols: SymbolTable | None = None) -> str | None:
    """What the record of the same thing would say now; None when it does not exist any more.

    Args:
        module: the assembly that ``use`` names, as it is now.
        symbols: its symbol table, for callers that ask for many.
    """
    try:
        table = symbols or SymbolTable(module)
        if use.kind != BODY:
            definition = module.type(table.token(Symbol(SymbolKind.TYPE, use.name))).definition
            return statics_signature(definition) if use.kind == STATICS else fields_signature(definition)
        token = table.token(Symbol(SymbolKind.METHOD_DEF, use.name))
        return body_signature(module.method(token).definition)
    except (KeyError, TypeLoadError, NativegenError, ValueError):
        return None
