"""Methods and fields as seen from one instantiation of their type: :class:`MethodDesc`, :class:`FieldDesc`.

Both are interned per owner, so they compare with ``is``. Everything that costs a metadata read is computed at first use
and kept.

>>> method.display_name, str(method.signature)                       # doctest: +SKIP
('System.Collections.Generic.List`1<System.Int32>::Add', 'System.Void(System.Int32)')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nativegen.metadata.bodies import MethodBody
from nativegen.metadata.elements import CallingConvention
from nativegen.metadata.flags import FieldAttributes, MemberAccess, MethodAttributes, MethodImplAttributes
from nativegen.metadata.tables import Table
from nativegen.typesystem.errors import TypeLoadError
from nativegen.typesystem.lazy import lazy

if TYPE_CHECKING:
    from nativegen.typesystem.module import Module
    from nativegen.typesystem.types import TypeDesc


@dataclass(frozen=True, slots=True)
class MethodSignature:
    """A method's or call site's signature, types substituted; custom modifiers are dropped.

    Args:
        calling_convention: ECMA-335 II.23.2.1, low four bits.
        generic_count: number of the method's own type parameters.
        sentinel: index of the first variable argument of a vararg call site, else -1.
    """

    calling_convention: int
    has_this: bool
    explicit_this: bool
    generic_count: int
    return_type: TypeDesc
    parameters: tuple[TypeDesc, ...]
    sentinel: int = -1

    @property
    def is_vararg(self) -> bool:
        """Takes variable arguments the C way."""
        return self.calling_convention == CallingConvention.VARARG

    @property
    def is_unmanaged(self) -> bool:
        """Of a call site: calls native code."""
        return self.calling_convention not in (CallingConvention.DEFAULT, CallingConvention.VARARG)

    def __str__(self) -> str:
        parameters = ",".join(parameter.display_name for parameter in self.parameters)
        return f"{self.return_type.display_name}({parameters})"


_FIELD = Table.Field << 24
_METHOD_DEF = Table.MethodDef << 24


class MethodDesc:
    """One method of one type instantiation, with its own type arguments if it is generic.

    An open generic method has ``method_args`` () and ``is_generic_definition``. Methods of arrays have no metadata row:
    ``rid`` is 0, ``is_array_method`` is true and ``module`` is the one that asked.
    """

    def __init__(
        self,
        owner: TypeDesc,
        module: Module,
        rid: int,
        method_args: tuple[TypeDesc, ...] = (),
        array_name: str = "",
        array_signature: MethodSignature | None = None,
    ) -> None:
        self.owner = owner
        self.module = module
        self.rid = rid
        self.method_args = method_args
        self.is_array_method = not rid
        if rid:
            row = module.assembly.method_def(rid)
            self.name: str = row.name
            self.flags: int = row.flags
            self.impl_flags: int = row.impl_flags
            self.rva: int = row.rva
        else:
            assert array_signature is not None
            self.name = array_name
            self.flags = 0x0006  # public instance
            self.impl_flags = 0
            self.rva = 0
            self.signature = array_signature

    # ---- identity --------------------------------------------------------------------------------------------------

    @property
    def token(self) -> int:
        """MethodDef token in ``module``."""
        return _METHOD_DEF | self.rid

    @property
    def type_args(self) -> tuple[TypeDesc, ...]:
        """The owner's type arguments."""
        return self.owner.type_args

    @lazy
    def definition(self) -> MethodDesc:
        """The method of the open definition of the owner, without type arguments of its own."""
        if self.is_array_method:
            return self
        return self.owner.definition.method_at(self.rid)

    def instantiate(self, method_args: tuple[TypeDesc, ...]) -> MethodDesc:
        """The same generic method with these type arguments."""
        return self.owner.method_at(self.rid, method_args)

    @lazy
    def display_name(self) -> str:
        """``Ns.Type::Method``, with type arguments if any."""
        name = f"{self.owner.display_name}::{self.name}"
        if self.method_args:
            name += f"<{','.join(argument.display_name for argument in self.method_args)}>"
        return name

    def __repr__(self) -> str:
        return f"<method {self.display_name}>"

    # ---- signature and body ------------------------------------------------------------------------------------------

    @lazy
    def signature(self) -> MethodSignature:
        """The signature with the owner's and the method's type arguments substituted.

        Raises:
            TypeLoadError: a type of it cannot be resolved.
        """
        raw = self.module.method_signature(self.rid)
        return self.module.substitute_signature(raw, self.owner.type_args, self.method_args)

    @property
    def has_body(self) -> bool:
        """Has CIL."""
        return self.rva != 0 and not self.impl_flags & MethodImplAttributes.CODE_TYPE_MASK

    @lazy
    def body(self) -> MethodBody:
        """The CIL.

        Raises:
            TypeLoadError: there is none.
        """
        body = self.module.assembly.method_body(self.rid) if self.has_body else None
        if body is None:
            raise TypeLoadError(f"{self.display_name} has no body")
        return body

    # ---- flags -----------------------------------------------------------------------------------------------------

    @property
    def access(self) -> int:
        """0 compiler controlled, 1 private, 2 family and assembly, 3 assembly, 4 family, 5 either, 6 public."""
        return self.flags & MemberAccess.MASK

    @property
    def is_static(self) -> bool:
        return self.flags & MethodAttributes.STATIC != 0

    @property
    def is_virtual(self) -> bool:
        return self.flags & MethodAttributes.VIRTUAL != 0

    @property
    def is_final(self) -> bool:
        return self.flags & MethodAttributes.FINAL != 0

    @property
    def is_abstract(self) -> bool:
        return self.flags & MethodAttributes.ABSTRACT != 0

    @property
    def is_new_slot(self) -> bool:
        return self.flags & MethodAttributes.NEW_SLOT != 0

    @property
    def is_strict(self) -> bool:
        """Can only be overridden where it is accessible."""
        return self.flags & MethodAttributes.STRICT != 0

    @property
    def is_constructor(self) -> bool:
        return self.name == ".ctor" and not self.is_static

    @property
    def is_static_constructor(self) -> bool:
        return self.name == ".cctor" and self.is_static and self.flags & MethodAttributes.SPECIAL_NAME != 0

    @property
    def is_pinvoke(self) -> bool:
        return self.flags & MethodAttributes.PINVOKE_IMPL != 0

    @property
    def is_synchronized(self) -> bool:
        return self.impl_flags & MethodImplAttributes.SYNCHRONIZED != 0

    @property
    def is_aggressive_optimization(self) -> bool:
        return self.impl_flags & MethodImplAttributes.AGGRESSIVE_OPTIMIZATION != 0

    @property
    def is_no_inlining(self) -> bool:
        return self.impl_flags & MethodImplAttributes.NO_INLINING != 0

    @property
    def is_no_optimization(self) -> bool:
        return self.impl_flags & MethodImplAttributes.NO_OPTIMIZATION != 0

    @property
    def is_runtime_implemented(self) -> bool:
        """The runtime provides the code: a delegate's constructor, Invoke, BeginInvoke and EndInvoke."""
        return self.impl_flags & MethodImplAttributes.CODE_TYPE_MASK == MethodImplAttributes.RUNTIME

    @lazy
    def is_unmanaged_callers_only(self) -> bool:
        return self.has_attribute("System.Runtime.InteropServices.UnmanagedCallersOnlyAttribute")

    @lazy
    def is_intrinsic(self) -> bool:
        """The runtime's JIT may replace its body: IntrinsicAttribute on it or, for hardware intrinsics, on its type."""
        return self.owner.definition.is_intrinsic or self.has_attribute(
            "System.Runtime.CompilerServices.IntrinsicAttribute"
        )

    def has_attribute(self, full_name: str) -> bool:
        """Carries a custom attribute of that type."""
        return bool(self.rid) and self.module.assembly.has_attribute(self.token, full_name)

    # ---- generics --------------------------------------------------------------------------------------------------

    @lazy
    def generic_count(self) -> int:
        """Number of the method's own type parameters."""
        if not self.rid:
            return 0
        return self.module.method_signature(self.rid).generic_count

    @property
    def is_generic(self) -> bool:
        return self.generic_count != 0

    @property
    def is_generic_definition(self) -> bool:
        """Generic, and no type arguments given."""
        return self.generic_count != 0 and not self.method_args

    @lazy
    def contains_generic_parameters(self) -> bool:
        """Not fully instantiated: has no code of its own."""
        return (
            self.owner.contains_generic_parameters
            or self.is_generic_definition
            or any(argument.contains_generic_parameters for argument in self.method_args)
        )

    @lazy
    def is_shared(self) -> bool:
        """Runs code that instantiations over different reference types share."""
        return self.owner.is_shared_generic or any(argument.shares_code for argument in self.method_args)

    @lazy
    def requires_context(self) -> bool:
        """Its shared code needs a hidden argument: the MethodDesc of a generic method, else the owner's MethodTable.

        Only instance methods of generic classes do without: they find their context through ``this``
        (clr-abi.md: generics).
        """
        if not self.is_shared:
            return False
        if self.method_args or self.is_static or self.owner.is_value_type:
            return True
        return self.owner.is_interface and not self.is_abstract


# FieldAttributes (ECMA-335 II.23.1.5).


class FieldDesc:
    """One field of one type instantiation.

    Args:
        index: position among the instance fields of its type, then the static ones, in declaration order: what 3.1's
            field signatures by index count (facts: FieldSigFlags.IndexInsteadOfToken).
    """

    def __init__(self, owner: TypeDesc, module: Module, rid: int, index: int) -> None:
        self.owner = owner
        self.module = module
        self.rid = rid
        self.index = index
        row = module.assembly.field_def(rid)
        self.name: str = row.name
        self.flags: int = row.flags

    @property
    def token(self) -> int:
        """FieldDef token in ``module``."""
        return _FIELD | self.rid

    @lazy
    def definition(self) -> FieldDesc:
        """The field of the open definition of the owner."""
        return self.owner.definition.field_at(self.rid)

    @lazy
    def type(self) -> TypeDesc:
        """The field's type with the owner's arguments substituted; custom modifiers are dropped.

        Raises:
            TypeLoadError: it cannot be resolved.
        """
        return self.module.type_from_signature(self.module.field_signature(self.rid), self.owner.type_args)

    @property
    def is_static(self) -> bool:
        return self.flags & FieldAttributes.STATIC != 0

    @property
    def is_literal(self) -> bool:
        return self.flags & FieldAttributes.LITERAL != 0

    @property
    def is_init_only(self) -> bool:
        return self.flags & FieldAttributes.INIT_ONLY != 0

    @lazy
    def rva(self) -> int:
        """Where the field's initial data is mapped, or 0."""
        return self.module.assembly.field_rva(self.rid) or 0 if self.flags & FieldAttributes.HAS_FIELD_RVA else 0

    @lazy
    def is_thread_static(self) -> bool:
        return self.is_static and self.module.assembly.has_attribute(self.token, "System.ThreadStaticAttribute")

    @lazy
    def offset(self) -> int:
        """Bytes from the object's start (classes: MethodTable pointer included) or from the struct's start.

        Raises:
            TypeLoadError: the layout cannot be predicted.
        """
        return self.owner.layout.offsets[self]

    @property
    def display_name(self) -> str:
        """``Ns.Type::field``."""
        return f"{self.owner.display_name}::{self.name}"

    def __repr__(self) -> str:
        return f"<field {self.display_name}>"
