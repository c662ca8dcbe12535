"""Types and members that an image's own metadata does not name: rows of its manifest metadata, made when it is linked.

Compiled code that depends on the inside of other assemblies must name their private types and members. Such a name is
a :class:`~nativegen.readytorun.unit.Symbol` like any other, but complete in itself: :class:`ManifestRows` makes a row
of it. In a fixup these rows are read in the module that ``Symbol(MANIFEST_MODULE)`` stands for: behind ``kind | 0x80``
for the whole fixup, behind 0x3F for one type.

A TypeRef's scope is a ModuleRef: the core library by name, any other assembly as ``#:i``, i being its module number in
fixups: that of an AssemblyRef of the IL metadata if there is one, else that of an AssemblyRef added here. (Found by
experiment on 9.0; AssemblyRefs as scopes are refused.)

Works on runtimes that read TypeRefs from the manifest (``Target.manifest_names``); 3.1 does not.

>>> string = manifest_type("System.Private.CoreLib", (("System", "String"),))
>>> member = manifest_member(string, "IsNullOrEmpty", (b"\\x00\\x01\\x02\\x0e",))
>>> rows = ManifestRows(["System.Runtime"], lambda name: ManifestAssembly(name))
>>> hex(rows.token(member)), rows.token(MANIFEST_MODULE)
('0xa000001', 2)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from nativegen.metadata.tables import USER_STRING, Table
from nativegen.readytorun.manifest import ManifestAssembly, ManifestMember, ManifestType, encode_manifest_metadata
from nativegen.readytorun.structs import compress
from nativegen.readytorun.unit import Symbol, SymbolKind

MANIFEST_MODULE: Final = Symbol(SymbolKind.MANIFEST_MODULE, "")

_CORE: Final = "System.Private.CoreLib"
_TYPE_REF: Final = Table.TypeRef << 24
_MEMBER_REF: Final = Table.MemberRef << 24
_MODULE_REF: Final = Table.ModuleRef << 24
_USER_STRING: Final = USER_STRING << 24

# Control characters: no compiler writes them into names, and a name that has one is refused.
_FIELD: Final = "\x01"
_ITEM: Final = "\x02"


def manifest_type(assembly: str, path: Sequence[tuple[str, str]]) -> Symbol:
    """A type by its defining assembly and the (namespace, name) pairs from the outermost type inwards.

    Raises:
        ValueError: a name that cannot be written.
    """
    parts = [assembly, *[part for pair in path for part in pair]]
    return Symbol(SymbolKind.MANIFEST_TYPE, _FIELD.join(map(_checked, parts)))


def manifest_member(parent: Symbol, name: str, signature: Sequence[bytes | Symbol]) -> Symbol:
    """A method or field.

    Args:
        parent: a MANIFEST_TYPE symbol; of generic types the open type.
        signature: as in a MemberRef row; MANIFEST_TYPE symbols stand for compressed TypeDefOrRef indices.

    Raises:
        ValueError: a name that cannot be written.
    """
    items = [part.name if isinstance(part, Symbol) else f"={part.hex()}" for part in signature]
    return Symbol(SymbolKind.MANIFEST_MEMBER, _ITEM.join([parent.name, _checked(name), *items]))


def manifest_string(characters: bytes) -> Symbol:
    """A string literal, in UTF-16."""
    return Symbol(SymbolKind.MANIFEST_STRING, characters.hex())


def type_path(symbol: Symbol) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What :func:`manifest_type` was given."""
    assembly, *names = symbol.name.split(_FIELD)
    return assembly, tuple(zip(names[::2], names[1::2], strict=True))


def member_parent(symbol: Symbol) -> tuple[Symbol, str]:
    """Parent and name that :func:`manifest_member` was given."""
    parent, name, *_ = symbol.name.split(_ITEM)
    return Symbol(SymbolKind.MANIFEST_TYPE, parent), name


def assemblies_of(symbol: Symbol) -> tuple[str, ...]:
    """Simple names of the assemblies that a manifest symbol mentions."""
    if symbol.kind is SymbolKind.MANIFEST_TYPE:
        return (symbol.name.split(_FIELD, 1)[0],)
    if symbol.kind is SymbolKind.MANIFEST_MEMBER:
        parent, _, *items = symbol.name.split(_ITEM)
        return tuple(item.split(_FIELD, 1)[0] for item in (parent, *items) if not item.startswith("="))
    return ()


def _checked(name: str) -> str:
    if _FIELD in name or _ITEM in name or name.startswith("="):
        raise ValueError(f"name {name!r} cannot be written into manifest metadata")
    return name


class ManifestRows:
    """The rows of one image's manifest metadata; made by first use, so their order is that of the image's cells.

    Args:
        own_references: simple names of the AssemblyRefs of the image's IL metadata.
        identity: what an AssemblyRef of an assembly says; raises KeyError when there is no such assembly.
    """

    def __init__(self, own_references: Sequence[str], identity: Callable[[str], ManifestAssembly]) -> None:
        self._own_references = len(own_references)
        self._own_numbers = {name.lower(): number for number, name in enumerate(own_references, 1)}
        self._identity = identity
        self._assemblies: list[ManifestAssembly] = []
        self._modules: dict[str, int] = {}
        self._module_names: list[str] = []
        self._types: dict[ManifestType, int] = {}
        self._members: dict[ManifestMember, int] = {}
        self._strings: dict[bytes, int] = {}
        self._string_heap = bytearray(1)

    @property
    def is_empty(self) -> bool:
        """Nothing was named."""
        return not self._types and not self._strings

    def token(self, symbol: Symbol) -> int:
        """The row's token, or the module number.

        Raises:
            KeyError: an assembly is not known.
        """
        if symbol.kind is SymbolKind.MANIFEST_MODULE:
            return self._own_references + 1
        if symbol.kind is SymbolKind.MANIFEST_TYPE:
            return _TYPE_REF | self._type(symbol.name)
        if symbol.kind is SymbolKind.MANIFEST_STRING:
            return _USER_STRING | self._string(bytes.fromhex(symbol.name))
        parent, name, *items = symbol.name.split(_ITEM)
        owner = self._type(parent)
        signature = [
            bytes.fromhex(item[1:]) if item.startswith("=") else compress(self._type(item) << 2 | 1) for item in items
        ]
        row = ManifestMember(owner, name, b"".join(signature))
        return _MEMBER_REF | self._members.setdefault(row, len(self._members) + 1)

    def _string(self, characters: bytes) -> int:
        offset = self._strings.get(characters)
        if offset is None:
            offset = self._strings[characters] = len(self._string_heap)
            # Behind the characters, a byte that nobody reads at run time (II.24.2.4).
            self._string_heap += compress(len(characters) + 1) + characters + b"\0"
        return offset

    def _type(self, text: str) -> int:
        assembly, *names = text.split(_FIELD)
        scope = self._module(assembly)
        rid = 0
        for namespace, name in zip(names[::2], names[1::2], strict=True):
            rid = self._types.setdefault(ManifestType(scope, namespace, name), len(self._types) + 1)
            scope = _TYPE_REF | rid
        return rid

    def _module(self, assembly: str) -> int:
        rid = self._modules.get(assembly)
        if rid is None:
            self._module_names.append(assembly if assembly == _CORE else f"#:{self._number(assembly)}")
            rid = self._modules[assembly] = len(self._module_names)
        return _MODULE_REF | rid

    def _number(self, assembly: str) -> int:
        number = self._own_numbers.get(assembly.lower())
        if number is None:
            self._assemblies.append(self._identity(assembly))
            number = self._own_references + 1 + len(self._assemblies)
        return number

    def encode(self) -> bytes:
        """The manifest metadata."""
        return encode_manifest_metadata(
            self._assemblies, self._module_names, list(self._types), list(self._members), bytes(self._string_heap)
        )
