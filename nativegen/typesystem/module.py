"""One assembly inside a type system: what its tokens and signatures mean.

Tokens are resolved across assemblies (forwarders included) and cached, because the importer asks for the same ones
again and again. ``type_args`` and ``method_args`` are the context a token is read in: what ``!0`` and ``!!0`` stand
for; without them these become :class:`GenericParameterType`.

Invariant: whatever is wrong with the metadata of this or another assembly surfaces as :class:`TypeLoadError`.

>>> module.method(0x0A000012).display_name                           # doctest: +SKIP
'System.Console::WriteLine'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nativegen.diagnostics import NativegenError
from nativegen.metadata.assembly import ASSEMBLY_TOKEN, Assembly
from nativegen.metadata.attributes import decode_attribute
from nativegen.metadata.elements import ET, CallingConvention
from nativegen.metadata.signatures import MethodSig, SigType, parse_field_sig, parse_method_sig
from nativegen.metadata.tables import Table
from nativegen.typesystem.constructed import ArrayType
from nativegen.typesystem.errors import TypeLoadError
from nativegen.typesystem.lazy import lazy
from nativegen.typesystem.members import FieldDesc, MethodDesc, MethodSignature
from nativegen.typesystem.types import DefType, TypeDesc

if TYPE_CHECKING:
    from nativegen.typesystem.system import TypeSystem

_MODULE = int(Table.Module)
_TYPE_REF = int(Table.TypeRef)
_TYPE_DEF = int(Table.TypeDef)
_FIELD = int(Table.Field)
_METHOD_DEF = int(Table.MethodDef)
_MEMBER_REF = int(Table.MemberRef)
_TYPE_SPEC = int(Table.TypeSpec)
_ASSEMBLY_REF = int(Table.AssemblyRef)
_METHOD_SPEC = int(Table.MethodSpec)

_MAX_FORWARDS = 16
_CORE = "system.private.corelib"

Types = tuple[TypeDesc, ...]


class Module:
    """See the module docstring. Made by :meth:`TypeSystem.open`.

    Attributes:
        runs_as_image: at run time the file is a ReadyToRun image, which changes the layout of its classes with bases
            of other modules. True for a file that already is one, and for what :meth:`TypeSystem.open` opened as
            such; whoever knows better sets it before any layout is asked for.
    """

    def __init__(self, type_system: TypeSystem, assembly: Assembly) -> None:
        self.type_system = type_system
        self.assembly = assembly
        self.name = assembly.name
        self.is_core = self.name.lower() == _CORE
        self.runs_as_image = assembly.is_ready_to_run
        self._defs: dict[int, DefType] = {}
        self._refs: dict[int, TypeDesc] = {}
        self._closed: dict[SigType, TypeDesc] = {}
        self._open: dict[tuple[SigType, Types, Types], TypeDesc] = {}
        self._specs: dict[int, SigType] = {}
        self._members: dict[int, MethodDesc | FieldDesc] = {}
        self._members_in: dict[tuple[int, Types, Types], MethodDesc | FieldDesc] = {}
        self._forwards: dict[tuple[str, str], int] | None = None

    def __repr__(self) -> str:
        return f"<module {self.name}>"

    # ---- types ------------------------------------------------------------------------------------------------------

    def type_def(self, rid: int) -> DefType:
        """The type of a TypeDef row; a generic one is the open definition.

        Raises:
            TypeLoadError: there is no such row, or it is malformed.
        """
        found = self._defs.get(rid)
        if found is None:
            try:
                found = self._defs[rid] = DefType(self, rid)
            except NativegenError as error:
                raise TypeLoadError(str(error)) from error
        return found

    def type(self, token: int, type_args: Types = (), method_args: Types = ()) -> TypeDesc:
        """The type of a TypeDef, TypeRef or TypeSpec token.

        Raises:
            TypeLoadError: it cannot be found.
        """
        table = token >> 24
        rid = token & 0xFFFFFF
        if table == _TYPE_DEF:
            return self._defs.get(rid) or self.type_def(rid)
        if table == _TYPE_REF:
            return self._refs.get(rid) or self._type_ref(rid)
        if table == _TYPE_SPEC:
            signature = self._specs.get(rid)
            if signature is None:
                try:
                    signature = self._specs[rid] = self.assembly.type_spec_signature(rid)
                except NativegenError as error:
                    raise TypeLoadError(str(error)) from error
            return self.type_from_signature(signature, type_args, method_args)
        raise TypeLoadError(f"{self.name}: 0x{token:08x} is not a type token")

    def _type_ref(self, rid: int) -> TypeDesc:
        try:
            scope, name, namespace = self.assembly.type_ref(rid)
            table = scope >> 24
            found: TypeDesc | None = None
            if table == _ASSEMBLY_REF:
                found = self.referenced_module(scope & 0xFFFFFF).find_type(namespace, name)
            elif table == _TYPE_REF:
                if scope & 0xFFFFFF == rid:
                    raise TypeLoadError(f"{self.name}: type reference {rid} is nested in itself")
                outer = self.type(scope)
                if isinstance(outer, DefType):
                    found = outer.module.find_nested(outer.rid, name, namespace)
            elif scope == 0 or table == _MODULE:
                found = self.find_type(namespace, name)
        except NativegenError as error:
            raise TypeLoadError(str(error)) from error
        except RecursionError:
            raise TypeLoadError(f"{self.name}: type reference {rid} is nested in itself") from None
        if found is None:
            raise TypeLoadError(f"{self.name}: type {self.assembly.type_ref_full_name(rid)} was not found")
        self._refs[rid] = found
        return found

    def referenced_module(self, rid: int) -> Module:
        """The module of an AssemblyRef row.

        Raises:
            TypeLoadError: there is no file for it.
        """
        name = self.assembly.assembly_ref(rid).name
        module = self.type_system.module_named(name)
        if module is None:
            raise TypeLoadError(f"assembly {name}, which {self.name} references, was not found")
        return module

    def find_type(self, namespace: str, name: str) -> TypeDesc | None:
        """The top-level type of this name, defined here or forwarded elsewhere; None when there is none."""
        module = self
        for _ in range(_MAX_FORWARDS):
            try:
                rid = module.assembly.find_type(namespace, name)
                if rid:
                    return module.type_def(rid)
                forward = module._forwarder(namespace, name)
                if not forward:
                    return None
                module = module.referenced_module(forward)
            except NativegenError as error:
                raise TypeLoadError(str(error)) from error
        raise TypeLoadError(f"{self.name}: type {namespace}.{name} is forwarded in a circle")

    def find_nested(self, enclosing_rid: int, name: str, namespace: str = "") -> TypeDesc | None:
        """The type of this name nested directly in a type of this module."""
        rid = self.assembly.find_nested(enclosing_rid, name, namespace)
        return self.type_def(rid) if rid else None

    def _forwarder(self, namespace: str, name: str) -> int:
        """AssemblyRef row that a top-level type is forwarded to, or 0."""
        if self._forwards is None:
            self._forwards = {}
            for row in self.assembly.exported_types:
                if row.implementation_token >> 24 == _ASSEMBLY_REF:
                    self._forwards.setdefault((row.namespace, row.name), row.implementation_token & 0xFFFFFF)
        return self._forwards.get((namespace, name), 0)

    def name_of_type_token(self, token: int) -> tuple[str, str, bool]:
        """(namespace, name, may be in the core library) of a TypeDef or TypeRef token, without loading what it
        names."""
        try:
            if token >> 24 == _TYPE_REF:
                scope, name, namespace = self.assembly.type_ref(token & 0xFFFFFF)
                return namespace, name, scope >> 24 == _ASSEMBLY_REF
            if token >> 24 == _TYPE_DEF:
                row = self.assembly.type_def(token & 0xFFFFFF)
                return row.namespace, row.name, self.is_core
        except NativegenError as error:
            raise TypeLoadError(str(error)) from error
        return "", "", False

    @lazy
    def friends(self) -> frozenset[str]:
        """Lower-case names of the assemblies that see this one's internal members (InternalsVisibleToAttribute)."""
        names = set()
        for attribute in self.assembly.custom_attributes(ASSEMBLY_TOKEN):
            if attribute.type_full_name == "System.Runtime.CompilerServices.InternalsVisibleToAttribute":
                (name,) = decode_attribute(self.assembly, attribute).fixed
                names.add(str(name).split(",")[0].strip().lower())
        return frozenset(names)

    # ---- signatures -------------------------------------------------------------------------------------------------

    def type_from_signature(self, signature: SigType, type_args: Types = (), method_args: Types = ()) -> TypeDesc:
        """The type that a parsed signature means in a context; custom modifiers and ``pinned`` are dropped.

        Raises:
            TypeLoadError: a type of it cannot be found.
        """
        found = self._closed.get(signature)
        if found is not None:
            return found
        if not has_variables(signature):
            found = self._closed[signature] = self._construct(signature, (), ())
            return found
        key = (signature, type_args, method_args)
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = self._construct(signature, type_args, method_args)
        return found

    def _construct(self, signature: SigType, type_args: Types, method_args: Types) -> TypeDesc:
        element = signature[0]
        system = self.type_system
        if element == ET.CLASS or element == ET.VALUETYPE:
            return self.type(signature[1])
        if element == ET.VAR:
            return self._variable(signature[1], type_args, False)
        if element == ET.MVAR:
            return self._variable(signature[1], method_args, True)
        if element == ET.GENERICINST:
            definition = self.type(signature[1][1])
            if not isinstance(definition, DefType):
                raise TypeLoadError(f"{self.name}: {definition.display_name} is not a generic type")
            arguments = [self.type_from_signature(item, type_args, method_args) for item in signature[2]]
            return definition.instantiate(tuple(arguments))
        if element == ET.SZARRAY:
            return system.array_of(self.type_from_signature(signature[1], type_args, method_args))
        if element == ET.BYREF:
            return system.byref_to(self.type_from_signature(signature[1], type_args, method_args))
        if element == ET.PTR:
            return system.pointer_to(self.type_from_signature(signature[1], type_args, method_args))
        if element == ET.PINNED:
            return self.type_from_signature(signature[1], type_args, method_args)
        if element == ET.CMOD_OPT or element == ET.CMOD_REQD:
            return self.type_from_signature(signature[2], type_args, method_args)
        if element == ET.ARRAY:
            item = self.type_from_signature(signature[1], type_args, method_args)
            return system.general_array_of(item, signature[2])
        if element == ET.FNPTR:
            return system.function_pointer(self.substitute_signature(signature[1], type_args, method_args))
        return system.element_type(element)

    def _variable(self, index: int, arguments: Types, is_method: bool) -> TypeDesc:
        if not arguments:
            return self.type_system.generic_parameter(index, is_method)
        if index >= len(arguments):
            raise TypeLoadError(f"{self.name}: type parameter {'!!' if is_method else '!'}{index} has no argument")
        return arguments[index]

    def method_signature(self, rid: int) -> MethodSig:
        """The raw signature of a method of this module."""
        try:
            return self.assembly.method_signature(rid)
        except NativegenError as error:
            raise TypeLoadError(str(error)) from error

    def field_signature(self, rid: int) -> SigType:
        """The raw type of a field of this module."""
        try:
            return self.assembly.field_signature(rid)
        except NativegenError as error:
            raise TypeLoadError(str(error)) from error

    def substitute_signature(self, raw: MethodSig, type_args: Types = (), method_args: Types = ()) -> MethodSignature:
        """A raw method signature of this module in a context."""
        return MethodSignature(
            raw.calling_convention,
            raw.has_this,
            raw.explicit_this,
            raw.generic_count,
            self.type_from_signature(raw.return_type, type_args, method_args),
            tuple([self.type_from_signature(parameter, type_args, method_args) for parameter in raw.params]),
            raw.sentinel,
        )

    def locals(
        self, local_sig_token: int, type_args: Types = (), method_args: Types = ()
    ) -> tuple[tuple[TypeDesc, bool], ...]:
        """(type, pinned) of the local variables of a body; empty for token 0."""
        try:
            raw = self.assembly.local_signature(local_sig_token)
        except NativegenError as error:
            raise TypeLoadError(str(error)) from error
        return tuple([(self.type_from_signature(item, type_args, method_args), _is_pinned(item)) for item in raw])

    def stand_alone_method_signature(
        self, token: int, type_args: Types = (), method_args: Types = ()
    ) -> MethodSignature:
        """The signature of a ``calli`` site."""
        try:
            raw = parse_method_sig(self.assembly.stand_alone_sig(token & 0xFFFFFF), self.assembly.path)
        except NativegenError as error:
            raise TypeLoadError(str(error)) from error
        return self.substitute_signature(raw, type_args, method_args)

    # ---- members ----------------------------------------------------------------------------------------------------

    def method(self, token: int, type_args: Types = (), method_args: Types = ()) -> MethodDesc:
        """The method of a MethodDef, MemberRef or MethodSpec token.

        A MethodDef of a generic type or method is instantiated over the context when the context fits it.

        Raises:
            TypeLoadError: it cannot be found.
        """
        found = self._member(token, type_args, method_args)
        if not isinstance(found, MethodDesc):
            raise TypeLoadError(f"{self.name}: 0x{token:08x} is not a method")
        return found

    def field(self, token: int, type_args: Types = (), method_args: Types = ()) -> FieldDesc:
        """The field of a FieldDef or MemberRef token; see :meth:`method`."""
        found = self._member(token, type_args, method_args)
        if not isinstance(found, FieldDesc):
            raise TypeLoadError(f"{self.name}: 0x{token:08x} is not a field")
        return found

    def _member(self, token: int, type_args: Types, method_args: Types) -> MethodDesc | FieldDesc:
        found = self._members.get(token)
        if found is not None:
            return found
        key = (token, type_args, method_args)
        found = self._members_in.get(key)
        if found is None:
            try:
                found = self._load_member(token, type_args, method_args)
            except NativegenError as error:
                raise TypeLoadError(str(error)) from error
            # A member that is closed without a context means the same in every context.
            if not type_args and not method_args and not found.owner.contains_generic_parameters and not (
                isinstance(found, MethodDesc) and found.contains_generic_parameters
            ):  # fmt: skip
                self._members[token] = found
            else:
                self._members_in[key] = found
        return found

    def _load_member(self, token: int, type_args: Types, method_args: Types) -> MethodDesc | FieldDesc:
        table = token >> 24
        rid = token & 0xFFFFFF
        if table == _METHOD_DEF:
            owner = self._owner(self.assembly.type_of_method(rid), type_args)
            method = owner.method_at(rid)
            if method_args and method.generic_count == len(method_args):
                return method.instantiate(method_args)
            return method
        if table == _FIELD:
            return self._owner(self.assembly.type_of_field(rid), type_args).field_at(rid)
        if table == _MEMBER_REF:
            return self._member_ref(rid, type_args, method_args)
        if table == _METHOD_SPEC:
            row = self.assembly.method_spec(rid)
            arguments = self.assembly.method_spec_arguments(rid)
            method = self.method(row.method_token, type_args, method_args)  # a MemberRef may be of G<!!0>
            if method.generic_count != len(arguments):
                raise TypeLoadError(f"{method.display_name} cannot be given {len(arguments)} type arguments")
            return method.instantiate(
                tuple([self.type_from_signature(item, type_args, method_args) for item in arguments])
            )
        raise TypeLoadError(f"{self.name}: 0x{token:08x} is not a member token")

    def _owner(self, type_rid: int, type_args: Types) -> DefType:
        owner = self.type_def(type_rid)
        if type_args and owner.generic_count == len(type_args):
            return owner.instantiate(type_args)
        return owner

    def _member_ref(self, rid: int, type_args: Types, method_args: Types) -> MethodDesc | FieldDesc:
        row = self.assembly.member_ref(rid)
        if row.parent_token >> 24 == _METHOD_DEF:  # the call site of a vararg method
            return self.method(row.parent_token, type_args, ())
        owner = self.type(row.parent_token, type_args, method_args)
        if row.signature[:1] == b"\x06":
            return self._find_field(owner, row.name, parse_field_sig(row.signature, self.assembly.path))
        raw = parse_method_sig(row.signature, self.assembly.path)
        if isinstance(owner, ArrayType) and row.name in ("Get", "Set", "Address", ".ctor"):
            # Written with the array's own element types, but read in the context of the generic method around it.
            signature = self.substitute_signature(raw, type_args or owner.type_args, method_args)
            return owner.array_method(self, row.name, signature)
        return self._find_method(owner, row.name, raw)

    def _find_method(self, owner: TypeDesc, name: str, raw: MethodSig) -> MethodDesc:
        """Looks through the base classes too. Signatures are compared open, as the reference writes them."""
        wanted = self.substitute_signature(raw)
        if raw.calling_convention == CallingConvention.VARARG and raw.sentinel >= 0:
            wanted = self.substitute_signature(raw._replace(params=raw.params[: raw.sentinel], sentinel=-1))
        is_open = owner.definition if isinstance(owner, DefType) else owner
        actual: TypeDesc | None = owner
        walked: TypeDesc | None = is_open
        while walked is not None and actual is not None:
            if isinstance(walked, DefType) and isinstance(actual, DefType):
                found = [
                    method
                    for method in walked.methods_named(name)
                    if method.generic_count == wanted.generic_count
                    and len(method.module.method_signature(method.rid).params) == len(wanted.parameters)
                    and _equal_or_unloadable(method, wanted)
                ]
                if len(found) > 1:
                    found = self._distinguish(found, raw)
                if found:
                    return actual.method_at(found[0].rid)
            walked, actual = walked.base_type, actual.base_type
        raise TypeLoadError(f"{self.name}: method {owner.display_name}::{name} {wanted} was not found")

    def _distinguish(self, candidates: list[MethodDesc], raw: MethodSig) -> list[MethodDesc]:
        """Of methods whose signatures differ only in custom modifiers, those with the reference's modifiers."""
        wanted = self._modifiers(raw)
        return [
            method
            for method in candidates
            if method.module._modifiers(method.module.method_signature(method.rid)) == wanted
        ] or candidates[:1]

    def _modifiers(self, raw: MethodSig) -> tuple[object, ...]:
        return tuple([self._modifiers_of(item) for item in (raw.return_type, *raw.params)])

    def _modifiers_of(self, signature: SigType) -> tuple[object, ...]:
        if signature[0] in (ET.CMOD_OPT, ET.CMOD_REQD):
            return (signature[0], self.name_of_type_token(signature[1])[:2], self._modifiers_of(signature[2]))
        if signature[0] in (ET.PTR, ET.BYREF, ET.SZARRAY, ET.ARRAY, ET.PINNED):
            return (signature[0], self._modifiers_of(signature[1]))
        if signature[0] == ET.GENERICINST:
            return tuple([self._modifiers_of(item) for item in signature[2]])
        return ()

    def _find_field(self, owner: TypeDesc, name: str, raw: SigType) -> FieldDesc:
        wanted = self.type_from_signature(raw)
        walked: TypeDesc | None = owner.definition
        actual: TypeDesc | None = owner
        while walked is not None and actual is not None:
            for field in (*walked.instance_fields, *walked.static_fields):
                if field.name == name and field.type is wanted:
                    return actual.field_at(field.rid)
            walked, actual = walked.base_type, actual.base_type
        raise TypeLoadError(f"{self.name}: field {owner.display_name}::{name} was not found")


def has_variables(signature: SigType) -> bool:
    """Mentions a type parameter, so that it means different types in different contexts."""
    element = signature[0]
    if element == ET.VAR or element == ET.MVAR:
        return True
    if element == ET.GENERICINST:
        return any(has_variables(item) for item in signature[2])
    if element in (ET.SZARRAY, ET.BYREF, ET.PTR, ET.PINNED, ET.ARRAY):
        return has_variables(signature[1])
    if element == ET.CMOD_OPT or element == ET.CMOD_REQD:
        return has_variables(signature[2])
    if element == ET.FNPTR:
        return any(has_variables(item) for item in (signature[1].return_type, *signature[1].params))
    return False


def _is_pinned(signature: SigType) -> bool:
    while signature[0] in (ET.CMOD_OPT, ET.CMOD_REQD):
        signature = signature[2]
    return bool(signature[0] == ET.PINNED)


def _equal_or_unloadable(method: MethodDesc, wanted: MethodSignature) -> bool:
    try:
        return method.signature == wanted
    except TypeLoadError:
        return False  # an overload over a type that is not there cannot be the one that was referenced
