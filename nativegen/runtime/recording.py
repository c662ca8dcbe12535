"""Start-up recordings: the methods that a start used, in order, in the file format of the runtime's own player.

CoreCLR can write down the methods that a process enters, and at a later start bind, load and jit them ahead on a second
thread (``AssemblyLoadContext.StartProfileOptimization``, "multi-core JIT"). It does so for native code, too: then that
thread resolves the fixups of the methods' entries. The format is the runtime's (multicorejitimpl.h, version 102; 3.1
has another): records of multiples of four bytes, the kind in the top byte of the first word; a header, modules with
name, version and MVID, then in order of use *load module* and *method* records, which name modules by index.

The player loads a recorded module by name when the process has not yet done so. Hence :meth:`Recording.only`:
modules that the application does not load through its list of trusted assemblies (plug-ins, for instance) are taken
out.

Invariant: ``Recording.parse(data).dump() == data``.

>>> recording = Recording.parse(path.read_bytes())                                          # doctest: +SKIP
>>> recording.modules[0].name, recording.method_count                                       # doctest: +SKIP
('System.Private.CoreLib', 3142)
"""

from __future__ import annotations

import os
import struct
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nativegen.diagnostics import NativegenError

_VERSION = 102
_HEADER, _MODULE, _LOAD_MODULE, _METHOD, _GENERIC_METHOD = range(1, 6)  # kinds of records
_HEADER_STRUCT = struct.Struct("<IIIIII14H3I")  # record, version, time, modules, methods, load records, statistics
_MODULE_STRUCT = struct.Struct("<I4HI16sHHHHH2x")  # record, version, flags, MVID, methods, flags, level, two lengths
_MODULE_INDEX = 0xFFFF  # of the first word of the records that name a module


@dataclass(frozen=True, slots=True)
class RecordedModule:
    """``mvid`` as :attr:`nativegen.metadata.Assembly.mvid` writes it; ``methods``: records that name the module."""

    name: str
    mvid: str
    methods: int


@dataclass(frozen=True, slots=True)
class _Record:
    kind: int
    data: bytes

    @property
    def module(self) -> int:
        first: int = struct.unpack_from("<I", self.data)[0]
        return first & _MODULE_INDEX

    @property
    def signature(self) -> bytes | None:
        """Of a generic method, as in fixups of ReadyToRun images."""
        return self.data[6:] if self.kind == _GENERIC_METHOD else None

    @property
    def rid(self) -> int:
        """Of another method."""
        token: int = struct.unpack_from("<I", self.data, 4)[0]
        return token & 0xFFFFFF


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording; see the module docstring."""

    modules: tuple[RecordedModule, ...]
    _header: bytes
    _modules: tuple[bytes, ...]
    _records: tuple[_Record, ...]

    @property
    def method_count(self) -> int:
        """Number of methods."""
        return sum(record.kind != _LOAD_MODULE for record in self._records)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Recording:
        """A recording from its file.

        Raises:
            NativegenError: NGEN3112, it cannot be read or is malformed.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise NativegenError("NGEN3112", path, detail=error.strerror or str(error)) from error
        return cls.parse(data, os.fspath(path))

    @classmethod
    def parse(cls, data: bytes, path: str | None = None) -> Recording:
        """A recording from its bytes.

        Raises:
            NativegenError: NGEN3112.
        """
        try:
            return cls._parsed(data)
        except (struct.error, ValueError) as error:
            raise NativegenError("NGEN3112", path, detail=str(error)) from error

    @classmethod
    def _parsed(cls, data: bytes) -> Recording:
        first, version, _, module_count, *_ = _HEADER_STRUCT.unpack_from(data)
        if first != _HEADER << 24 | _HEADER_STRUCT.size or version != _VERSION:
            raise ValueError("not a start-up recording of this runtime's format")
        modules: list[bytes] = []
        records: list[_Record] = []
        for kind, record in _split(data, _HEADER_STRUCT.size):
            if kind == _MODULE:
                modules.append(record)
            else:
                records.append(_Record(kind, record))
        if len(modules) != module_count:
            raise ValueError(f"it says that it has {module_count} modules and has {len(modules)}")
        if any(record.module >= module_count for record in records):
            raise ValueError("a record names a module that it does not have")
        return cls(tuple(map(_module, modules)), data[: _HEADER_STRUCT.size], tuple(modules), tuple(records))

    def only(self, wanted: Callable[[RecordedModule], bool]) -> Recording:
        """The same without the methods and loads of other modules.

        A module keeps its place, because indexes count; without its MVID it matches nothing. Signatures of generic
        methods name modules somewhere in the middle, by compressed index: what may name an unwanted one goes, too.
        """
        unwanted = {index for index, module in enumerate(self.modules) if not wanted(module)}
        if not unwanted:
            return self
        names = [_compressed(index) for index in sorted(unwanted)]

        def keeps(record: _Record) -> bool:
            if record.module in unwanted:
                return False
            return record.kind != _GENERIC_METHOD or not any(name in (record.signature or b"") for name in names)

        records = tuple(filter(keeps, self._records))
        fields = list(_HEADER_STRUCT.unpack(self._header))
        fields[5] = sum(record.kind == _LOAD_MODULE for record in records)
        fields[4] = len(records) - fields[5]
        modules = list(self._modules)
        for index in unwanted:
            values = list(_MODULE_STRUCT.unpack_from(modules[index]))
            values[6], values[7] = bytes(16), 0
            modules[index] = _MODULE_STRUCT.pack(*values) + modules[index][_MODULE_STRUCT.size :]
        return Recording(tuple(map(_module, modules)), _HEADER_STRUCT.pack(*fields), tuple(modules), records)

    def methods_first(self, wanted: Callable[[str, int | bytes], bool]) -> Recording:
        """The same, in another order: wanted methods before all others.

        Args:
            wanted: told the name of the module and the MethodDef row, or the signature of a generic method.
        """

        def is_other(record: _Record) -> bool:
            name = self.modules[record.module].name
            return record.kind == _LOAD_MODULE or not wanted(name, record.signature or record.rid)

        return replace(self, _records=tuple(sorted(self._records, key=is_other)))

    def loads_first(self) -> Recording:
        """The same, modules before methods: reading and mapping files, mostly, so that nobody waits for it later."""
        loads = [record for record in self._records if record.kind == _LOAD_MODULE]
        methods = [record for record in self._records if record.kind != _LOAD_MODULE]
        return replace(self, _records=(*loads, *methods))

    def dump(self) -> bytes:
        """The bytes of the file."""
        return b"".join((self._header, *self._modules, *(record.data for record in self._records)))


def _split(data: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """Kind and bytes of each record from an offset to the end."""
    while offset < len(data):
        (first,) = struct.unpack_from("<I", data, offset)
        kind = first >> 24
        if kind == _MODULE:
            size = first & 0xFFFFFF
        elif kind in (_LOAD_MODULE, _METHOD):
            size = 4 if kind == _LOAD_MODULE else 8
        elif kind == _GENERIC_METHOD:
            (length,) = struct.unpack_from("<H", data, offset + 4)
            size = 4 + 2 + length + -(6 + length) % 4
        else:
            raise ValueError(f"unknown record of kind {kind}")
        if size < 4 or size % 4 or offset + size > len(data):
            raise ValueError("a record goes beyond the end: truncated")
        yield kind, data[offset : offset + size]
        offset += size


def _module(record: bytes) -> RecordedModule:
    values = _MODULE_STRUCT.unpack_from(record)
    mvid, methods, length = values[6], values[7], values[10]
    name = record[_MODULE_STRUCT.size : _MODULE_STRUCT.size + length]
    if len(name) != length:
        raise ValueError("a module's name goes beyond its record")
    return RecordedModule(name.decode(), str(uuid.UUID(bytes_le=mvid)), methods)


def _compressed(value: int) -> bytes:
    """ECMA-335 II.23.2, for indexes of at most two bytes."""
    return bytes([value]) if value < 0x80 else (value | 0x8000).to_bytes(2, "big")
