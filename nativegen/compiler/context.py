"""What the importer knows about one module: resolved tokens, calling conventions, cells, all cached.

What: :class:`MethodCompiler` is the compiler's front door for one module and target.
:meth:`MethodCompiler.import_method` gives the IR of one method, or raises
:class:`~nativegen.compiler.exclusions.Excluded`. The opcode modules ask it what a token means.

Why here: non-generic code sees every token of its module in one context, so each is resolved once per module, not once
per use; that is what makes importing a method take a millisecond.

Invariants: nothing but ``Excluded`` leaves :meth:`MethodCompiler.import_method`, whatever the CIL looks like. A token
that cannot be used is cached as its exclusion.

Example::

    compiler = MethodCompiler(type_system.open("App.dll"), target)
    function = compiler.import_method(17)
"""

from __future__ import annotations

import copy
import struct
from collections.abc import Callable
from typing import Final, TypeVar

from nativegen.compiler import ir
from nativegen.compiler.abi import call_abi, reference_map, return_kind
from nativegen.compiler.accessibility import AccessRules
from nativegen.compiler.cells import CellFactory
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.foreign import BYPASS_ATTRIBUTES, ForeignCode
from nativegen.compiler.foreign_cells import ForeignCells, RowCells
from nativegen.compiler.import_calls import emit_class_constructor_trigger
from nativegen.compiler.import_generics import (
    generic_context,
    open_owner,
    static_field_place,
    trigger_class_constructor,
)
from nativegen.compiler.importer import Handler, MethodImporter
from nativegen.compiler.inlining import Inliner
from nativegen.compiler.intrinsics import has_placeholder_body, has_plain_body, intrinsic_for
from nativegen.compiler.ir import Memory, SlotKind
from nativegen.compiler.opcode_table import opcode_handlers
from nativegen.compiler.resolved import Callee, FieldAccess, StaticField
from nativegen.compiler.storage import Storage, StorageTable
from nativegen.diagnostics import NativegenError
from nativegen.metadata.tables import Table
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import Cell, Symbol
from nativegen.typesystem import (
    FieldDesc,
    MethodDesc,
    MethodSignature,
    Module,
    NotNameable,
    TypeDesc,
    TypeLoadError,
)
from nativegen.typesystem.canonical import canonical_instance, contains_canon, method_contains_canon
from nativegen.typesystem.symbols import SymbolTable

_MAX_CODE_SIZE: Final = 30_000  # bytes of CIL; longer ones are generated initialisers, which run once
_MAX_INSTANCES: Final = 64  # whose tokens are kept at a time; their methods come one after the other
_BUGS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)

_T = TypeVar("_T")


class MethodCompiler:
    """Imports the methods of one module.

    Args:
        module: the assembly that is compiled.
        target: the runtime it is compiled for.
        symbols: canonical names of the module's metadata; made from the module when not given.
        foreign: what the code may assume of other modules; nothing when not given.
        inlining: small callees may be put in place of calls (:mod:`nativegen.compiler.inlining`).
        debug: the code is for a debugger (:class:`nativegen.compiler.ir.Function`).
        counted: the code counts how often it is entered.
        home: the module whose image is made, when it is not ``module``: then instances of the generics of ``module``
            are compiled into it, and nothing of ``module`` counts as its own.
    """

    def __init__(
        self,
        module: Module,
        target: Target,
        symbols: SymbolTable | None = None,
        foreign: ForeignCode | None = None,
        inlining: bool = False,
        home: Module | None = None,
        debug: bool = False,
        counted: bool = False,
    ) -> None:
        self.module = module
        self.debug, self.counted = debug, counted
        self.home = home or module
        self.target = target
        self.foreign = foreign or ForeignCode(module, target)
        symbols = symbols or SymbolTable(self.home)
        factory = CellFactory
        if home is not None:
            factory = RowCells if target.field_index_signatures else ForeignCells
        self.cells = self.open_cells = factory(module, symbols, target)
        self.inliner = Inliner(self._import_inlinee, inlining, self.module, self.foreign)
        self.type_args: tuple[TypeDesc, ...] = ()
        self.method_args: tuple[TypeDesc, ...] = ()
        self._instances: dict[tuple[tuple[TypeDesc, ...], tuple[TypeDesc, ...]], MethodCompiler] = {}
        self._modules: dict[Module, MethodCompiler] = {}
        self.storages = StorageTable(self.cells)
        self.access = AccessRules(module)
        self._handlers: dict[int, Handler] = opcode_handlers()
        self._types: dict[int, Storage | Excluded] = {}
        self._callees: dict[int, Callee | Excluded] = {}
        self._fields: dict[int, FieldAccess | Excluded] = {}
        self._static_fields: dict[int, StaticField | Excluded] = {}
        self._open_types: dict[int, TypeDesc | None] = {}
        self._strings: dict[int, Cell] = {}

    # --- methods ------------------------------------------------------------------------------------------------------

    def import_method(self, rid: int) -> ir.Function:
        """The IR of a method.

        Args:
            rid: row of the MethodDef table.

        Raises:
            Excluded: leave it to the JIT. Nothing else is raised, however malformed the method is.
        """
        return self.import_instance(lambda: self._shared_form(self.module.method(Table.MethodDef << 24 | rid)))

    @staticmethod
    def _shared_form(method: MethodDesc) -> MethodDesc:
        """The method itself; of a generic one, the instance that serves all reference types."""
        if not method.contains_generic_parameters:
            return method
        instance = canonical_instance(method)
        if instance is None:
            raise Excluded(Reason.GENERIC, "type parameters take value types only")
        return instance

    def import_instance(self, find: Callable[[], MethodDesc]) -> ir.Function:
        """The IR of a method or of an instance of a generic one, in canonical form.

        Args:
            find: gives the method.

        Raises:
            Excluded: see :meth:`import_method`.
        """
        try:
            method = find()
            if method.module is not self.module:
                return self._abroad(method.module).import_instance(lambda: method)
            if method.type_args or method.method_args:
                return self._within(method.type_args, method.method_args)._import(method)
            return self._import(method)
        except Excluded:
            raise
        except TypeLoadError as error:
            raise exclusion_of(error) from error
        except NativegenError as error:
            raise Excluded(Reason.INVALID_CIL, error.message) from error
        except _BUGS as error:
            raise Excluded(Reason.INTERNAL, f"{type(error).__name__}: {error}") from error

    def _abroad(self, module: Module) -> MethodCompiler:
        """The compiler of another module's generics into our image."""
        found = self._modules.get(module)
        if found is None:
            found = self._modules[module] = MethodCompiler(
                module, self.target, self.cells.symbols, self.foreign, home=self.home
            )
            found.inliner, found._modules = self.inliner, self._modules
        return found

    def _within(self, type_args: tuple[TypeDesc, ...], method_args: tuple[TypeDesc, ...]) -> MethodCompiler:
        """The compiler of code in which ``!0`` and ``!!0`` mean these types."""
        key = (type_args, method_args)
        instance = self._instances.get(key)
        if instance is None:
            if len(self._instances) >= _MAX_INSTANCES:
                self._instances.clear()
            instance = self._instances[key] = copy.copy(self)
            instance.type_args, instance.method_args = type_args, method_args
            instance.cells = self.cells.within(type_args, method_args)
            instance._types, instance._callees, instance._fields, instance._static_fields = {}, {}, {}, {}
            instance._open_types = {}
        return instance

    def _import_inlinee(self, method: MethodDesc) -> ir.Function:
        """The code of a method for a caller that knows it exactly: of an instance over reference types too."""
        compiler = self if method.module is self.module else self._abroad(method.module)
        if method.type_args or method.method_args:
            compiler = compiler._within(method.type_args, method.method_args)
        return compiler._import(method, is_exact=True)

    def _import(self, method: MethodDesc, is_exact: bool = False) -> ir.Function:
        self._refuse(method)
        if method.module is not self.home:
            self._refuse_foreign(method)
        signature = method.signature
        this = _this_memory(method)
        parameters = tuple([self.storages.of(type_) for type_ in signature.parameters])
        result = self.storages.of(signature.return_type)
        hidden = (self.native_int,) if method.requires_context and not is_exact else ()
        abi = call_abi(this, (*hidden, *parameters), result)
        function = ir.Function(method.display_name, abi, return_kind(abi), debug=self.debug, counted=self.counted)
        arguments = list(parameters)
        context: ir.Slot | None = None
        if this is not None:
            function.arguments.append(function.new_slot("this", SlotKind.ARGUMENT, memory=this))
            owner = method.owner
            arguments.insert(0, self.storages.of(owner if this is Memory.REF else self._byref_to(owner)))
        if hidden:
            context = function.new_slot("context", SlotKind.ARGUMENT, memory=Memory.I64)
            function.arguments.append(context)
        for index, storage in enumerate(parameters):
            slot = function.new_slot(f"a{index}", SlotKind.ARGUMENT, memory=storage.memory, shape=storage.shape)
            function.arguments.append(slot)
        importer = MethodImporter(self, method, function, arguments, result, self._handlers)
        if method.is_shared and not is_exact:
            importer.arguments = [slot for slot in function.arguments if slot is not context]
            importer.generic = generic_context(method, context, self.cells)
        for storage in (*parameters, result):
            importer.require(storage)
        if method.module is not self.home:
            self.foreign.use_body(function, method)
        importer.run(_prolog)
        return function

    def _byref_to(self, type_: TypeDesc) -> TypeDesc:
        return self.module.type_system.byref_to(type_)

    @property
    def native_int(self) -> Storage:
        return self.storages.of(self.module.type_system.well_known("System.IntPtr"))

    def _refuse(self, method: MethodDesc) -> None:
        """Raises for methods that are excluded whatever their code is."""
        owner = method.owner
        if method.contains_generic_parameters:
            raise Excluded(Reason.GENERIC)
        if not method.has_body:
            raise Excluded(Reason.OPCODE, "method has no CIL body")
        if owner.is_hardware_vector or owner.is_abi_special:
            raise Excluded(Reason.HARDWARE_INTRINSIC, owner.display_name)
        if has_placeholder_body(method, self.module.type_system.core):
            raise Excluded(Reason.OPCODE, "the runtime provides the body")
        if method.signature.is_vararg:
            raise Excluded(Reason.VARARGS)
        if method.signature.explicit_this:
            raise Excluded(Reason.SIGNATURE, "explicit this")
        if method.is_aggressive_optimization:
            raise Excluded(Reason.AGGRESSIVE_OPTIMIZATION)
        if method.is_no_optimization:
            raise Excluded(Reason.BYPASS_ATTRIBUTE, "NoOptimization")
        if method.is_unmanaged_callers_only:
            raise Excluded(Reason.UNMANAGED_ENTRY)
        for attribute in BYPASS_ATTRIBUTES:
            if method.has_attribute(attribute):
                raise Excluded(Reason.BYPASS_ATTRIBUTE, attribute)
        body = method.body
        if len(body.code) > _MAX_CODE_SIZE:
            raise Excluded(Reason.LARGE, f"{len(body.code)} bytes of CIL")

    def _refuse_foreign(self, method: MethodDesc) -> None:
        """Raises for methods of other modules whose meaning may not be what their CIL says."""
        if not has_plain_body(method, self.module.type_system.core):
            raise Excluded(Reason.FOREIGN, f"{method.display_name} is an intrinsic")

    # --- tokens -------------------------------------------------------------------------------------------------------

    def storage(self, type_token: int) -> Storage:
        """The storage of a type token (an enum's is that of its primitive)."""
        return self._cached(self._types, type_token, self._resolve_type)

    def _resolve_type(self, token: int) -> Storage:
        self.access.check_type(self.module.type(token))
        return self.storages.of(self.concrete(self.type(token)))

    def type(self, token: int) -> TypeDesc:
        """What a type token means in the code that is imported."""
        return self.module.type(token, self.type_args, self.method_args)

    def open_type(self, token: int) -> TypeDesc | None:
        """In shared code, the type in terms of the type parameters, when it is not exactly known; else None."""
        if not self.type_args and not self.method_args:
            return None
        if token not in self._open_types:
            self._open_types[token] = self.module.type(token) if contains_canon(self.type(token)) else None
        return self._open_types[token]

    def locals(self, token: int) -> tuple[tuple[TypeDesc, bool], ...]:
        """(type, pinned) of the local variables of a signature token."""
        return self.module.locals(token, self.type_args, self.method_args)

    def call_site(self, token: int) -> MethodSignature:
        """The signature of a ``calli``."""
        return self.module.stand_alone_method_signature(token, self.type_args, self.method_args)

    @staticmethod
    def concrete(type_: TypeDesc) -> TypeDesc:
        """The type itself.

        Raises:
            Excluded: GENERIC, it has type parameters.
        """
        if type_.contains_generic_parameters:
            raise Excluded(Reason.GENERIC, type_.display_name)
        return type_

    def caught_type(self, type_token: int) -> Symbol | None:
        """The type that a catch clause names.

        Returns:
            None: clauses hold a token of the home module's classes, and this is none; a filter has to decide.
        """
        type_ = self.module.type(type_token)
        if type_.contains_generic_parameters or type_.type_args or self.module is not self.home:
            return None
        return self.cells.type_symbol(type_)

    def callee(self, method_token: int) -> Callee:
        """The method that a call site's token names."""
        return self._cached(self._callees, method_token, self._resolve_callee)

    def _resolve_callee(self, token: int) -> Callee:
        method = self.module.method(token, self.type_args, self.method_args)
        if method.contains_generic_parameters:
            raise Excluded(Reason.GENERIC, method.display_name)
        open_method = self.module.method(token)
        if method.is_array_method:
            self.access.check_type(open_method.owner)
        else:
            self.access.check_member(open_method)
        signature = method.signature
        if signature.is_vararg:
            raise Excluded(Reason.VARARGS, method.display_name)
        if signature.explicit_this:
            raise Excluded(Reason.SIGNATURE, "explicit this")
        if method.is_unmanaged_callers_only:
            raise Excluded(Reason.UNMANAGED_ENTRY, method.display_name)
        this = _this_memory(method)
        parameters = tuple([self.storages.of(type_) for type_ in signature.parameters])
        result = self.storages.of(signature.return_type)
        abi, ref_map = self.abi_of(this, parameters, result)
        callee = Callee(token, method, this, parameters, result, abi, ref_map)
        if (self.type_args or self.method_args) and method_contains_canon(method):
            callee.open = open_method
            callee.open_owner = open_method.owner if contains_canon(method.owner) else None
        callee.expand = intrinsic_for(callee, self.module.type_system.core)
        return callee

    def abi_of(
        self, this: Memory | None, parameters: tuple[Storage, ...], result: Storage
    ) -> tuple[ir.CallAbi, tuple[tuple[int, int], ...]]:
        """Calling convention and reference map of a call."""
        abi = call_abi(this, parameters, result)
        return abi, reference_map(abi)

    def direct_cell(self, callee: Callee) -> Cell:
        """For calling exactly this method."""
        if callee.direct is None:
            if callee.open is None:
                callee.direct = self.cells.method_call(callee.token, callee.method, callee.ref_map)
            else:
                ref_map = callee.ref_map if not callee.method.requires_context else self.shared_abi(callee)[1]
                callee.direct = self.cells.shared_call(callee.token, callee.method, ref_map)
        return callee.direct

    def shared_abi(self, callee: Callee) -> tuple[ir.CallAbi, tuple[tuple[int, int], ...]]:
        """Of a method's shared code, with its hidden argument."""
        return self.abi_of(callee.this, (self.native_int, *callee.parameters), callee.result)

    def virtual_cell(self, callee: Callee) -> Cell:
        """For calling the object's override."""
        if callee.virtual is None:
            callee.virtual = self.cells.virtual_call(callee.token, callee.method, callee.ref_map)
        return callee.virtual

    def member(self, token: int) -> MethodDesc | FieldDesc:
        """What a MethodDef, FieldDef, MemberRef or MethodSpec token of ``ldtoken`` names."""
        table = token >> 24
        if table == 0x04 or (
            table == 0x0A and self.module.assembly.member_ref(token & 0xFFFFFF).signature[:1] == b"\x06"
        ):
            return self.module.field(token, self.type_args, self.method_args)
        return self.module.method(token, self.type_args, self.method_args)

    def field(self, field_token: int) -> FieldAccess:
        """An instance field."""
        return self._cached(self._fields, field_token, self._resolve_field)

    def _resolve_field(self, token: int) -> FieldAccess:
        field = self.module.field(token, self.type_args, self.method_args)
        self._check_field(token, field, static=False)
        storage = self.storages.of(field.type)
        owner = field.owner
        if owner.is_value_type:
            return FieldAccess(field, storage, False, field.offset, self.cells.check_field_offset(token, field), None)
        if self._is_laid_out_by_us(owner):
            return FieldAccess(field, storage, True, field.offset, self.cells.check_field_offset(token, field), None)
        return FieldAccess(field, storage, True, 0, None, self.cells.field_offset(token, field))

    def _is_laid_out_by_us(self, owner: TypeDesc) -> bool:
        """Whether the places of a class's fields are predicted, and checked; else the runtime fills them in.

        Of an assembly that the image is bound hard to, where fields begin is certain only behind System.Object: further
        down it depends on whether the assembly runs as an image.
        """
        if owner.module is self.home:
            return not owner.layout.base_is_foreign
        return self.foreign.is_bound(owner.module) and owner.base_type is not None and owner.base_type.is_object

    def static_field(self, field_token: int) -> StaticField:
        """A static field."""
        return self._cached(self._static_fields, field_token, self._resolve_static_field)

    def _resolve_static_field(self, token: int) -> StaticField:
        field = self.module.field(token, self.type_args, self.method_args)
        self._check_field(token, field, static=True)
        if field.is_literal:
            raise Excluded(Reason.INVALID_CIL, f"access to the constant {field.display_name}")
        storage = self.storages.of(field.type)
        own_data = field.rva and not field.is_thread_static and field.module is self.home
        if own_data and not field.owner.has_static_constructor and not field.owner.type_args:
            return StaticField(field, storage, self.cells.field_data(field))
        if not contains_canon(field.owner):
            return StaticField(field, storage, self.cells.static_field_address(token, field))
        is_own = field.module is self.home
        if field.is_thread_static or field.rva or not (is_own or self.foreign.allows_static_fields(field.module)):
            raise Excluded(Reason.GENERIC, f"static field {field.display_name} in shared code")
        check = None
        if not is_own:
            _, offset = static_field_place(field, self.target.statics_start_with_header)
            check = self.cells.check_static_offset(token, field, offset)
        return StaticField(field, storage, None, self.module.field(token).owner, check)

    def _check_field(self, token: int, field: FieldDesc, static: bool) -> None:
        self.access.check_member(self.module.field(token))
        if field.owner.contains_generic_parameters:
            raise Excluded(Reason.GENERIC, field.display_name)
        if field.is_static is not static:
            raise Excluded(Reason.INVALID_CIL, f"{field.display_name} is {'not ' if static else ''}static")

    def string(self, token: int) -> Cell:
        """The cell of a string literal."""
        cell = self._strings.get(token)
        if cell is None:
            cell = self._strings[token] = self.cells.string_literal(token)
        return cell

    @staticmethod
    def _cached(cache: dict[int, _T | Excluded], token: int, resolve: Callable[[int], _T]) -> _T:
        known = cache.get(token)
        if known is None:
            try:
                known = resolve(token)
            except Excluded as error:
                known = error
            except TypeLoadError as error:
                known = exclusion_of(error)
            cache[token] = known
        if isinstance(known, Excluded):
            raise Excluded(known.reason, known.detail)
        return known


def exclusion_of(error: TypeLoadError) -> Excluded:
    """The exclusion that a type system's failure means."""
    message = str(error)
    if isinstance(error, NotNameable):
        return Excluded(Reason.NOT_NAMEABLE, message)
    if message.startswith("layout:"):
        return Excluded(Reason.LAYOUT, message)
    if message.startswith("classification:"):
        return Excluded(Reason.SIGNATURE, message)
    return Excluded(Reason.UNRESOLVED, message)


def _this_memory(method: MethodDesc) -> Memory | None:
    if not method.signature.has_this:
        return None
    return Memory.BYREF if method.owner.is_value_type else Memory.REF


def _prolog(importer: MethodImporter) -> None:
    """Runs a precise static constructor where the runtime's JIT would (jitinterface.cpp: initClass).

    Types without beforefieldinit run theirs when a static method or a constructor is entered; for value types at every
    method, because nobody needs a constructor to make one.
    """
    method = importer.method
    owner = method.owner
    if method.is_static_constructor:
        return
    if not importer.compiler.foreign.may_get_static_constructor(method) and (
        not owner.has_static_constructor or owner.is_before_field_init
    ):
        return
    if owner.rid == 1:  # <Module>: its constructor is the module's, run when the module is loaded
        return
    if method.is_static or method.is_constructor or owner.is_value_type or owner.is_interface:
        if contains_canon(owner):
            trigger_class_constructor(importer, open_owner(method))
        else:
            emit_class_constructor_trigger(importer, owner)
