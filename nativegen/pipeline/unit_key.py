"""Keys of method units: equal keys mean that the compiler would make the same unit, whatever the row numbers.

A key is the xxh3-128 of

* what every method of the assembly depends on: compiler fingerprint, target, options that shape code, the core
  library's content, the assembly's name and the attributes of the assembly that say how its code runs;
* the method itself: owner, name, signature, flags, attributes (:meth:`Facts.method`);
* its body: header flags, locals, exception clauses, and the CIL with each token replaced by the digest of its meaning
  (:mod:`nativegen.pipeline.facts`, :mod:`nativegen.pipeline.il_pieces`);
* the bodies of callees that may be inlined into it (:mod:`nativegen.pipeline.inlined_bodies`), other assemblies' too
  where the image's mode allows it.

So an edit elsewhere, which shifts tokens, RVAs and heaps, leaves a key alone; a change of anything that the compiler
looked at changes it. The rule for whoever makes the compiler look at more, at the body of a callee for instance: what
it looks at must be in here. The tests edit assemblies at random and compare with clean builds.

One thing is not in a key: that the assembly's metadata has *no* row for something. The exclusion of a method for that
reason (:attr:`Reason.NOT_NAMEABLE`) is stored under a key of its own, :func:`key_with_rows`.

>>> keys = UnitKeys(Facts(module), "9.0", CompileOptions())            # doctest: +SKIP
>>> keys.of([1, 2])[1].hex()                                         # doctest: +SKIP
'0f8e...'
"""

from __future__ import annotations

import functools
import json
import struct
from collections.abc import Iterable

from nativegen.compiler.foreign import Mode
from nativegen.compiler.foreign_cells import names_by_rows
from nativegen.diagnostics import NativegenError
from nativegen.metadata import ASSEMBLY_TOKEN, Assembly, Table
from nativegen.metadata.bodies import (
    FAT_FORMAT,
    FAT_HEADER,
    INIT_LOCALS,
    MORE_SECTIONS,
    TINY_FORMAT,
    BodyFinder,
    ClauseKind,
)
from nativegen.pipeline.facts import Facts
from nativegen.pipeline.fingerprint import compiler_fingerprint
from nativegen.pipeline.il_pieces import pieces
from nativegen.pipeline.inlined_bodies import InlinedBodies
from nativegen.pipeline.request import CompileOptions
from nativegen.pipeline.signature_facts import DIGEST_SIZE, FAILURES, digest, text
from nativegen.typesystem import Module
from nativegen.typesystem.symbols import SymbolTable

#: Changes whenever what is in a key changes without a change of the compiler's own source.
KEY_VERSION = "1"

#: Options that decide what is compiled and where images are loaded, not what a method becomes. The mode is among them:
#: it decides whose bodies a method takes in, and these are in its key.
_NOT_SHAPING = ("from_native", "carried_instances", "image_base", "mode")
#: Attributes of the assembly that say what it is called and who made it; some change with every build.
_DESCRIPTIVE = "System.Reflection.Assembly"
_MODULE_TOKEN = Table.Module << 24 | 1
_STAND_ALONE_SIG = int(Table.StandAloneSig)

_CLAUSE = struct.Struct("<IIIII")
_HEADER = struct.Struct("<IHBB")
_FAT = FAT_FORMAT | 3 << 12  # a header of three words
_FAT_MASK = 0xF007


class _Digests(dict[bytes, bytes]):
    """Token bytes -> digest, made when first asked for; with the bodies that a call may bring with it."""

    def __init__(self, facts: Facts, bodies: InlinedBodies | None) -> None:
        super().__init__()
        self._facts = facts
        self._bodies = bodies

    def __missing__(self, token: bytes) -> bytes:
        number = int.from_bytes(token, "little")
        found = self._facts.token(number)
        brought = b"" if self._bodies is None else self._bodies.of(number)
        if brought:
            found = digest(found + brought)
        self[token] = found
        return found


class _Bodies:
    """The bodies of one module with digests in place of what cannot be compared.

    Args:
        facts: of the module.
    """

    def __init__(self, facts: Facts) -> None:
        self.module = facts.module
        self._facts = facts
        self._assembly = facts.module.assembly
        self._finder = BodyFinder(self._assembly.pe.sections)
        self._locals: dict[int, bytes] = {0: b""}
        self._plain = _Digests(facts, None)

    def digest(self, rid: int, whose: bytes = b"") -> bytes:
        """Of a body alone.

        Args:
            whose: what its code depends on besides.
        """
        return digest(b"".join((whose, *self.content(rid, self._plain))))

    def content(self, rid: int, digests: _Digests) -> tuple[bytes, bytes, bytes, bytes]:
        """A body: header, locals, clauses and code, with digests in place of tokens."""
        assembly = self._assembly
        data = assembly.data
        start, end = self._finder.range(assembly.method_def(rid).rva)
        first = data[start] if start < end else 0
        clauses = b""
        if first & 3 == TINY_FORMAT:
            flags, local_sig, at = 0, 0, start + 1
            stop = at + (first >> 2)
        else:
            at = start + FAT_HEADER.size
            flags, _, size, local_sig = FAT_HEADER.unpack_from(data, start) if at <= end else (0, 0, 0, 0)
            stop = at + size
            has_bad_locals = local_sig and local_sig >> 24 != _STAND_ALONE_SIG
            if flags & _FAT_MASK != _FAT or flags & MORE_SECTIONS or has_bad_locals:
                stop = end + 1
        if stop > end:
            flags, local_sig, code, clauses = self._parsed(rid, digests)
        else:
            code = data[at:stop]
        locals_digest = self._locals.get(local_sig)
        if locals_digest is None:
            locals_digest = self._locals[local_sig] = self._facts.locals(local_sig)
        header = _HEADER.pack(len(code), len(clauses), flags & INIT_LOCALS, len(locals_digest))
        return header, locals_digest, clauses, pieces(code, digests)

    def _parsed(self, rid: int, digests: _Digests) -> tuple[int, int, bytes, bytes]:
        """(flags, local signature, code, clauses) of a body with exception clauses or anything unusual."""
        try:
            body = self._assembly.method_body(rid)
        except NativegenError as error:
            return 0, 0, b"", b"malformed " + str(error).encode("utf-8", "backslashreplace")
        if body is None:
            return 0, 0, b"", b"none"
        parts = []
        for kind, try_offset, try_length, handler_offset, handler_length, token_or_filter in body.exception_clauses:
            parts.append(_CLAUSE.pack(kind, try_offset, try_length, handler_offset, handler_length))
            if kind == ClauseKind.EXCEPTION:
                parts.append(digests[token_or_filter.to_bytes(4, "little")])
            else:
                parts.append(token_or_filter.to_bytes(DIGEST_SIZE, "little"))
        return INIT_LOCALS * body.init_locals, body.local_sig_token, body.code, b"".join(parts)


class UnitKeys:
    """Keys of the methods of one assembly.

    Args:
        facts: of the assembly, opened in a type system of the target and the references it is compiled against.
        target: name of the target.
        options: of the request.

    Attributes:
        foreign_includes_own: what :meth:`of_foreign` was asked for depends on the content of this very assembly.
    """

    def __init__(self, facts: Facts, target: str, options: CompileOptions) -> None:
        module = facts.module
        self.foreign_includes_own = False
        self._facts = facts
        self._assembly = module.assembly
        self._own = _Bodies(facts)
        self._options = options
        self._abroad: dict[Module, InlinedBodies] = {}
        self._symbols = SymbolTable(module)
        self._inlined = InlinedBodies(module, self._own.digest, self._bodies_of) if options.inlines else None
        self._digests = _Digests(facts, self._inlined)
        shaping = {name: value for name, value in options.as_json().items() if name not in _NOT_SHAPING}
        self._prefix = digest(
            text(
                "nativegen unit",
                KEY_VERSION,
                compiler_fingerprint(),
                target,
                json.dumps(shaping, sort_keys=True),
                module.type_system.core.assembly.content_signature,
                module.name,
            )
            + _assembly_attributes(self._assembly)
        )

    @property
    def prefix(self) -> bytes:
        """A digest of what the keys of an assembly depend on besides its methods."""
        return digest(self._prefix + text(self._options.mode))

    def bringers(self) -> dict[int, set[int]]:
        """Of what was keyed so far: row of a small method -> the tokens that bring its body into their users."""
        return {} if self._inlined is None else self._inlined.bringers()

    def of(self, rids: Iterable[int]) -> list[bytes]:
        """Keys of MethodDef rows that have CIL, in the same order. Malformed methods have keys like all others."""
        prefix, digests, method, content = self._prefix, self._digests, self._facts.method, self._own.content
        return [digest(b"".join((prefix, method(rid), *content(rid, digests)))) for rid in rids]

    def _bodies_of(self, module: Module) -> InlinedBodies | None:
        """The bodies of another module that the code may take in (:meth:`ForeignCode.allows_inlining`)."""
        if module is self._facts.module:
            return None  # foreign code never takes in ours
        if self._options.mode != Mode.PINNED.value and module.name.lower() not in self._options.hard_bound:
            return None
        found = self._abroad.get(module)
        if found is None:
            bodies = _Bodies(Facts(module))
            found = self._abroad[module] = InlinedBodies(
                module, functools.partial(self._foreign_content, bodies, _module(module)), self._bodies_of
            )
        return found

    def _foreign_content(self, bodies: _Bodies, whose: bytes, rid: int) -> bytes:
        """Digest of a body of another module, and of what names its code has in ours."""
        if self._facts.module.type_system.target.field_index_signatures:
            try:
                whose += names_by_rows(self._symbols, bodies.module.method(Table.MethodDef << 24 | rid))
            except (*FAILURES, ValueError):
                return digest(whose + b"malformed")  # never taken in
        return bodies.digest(rid, whose)

    def of_foreign(self, assemblies: Iterable[str]) -> bytes:
        """What instances of other assemblies' generics depend on: the contents of these and of all they refer to."""
        system = self._facts.module.type_system
        contents: dict[str, str] = {}
        pending = list(assemblies)
        while pending:
            name = pending.pop()
            if name.lower() in contents:
                continue
            module = system.module_named(name)
            self.foreign_includes_own |= module is self._facts.module
            contents[name.lower()] = "" if module is None else module.assembly.content_signature
            if module is not None:
                refs = range(1, module.assembly.row_count(Table.AssemblyRef) + 1)
                pending += [module.assembly.assembly_ref(rid).name for rid in refs]
        return digest(self.prefix + text(*[part for item in sorted(contents.items()) for part in item]))


def signature_of(same_types: bytes, keys: Iterable[bytes]) -> str:
    """One signature for all units of an image: 32 hex digits over their keys, in the order of the methods.

    Args:
        same_types: digest of :func:`nativegen.pipeline.link_names.same_types`, because an image names a type by the
            first such row.
    """
    return digest(b"".join([same_types, *keys])).hex()


def key_with_rows(key: bytes, rows: bytes) -> bytes:
    """The key of a result that also depends on which types and members the metadata has rows for.

    Args:
        rows: :meth:`LinkNames.rows`.
    """
    return digest(key + rows)


def _module(module: Module) -> bytes:
    """What decides whether and how bodies of a module are taken in, besides themselves."""
    return text(module.name, module.assembly.identity.public_key_token) + _assembly_attributes(module.assembly)


def _assembly_attributes(assembly: Assembly) -> bytes:
    found = []
    for token in (ASSEMBLY_TOKEN, _MODULE_TOKEN):
        for attribute in assembly.custom_attributes(token):
            if not attribute.type_full_name.startswith(_DESCRIPTIVE):
                found.append(text(f"{token:x}", attribute.type_full_name) + digest(attribute.value))
    return b"".join(sorted(found))
