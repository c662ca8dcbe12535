"""One entry of a shared cache: what ``/ac/<key>`` contains, and how its writer is known.

The value is an ``ActionResult`` of Bazel's remote execution protocol (remote_execution.proto) with the image and its
description as output files, because servers for the layout check that it is one, and keep the blobs that it names.
Its ``stdout_raw`` holds the signature: HMAC-SHA-256 of the key and of the names, digests and sizes of the outputs.
Blobs are bound to the entry by their SHA-256, so nothing else needs a signature.

>>> entry = Entry((Output("image", "ab" * 32, 10),))
>>> Entry.decode(entry.encode("00" * 32, b"secret")).outputs == entry.outputs
True
>>> Entry.decode(entry.encode("00" * 32, None)).is_signed_for("00" * 32, b"secret")
False
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BYTES = 1 << 16  # of an encoded entry

_SIGNATURE_PREFIX = b"nativegen hmac-sha256 "
# remote_execution.proto: ActionResult.output_files, .stdout_raw; OutputFile.path, .digest; Digest.hash, .size_bytes.
_OUTPUT_FILES, _STDOUT_RAW = 2, 5
_PATH, _DIGEST = 1, 2
_HASH, _SIZE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Output:
    """One blob. ``digest``: SHA-256 in hex."""

    path: str
    digest: str
    size: int

    @classmethod
    def of(cls, path: str, data: bytes) -> Output:
        return cls(path, hashlib.sha256(data).hexdigest(), len(data))

    def matches(self, data: bytes) -> bool:
        """Whether these are the bytes."""
        return len(data) == self.size and hashlib.sha256(data).hexdigest() == self.digest


@dataclass(frozen=True, slots=True)
class Entry:
    """The outputs, and the signature as it was found."""

    outputs: tuple[Output, ...]
    signature: bytes = b""

    def output(self, path: str) -> Output | None:
        """The blob of that name."""
        return next((output for output in self.outputs if output.path == path), None)

    def encode(self, key: str, secret: bytes | None) -> bytes:
        """The value for ``/ac/<key>``, signed when there is a secret."""
        files = b"".join(_field(_OUTPUT_FILES, _output(output)) for output in self.outputs)
        return files if secret is None else files + _field(_STDOUT_RAW, self._signature(key, secret))

    def is_signed_for(self, key: str, secret: bytes) -> bool:
        """Whether somebody who has the secret wrote this entry under this key."""
        return hmac.compare_digest(self.signature, self._signature(key, secret))

    def _signature(self, key: str, secret: bytes) -> bytes:
        lines = [key, *(f"{output.size} {output.digest} {output.path}" for output in self.outputs)]
        return _SIGNATURE_PREFIX + hmac.digest(secret, "\n".join(lines).encode(), "sha256").hex().encode()

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        """An entry from its value; unknown fields are passed over.

        Raises:
            ValueError: it is none.
        """
        outputs: list[Output] = []
        signature = b""
        for number, value in _fields(data):
            if number == _OUTPUT_FILES and isinstance(value, bytes):
                outputs.append(_decode_output(value))
            elif number == _STDOUT_RAW and isinstance(value, bytes):
                signature = value
        return cls(tuple(outputs), signature)


def _output(output: Output) -> bytes:
    digest = _field(_HASH, output.digest.encode()) + _field(_SIZE, output.size)
    return _field(_PATH, output.path.encode()) + _field(_DIGEST, digest)


def _decode_output(data: bytes) -> Output:
    fields = dict(_fields(data))
    path, digest = fields.get(_PATH, b""), fields.get(_DIGEST, b"")
    if not isinstance(path, bytes) or not isinstance(digest, bytes):
        raise ValueError("not an OutputFile")
    inner = dict(_fields(digest))
    hash_, size = inner.get(_HASH, b""), inner.get(_SIZE, 0)
    if not isinstance(hash_, bytes) or not isinstance(size, int) or len(hash_) != 64:
        raise ValueError("not a Digest")
    text = hash_.decode("ascii")
    if not set(text) <= set("0123456789abcdef"):
        raise ValueError("not a SHA-256")
    return Output(path.decode(), text, size)


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of a message of the protocol buffers' wire format."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        wire = tag & 7
        if wire == _VARINT:
            number, at = _read_varint(data, at)
            yield tag >> 3, number
            continue
        if wire == _BYTES:
            size, at = _read_varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("truncated")
        if wire == _BYTES:
            yield tag >> 3, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("bad number")
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
        shift += 7
