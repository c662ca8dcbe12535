"""Which assemblies of the build an assembly reaches by reference; the scanner that makes contracts dependencies.

Why a scanner: which contracts an image needs is known only from its input's reference table, and the input may itself
be built first; SCons scans again after building it.

An assembly of the build is one with a builder, or a file in the folder of the assembly that refers to it. References
that were given to a C# builder (``REFERENCES=[...]``) come first.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from nativegen.scons.assemblies import UNREADABLE, Known
from nativegen.scons.session import session_of
from nativegen.scons.signatures import MISSING, forget, real_path, signature_of

CONTRACT_SUFFIX = ".contract"
_BODY_FLAGS = frozenset({"guarded", "pinned"})


def assemblies(env: Any, source: Any) -> list[Any]:
    """The assemblies among paths and nodes; what else a builder returned (configuration files) is dropped."""
    nodes = env.arg2nodes(env.Flatten([source]), env.fs.File)
    return [node for node in nodes if os.path.splitext(node.name)[1].lower() in (".dll", ".exe")]


def references_of(node: Any) -> list[Any]:
    """Assembly nodes that ``node`` was compiled against (empty for files that we did not build)."""
    return list(getattr(node.attributes, "nativegen_references", ()))


def known(env: Any, node: Any) -> Known:
    """What the node's file says now; nothing while it does not exist."""
    signature = signature_of(node)
    if signature == MISSING:
        forget(node)  # it may be built later in this run, and then counts
        return UNREADABLE
    return session_of(env).assemblies.look(signature, real_path(node))


def reached(env: Any, node: Any) -> dict[str, Any]:
    """Simple name -> node of every assembly of the build that ``node`` reaches by reference, without itself.

    The whole closure, not the direct references: a value type's layout contains those of its fields, whose types may
    come from further away.
    """
    found: dict[str, Any] = {}
    seen = {node}
    pending = [node]
    while pending:
        assembly = pending.pop()
        given = {os.path.splitext(each.name)[0]: each for each in references_of(assembly)}
        for name in known(env, assembly).references:
            reference = given.get(name) or _neighbour(assembly, name)
            if reference is not None and reference not in seen:
                seen.add(reference)
                found.setdefault(name, reference)
                pending.append(reference)
    return found


def closure(env: Any, source: Any) -> list[Any]:
    """Assembly nodes of an application that get an image: itself first, then what it reaches.

    Of files that exist already only those are meant that have code of their own, and no native code.
    """
    order: dict[Any, None] = {}
    pending = assemblies(env, source)
    order.update(dict.fromkeys(pending))
    while pending:
        node = pending.pop(0)
        new = references_of(node)
        if not node.has_builder():
            for name in known(env, node).references:
                other = _neighbour(node, name)
                if other is not None and (other.has_builder() or known(env, other).kind == "image"):
                    new.append(other)
        new = [each for each in new if each not in order]
        order.update(dict.fromkeys(new))
        pending += new
    return list(order)


def contract_of(env: Any, node: Any) -> Any:
    """The contract node of an assembly node, made on first demand."""
    contract = getattr(node.attributes, "nativegen_contract", None)
    if contract is None:
        contract = env.NativegenContract(stem(node) + CONTRACT_SUFFIX, node)[0]
        env.Precious(contract)
        node.attributes.nativegen_contract = contract
    return contract


def scan(node: Any, env: Any, path: Any) -> list[Any]:
    """SCons scanner: the contracts of the assemblies that ``node`` reaches, or these where bodies may be baked in."""
    del path
    found = list(reached(env, node).values())
    if _reads_bodies(env):
        return found
    return [contract_of(env, reference) for reference in found]


def _reads_bodies(env: Any) -> bool:
    """Whether images may depend on more of a reference than its contract: its bodies, or (ngen's rule) everything."""
    flags = flags_of(env)
    return is_strict(flags) or any(flag.lstrip("-/").lower() in _BODY_FLAGS for flag in flags)


def flags_of(env: Any) -> list[str]:
    """The options of ``nativegen compile``: ``NATIVEGENFLAGS``, and ``NATIVEGEN_MODE`` as one more."""
    flags = [str(flag) for flag in env.Flatten(env["NATIVEGENFLAGS"])]
    return [*flags, f"--{env['NATIVEGEN_MODE']}"] if env.get("NATIVEGEN_MODE") else flags


def is_strict(flags: Sequence[str]) -> bool:
    """Whether any change of a reference counts; a response file may say so."""
    return any(flag.startswith("@") or flag.lstrip("-/").lower() == "strict" for flag in flags)


def stem(node: Any) -> str:
    """The node's path in the build without its suffix."""
    return str(os.path.splitext(node.get_path())[0])


def _neighbour(node: Any, name: str) -> Any:
    """The assembly ``name`` in the folder of ``node``, when it has a builder or exists."""
    folder = node.dir
    memory = folder.attributes.__dict__.setdefault("nativegen_neighbours", {})
    if name in memory:
        return memory[name]
    entry = folder.entries.get(name + ".dll")
    if entry is not None and entry.has_builder():
        found = entry
    else:
        # What exists before the build; what the build makes has a builder.
        found = folder.File(name + ".dll") if os.path.exists(_path_in(folder, name + ".dll")) else None
    memory[name] = found
    return found


def _path_in(folder: Any, filename: str) -> str:
    """Where a file of the folder would be, variant directories and repositories included."""
    for place in (folder, *folder.srcdir_list(), *folder.get_all_rdirs()):
        path = os.path.join(place.get_abspath(), filename)
        if os.path.exists(path):
            return path
    return ""
