"""One signature for all code of an image: it is equal exactly when every method unit would be the same.

What: the xxh3-128 over the unit keys of an assembly's methods (:mod:`nativegen.pipeline.unit_key`). A unit key covers
whatever the compiler looks at, in this assembly and in those it refers to; so an image whose assembly and code
signature are unchanged need not be made again, however its references changed.

Why here: a contract says what *any* dependent may have baked in. Which part of it *this* dependent really reads is
known from its tokens, and that is what unit keys are made from: new members, attributes and the order of members of a
reference leave them alone, and so does everything about members that are not used.

Unlike the keys of the unit store, these do not say which assembly defines a type, because an image names types by rows
of its own metadata: a type that moved behind a forwarder changes nothing. What could change is which row is taken where
several mean one type; so those that do are listed.

>>> code_signature(CompileRequest("App.dll", "", "9.0", references))   # doctest: +SKIP
'9a4f...'
"""

from __future__ import annotations

import xxhash

from nativegen.compiler.foreign import Mode
from nativegen.metadata import Assembly
from nativegen.pipeline.eligibility import check_eligible, chosen_methods, methods_with_cil
from nativegen.pipeline.facts import Facts
from nativegen.pipeline.link_names import same_types
from nativegen.pipeline.reads import Reads, contents_of
from nativegen.pipeline.request import CompileRequest
from nativegen.pipeline.signature_facts import FAILURES, digest
from nativegen.pipeline.unit_key import UnitKeys, signature_of
from nativegen.readytorun.targets import target_named
from nativegen.typesystem import Module, TypeSystem


def units_signature(request: CompileRequest) -> str:
    """Signature of the method units of an image alone, as a build with a unit store reports it; empty: without keys.

    Equal ones mean equal units. Not in it: instances of other assemblies' generics.

    Raises:
        NativegenError: the input is not eligible or cannot be read; NGEN3002: it, or a file that it refers to, has
            other contents than the request says.
    """
    assembly, system = _opened(request)
    rids = chosen_methods(assembly, methods_with_cil(assembly), request.partial)
    try:
        module = system.open(request.input)
        keys = UnitKeys(Facts(module), request.target, request.options).of(rids)
        types = digest(same_types(module))
    except (*FAILURES, RecursionError):
        return ""
    _require_planned(request, module)
    return signature_of(types, keys)


def _require_planned(request: CompileRequest, module: Module) -> None:
    reads = Reads()
    reads.note(request.contents)
    reads.note(contents_of(module.type_system.modules))
    reads.require_unchanged(module)


def _opened(request: CompileRequest) -> tuple[Assembly, TypeSystem]:
    assembly = Assembly.open(request.input)
    check_eligible(assembly, from_native=request.options.from_native)
    opened = {request.input: assembly}
    system = TypeSystem(
        target_named(request.target),
        request.references.get,
        lambda path: opened.get(path) or Assembly.open(path),
    )
    return assembly, system


def code_signature(request: CompileRequest) -> str:
    """32 hex digits; with the lines of a profile, when there is one.

    Over all references' contents too where unit keys do not say everything: without keys (no core library among the
    references, for instance), and for images that may use bodies of other assemblies.

    Raises:
        NativegenError: as :func:`units_signature`.
    """
    assembly, system = _opened(request)
    module = system.open(request.input)
    try:
        facts = Facts(module, by_assembly=False)
        keys = [same_types(module)]
        keys += UnitKeys(facts, request.target, request.options).of(methods_with_cil(assembly))
    except (*FAILURES, RecursionError):
        keys = []
    _require_planned(request, module)
    if not keys or request.options.mode != Mode.RESILIENT.value or request.options.hard_bound:
        files = sorted(request.references.items())
        keys += [f"{name} {Assembly.open(path).content_signature}\n".encode() for name, path in files]
    lines = () if request.partial is None else ("partial", *request.partial)
    return xxhash.xxh3_128_hexdigest(b"".join([*keys, "\n".join(lines).encode()]))
