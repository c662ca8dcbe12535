"""What a build found out about an assembly's methods, kept so that the next build looks only at what an edit changed.

Making the keys of 23,000 methods means resolving everything that their code names. After most edits all of that is as
it was: the metadata but for MVID and RVAs, the assemblies referred to, and nearly every body. A summary has the keys,
a hash of each body, and who takes in whose body; so only bodies that changed, and methods that take one of these in,
get new keys (:func:`outdated`).

It also says of the unit store's files which of their cells need no generic instances, and whether the metadata has a
name for each of their symbols: both follow from the same metadata and references.

Invariants: a summary is used only when everything is equal that its facts were made from, and by the compiler, target
and options that made it (its name in the store is the digest of these); otherwise all keys are made anew, to the same
result. What cannot be told apart cheaply counts as changed. A damaged file is as if it were not there.

>>> summary = decode_summary(data)                                    # doctest: +SKIP
>>> keys.since(summary, bodies)                                       # doctest: +SKIP
[b'...', ...]
"""

from __future__ import annotations

import re
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import xxhash

from nativegen.compiler.inline_rules import is_small
from nativegen.metadata import Assembly, Table
from nativegen.metadata.bodies import BodyFinder, measure_body
from nativegen.pipeline.module_facts import ModuleFacts
from nativegen.pipeline.sealed import sealed, unsealed
from nativegen.pipeline.signature_facts import DIGEST_SIZE, digest, text
from nativegen.typesystem import Module

#: More tokens than these to look for, and making all keys is the shorter way.
_MAX_TOKENS = 64

_MAGIC = b"ngkeysum"
_HEADER = struct.Struct(f"<{DIGEST_SIZE}s{DIGEST_SIZE}s{DIGEST_SIZE}sIII")
_FILE = struct.Struct("<I?II")
_LDSTR = re.compile(rb"\x72...\x70", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Origin:
    """What keys are made from, but for the bodies: digests of the metadata, its user strings, the references."""

    metadata: bytes
    strings: bytes
    references: bytes


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What is known of a file of the unit store.

    Attributes:
        needless: numbers of cells for which no generic instance is needed.
        is_nameable: the metadata, user strings included, has every symbol of the file.
        signatures: of all cells as images of this metadata have them; empty: it has to be made.
    """

    needless: array[int]
    is_nameable: bool
    signatures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """See the module docstring.

    Attributes:
        rids, hashes, sizes: of the methods with CIL: row, hash of the body's bytes, bytes of code.
        keys: one after the other.
        bringers: row of a small method -> the tokens that bring its body into their users.
        files: by name.
    """

    origin: Origin
    rids: array[int]
    hashes: array[int]
    sizes: array[int]
    keys: bytes
    bringers: Mapping[int, frozenset[int]]
    files: Mapping[str, KnownFile] = field(default_factory=dict)

    def key_list(self) -> list[bytes]:
        """The keys, in the order of the rows."""
        return [self.keys[at : at + DIGEST_SIZE] for at in range(0, len(self.keys), DIGEST_SIZE)]


class Bodies:
    """The bodies of an assembly's methods as they are now.

    Args:
        rids: the methods with CIL, ascending.

    Attributes:
        assembly: as given.
        is_sound: every body has a header and an end.
    """

    def __init__(self, assembly: Assembly, rids: Sequence[int]) -> None:
        self.assembly = assembly
        self.rids = array("I", rids)
        self.hashes = array("Q")
        self.sizes = array("I")
        self.is_sound = True
        self._spans: list[tuple[int, int]] = []
        data, hashed = assembly.data, xxhash.xxh3_64_intdigest
        rows = assembly.rows(Table.MethodDef)
        finder = BodyFinder(assembly.pe.sections)
        for rid in rids:
            start, limit = finder.range(rows[rid - 1][0])
            end, size = measure_body(data, start, limit)
            if not end:
                self.is_sound = False
            self._spans.append((start, end))
            self.hashes.append(hashed(data[start:end]))
            self.sizes.append(size)

    def with_strings(self) -> set[int]:
        """Methods that may load a user string."""
        data = self.assembly.data
        spans = zip(self.rids, self._spans, strict=True)
        return {rid for rid, (start, end) in spans if _LDSTR.search(data[start:end])}

    def mentioning(self, tokens: Iterable[int]) -> set[int]:
        """Methods whose bytes contain one of the tokens, as an operand or by chance."""
        data = self.assembly.data
        order = sorted((start, end, rid) for rid, (start, end) in zip(self.rids, self._spans, strict=True))
        starts = [start for start, _, _ in order]
        if not order:
            return set()
        first, last = order[0][0], max(end for _, end, _ in order)
        found = set()
        for token in tokens:
            wanted = token.to_bytes(4, "little")
            at = data.find(wanted, first, last)
            while at >= 0:
                # Methods may share a body.
                index = bisect_right(starts, at) - 1
                shared = starts[index]
                while index >= 0 and starts[index] == shared:
                    if at < order[index][1]:
                        found.add(order[index][2])
                    index -= 1
                at = data.find(wanted, at + 1, last)
        return found


def origin_of(module: Module, facts: ModuleFacts) -> Origin:
    """What the keys of a module's methods are made from.

    Args:
        facts: the module's own.
    """
    assembly = module.assembly
    rest, strings = assembly.metadata_without_places()
    return Origin(digest(rest + facts.initial_data()), digest(strings), digest(_references(module)))


def _references(module: Module) -> bytes:
    """Names and content of all assemblies that a module reaches by reference; those that are not there too."""
    system = module.type_system
    contents: dict[str, str] = {}
    pending = [module]
    while pending:
        for reference in pending.pop().assembly.assembly_refs:
            if reference.name not in contents:
                found = system.module_named(reference.name)
                contents[reference.name] = "" if found is None else found.assembly.content_signature
                if found is not None and found is not module:
                    pending.append(found)
    return text(*[part for item in sorted(contents.items()) for part in item])


def outdated(summary: Summary, origin: Origin, bodies: Bodies) -> set[int] | None:
    """The methods whose keys in the summary do not hold any more; None: it says nothing about this assembly."""
    known = summary.origin
    if known.metadata != origin.metadata or known.references != origin.references or summary.rids != bodies.rids:
        return None
    if not bodies.is_sound:
        return None
    assembly = bodies.assembly
    changed = set()
    tokens: set[int] = set()
    for rid, old, new, old_size, new_size in zip(
        bodies.rids, summary.hashes, bodies.hashes, summary.sizes, bodies.sizes, strict=True
    ):
        if old != new:
            changed.add(rid)
            flags = assembly.method_def(rid).impl_flags
            if is_small(new_size, flags) and not is_small(old_size, flags):
                return None  # whose callers take it in from now on is not known
    if known.strings != origin.strings:
        changed |= bodies.with_strings()
    for rid in changed:
        tokens |= summary.bringers.get(rid, frozenset())
    if len(tokens) > _MAX_TOKENS:
        return None
    return changed | bodies.mentioning(tokens)


# ---- as bytes --------------------------------------------------------------------------------------------------------


def encode_summary(summary: Summary) -> bytes:
    """The bytes of a file, for :func:`decode_summary`."""
    pairs = sorted((rid, token) for rid, tokens in summary.bringers.items() for token in tokens)
    flat = array("I", [number for pair in pairs for number in pair])
    parts = [_HEADER.pack(
        summary.origin.metadata, summary.origin.strings, summary.origin.references,
        len(summary.rids), len(flat), len(summary.files),
    )]  # fmt: skip
    parts += [summary.rids.tobytes(), summary.hashes.tobytes(), summary.sizes.tobytes(), summary.keys, flat.tobytes()]
    for name, known in sorted(summary.files.items()):
        encoded = name.encode()
        lengths = array("I", map(len, known.signatures))
        parts += [_FILE.pack(len(encoded), known.is_nameable, len(known.needless), len(lengths)), encoded]
        parts += [known.needless.tobytes(), lengths.tobytes(), *known.signatures]
    return b"".join(sealed(_MAGIC, parts))


def decode_summary(data: bytes) -> Summary:
    """A summary from its bytes; they hold for the machine that wrote them.

    Raises:
        ValueError: they are none.
    """
    content = unsealed(data, _MAGIC)
    if len(content) < _HEADER.size:
        raise ValueError("no summary")
    metadata, strings, references, count, flat_count, file_count = _HEADER.unpack_from(content)
    at = _HEADER.size

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        return bytes(content[at - size : at])

    rids, hashes, sizes = array("I", take(4 * count)), array("Q", take(8 * count)), array("I", take(4 * count))
    keys = take(DIGEST_SIZE * count)
    flat = array("I", take(4 * flat_count))
    bringers: dict[int, set[int]] = {}
    for rid, token in zip(flat[::2], flat[1::2], strict=True):
        bringers.setdefault(rid, set()).add(token)
    files = {}
    for _ in range(file_count):
        name_size, is_nameable, needless_count, cell_count = _FILE.unpack(take(_FILE.size))
        name = take(name_size).decode()
        needless = array("I", take(4 * needless_count))
        lengths = array("I", take(4 * cell_count))
        files[name] = KnownFile(needless, is_nameable, tuple([take(length) for length in lengths]))
    origin = Origin(metadata, strings, references)
    frozen = {rid: frozenset(tokens) for rid, tokens in bringers.items()}
    return Summary(origin, rids, hashes, sizes, keys, frozen, files)
