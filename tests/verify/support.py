"""Helpers of the verification tests: subjects, what failed, patches of single bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nativegen.metadata import Assembly
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.verify.model import Severity, Subject, SubjectResult
from nativegen.verify.static import verify_static


def subject(path: Path, source: Path | None = None, **more: Any) -> Subject:
    return Subject(str(path), path.name, None if source is None else str(source), **more)


def verify(path: Path, source: Path | None = None, **more: Any) -> SubjectResult:
    return verify_static([subject(path, source, **more)])[0]


def failed_checks(result: SubjectResult) -> dict[str, Severity]:
    return {check.name: finding.severity for check, finding in reversed(result.failures)}


class Patch:
    """A copy of an image with some bytes changed; offsets are RVAs unless said otherwise."""

    def __init__(self, original: Path, copy: Path) -> None:
        self.path = copy
        self.data = bytearray(original.read_bytes())
        self.image = ReadyToRunImage.open(original)

    def file(self, offset: int, data: bytes) -> Path:
        """At a file offset."""
        self.data[offset : offset + len(data)] = data
        self.path.write_bytes(self.data)
        return self.path

    def at(self, rva: int, data: bytes) -> Path:
        return self.file(self.image.assembly.pe.rva_to_offset(rva), data)

    def u32(self, rva: int, value: int) -> Path:
        return self.at(rva, struct.pack("<I", value))

    def read(self, rva: int, size: int) -> bytes:
        return self.image.memory[rva : rva + size]

    @property
    def pe_header(self) -> int:
        """File offset of the PE signature."""
        (offset,) = struct.unpack_from("<I", self.data, 0x3C)
        return int(offset)

    @property
    def cli_header(self) -> int:
        """RVA."""
        return self.image.assembly.data_directories[14].rva

    def section_entry(self, type: int) -> int:
        """RVA of a section's entry in the ReadyToRun header."""
        header = self.image.assembly.ready_to_run_header
        assert header is not None
        index = [section.type for section in self.image.header.sections].index(type)
        return header[0] + 16 + 12 * index

    def section(self, type: int) -> int:
        """RVA of a section's contents."""
        return next(section.rva for section in self.image.header.sections if section.type == type)


def document_of(path: Path, options: Mapping[str, object] | None = None, **coverage: Any) -> dict[str, Any]:
    """A cache's manifest for the image at ``path``, in a folder named by its key."""
    import xxhash

    from nativegen.cache.manifests import file_checksum
    from nativegen.plan.manifest import canonical_json

    manifest = {"options": dict(options or {})}
    native = subject(path).native_methods
    return {
        "manifest": manifest,
        "key": xxhash.xxh3_128_hexdigest(canonical_json(manifest)),
        "image": {"checksum": file_checksum(str(path))},
        "coverage": {"methods": native, "native": native, "excluded": {}, **coverage},
    }


def in_cache(path: Path, folder: Path, document: Mapping[str, Any]) -> Path:
    """A copy of an image where its key says."""
    home = folder / document["key"]
    home.mkdir(parents=True, exist_ok=True)
    copy = home / path.name
    copy.write_bytes(path.read_bytes())
    return copy


def assembly(path: Path) -> Assembly:
    return Assembly.open(path)
