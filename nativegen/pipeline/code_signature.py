"""One signature for all code of an image: it is equal exactly when every method unit would be the same.

What: the xxh3-128 over the unit keys of an assembly's methods (:mod:`nativegen.pipeline.unit_key`). A unit key covers
whatever the compiler looks at, in this assembly and in those it refers to; so an image whose assembly and code
signature are unchanged need not be made again, however its references changed.

Why here: a contract says what *any* dependent may have baked in. Which part of it *this* dependent really reads is
known from its tokens, and that is what unit keys are made from: new members, attributes and the order of members of a
reference leave them alone, and so does everything about members that are not used.

Unlike the keys of the unit store, those of resilient images do not say which assembly defines a type, because such an
image names types by rows of its own metadata: a type that moved behind a forwarder changes nothing. What could change
is which row is taken where several mean one type; so those that do are listed.

>>> code_signature(CompileRequest("App.dll", "", "9.0", references))   # doctest: +SKIP
'9a4f...'
"""

from __future__ import annotations

from collections.abc import Collection

import xxhash

from nativegen.compiler.foreign import Mode
from nativegen.metadata import Assembly, Table
from nativegen.pipeline.compile import methods_with_cil
from nativegen.pipeline.eligibility import check_eligible
from nativegen.pipeline.facts import Facts
from nativegen.pipeline.request import CompileRequest
from nativegen.pipeline.signature_facts import FAILURES, text
from nativegen.pipeline.unit_key import UnitKeys
from nativegen.readytorun.targets import target_named
from nativegen.typesystem import Module, TypeDesc, TypeSystem


def code_signature(request: CompileRequest, contents: Collection[str] | None = None) -> str:
    """32 hex digits; with the lines of a profile, when there is one.

    Over references' contents too where unit keys do not say everything: over those of all, without keys (no core
    library among the references, for instance).

    Args:
        contents: simple names of the references whose contents count, because instances of their generics are in the
            image, which unit keys do not cover. None: of all, unless the image may have no foreign bodies.

    Raises:
        NativegenError: the input is not eligible or cannot be read.
    """
    is_resilient = request.options.mode == Mode.RESILIENT.value
    if contents is None:
        contents = () if is_resilient and not request.options.hard_bound else request.references
    assembly = Assembly.open(request.input)
    check_eligible(assembly, from_native=request.options.from_native)
    opened = {request.input: assembly}
    system = TypeSystem(
        target_named(request.target),
        request.references.get,
        lambda path: opened.get(path) or Assembly.open(path),
    )
    try:
        module = system.open(request.input)
        facts = Facts(module, by_assembly=not is_resilient)
        keys = [_same_types(module)]
        keys += UnitKeys(facts, request.target, request.options).of(methods_with_cil(assembly))
    except (*FAILURES, RecursionError):
        keys = []
    for name in sorted(contents if keys else request.references):
        path = request.references.get(name)
        content = "" if path is None else Assembly.open(path).content_signature
        keys.append(f"{name} {content}\n".encode())
    lines = () if request.partial is None else ("partial", *request.partial)
    return xxhash.xxh3_128_hexdigest(b"".join([*keys, "\n".join(lines).encode()]))


def _same_types(module: Module) -> bytes:
    """Which type references mean the same type as an earlier one, or a type of the assembly itself."""
    first: dict[TypeDesc, int] = {}
    found = []
    for rid in range(1, module.assembly.row_count(Table.TypeRef) + 1):
        try:
            type_ = module.type(Table.TypeRef << 24 | rid)
        except FAILURES:
            continue  # what cannot be resolved has keys of its own
        if type_.module is module:
            found.append(f"{rid} own")
        elif first.setdefault(type_, rid) != rid:
            found.append(f"{rid} {first[type_]}")
    return text(*found)
