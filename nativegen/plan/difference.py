"""The first difference of two key manifests, in words: what ``why``, ``update /verbose`` and the SCons builders print.

Works on the plain JSON form, because the older one comes from the disk and may have been written by an older version.

>>> old = {"compiler": "a", "target": "9.0"}
>>> first_difference(old, {"compiler": "b", "target": "9.0"}, no_detail)
'the compiler changed (a -> b)'
>>> first_difference(old, dict(old), no_detail) is None
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

ContractDetail = Callable[[str, str, str], str | None]
"""(simple name, old contract signature, new one) -> the first changed entry in words, or None when it is not known."""

Manifest = Mapping[str, Any]


def no_detail(name: str, old: str, new: str) -> str | None:
    """A :data:`ContractDetail` for callers without stored contracts."""
    return None


def first_difference(old: Manifest, new: Manifest, contract_detail: ContractDetail) -> str | None:
    """The first difference in the order in which users care, or None when the manifests are equal."""
    return next(differences(old, new, contract_detail), None)


def differences(old: Manifest, new: Manifest, contract_detail: ContractDetail) -> Iterator[str]:
    """Every difference, one sentence each."""
    assembly, before = _entry(new, "assembly"), _entry(old, "assembly")
    if assembly.get("content") != before.get("content"):
        if assembly.get("identity") != before.get("identity"):
            yield f"identity changed ({before.get('identity')} -> {assembly.get('identity')})"
        elif assembly.get("mvid") != before.get("mvid"):
            yield f"content changed (rebuilt: MVID {before.get('mvid')} -> {assembly.get('mvid')})"
        else:
            yield f"content changed (same MVID; {before.get('content')} -> {assembly.get('content')})"
    yield from _references(_entry(old, "references"), _entry(new, "references"), contract_detail)
    yield from _framework(old.get("framework"), new.get("framework"))
    for field, words in _PLAIN.items():
        if old.get(field) != new.get(field):
            yield f"{words} changed ({old.get(field)} -> {new.get(field)})"
    options, options_before = _entry(new, "options"), _entry(old, "options")
    for name in sorted({*options, *options_before}):
        if name == "partial":
            yield from _partial(options_before.get(name), options.get(name))
        elif options.get(name) != options_before.get(name):
            yield f"option {name} changed ({options_before.get(name)} -> {options.get(name)})"


_PLAIN = {
    "scenario": "the scenario",
    "target": "the target",
    "platform": "the platform",
    "compiler": "the compiler",
    "schema": "the form of key manifests",
}


def _partial(before: object, after: object) -> Iterator[str]:
    if before == after:
        return
    if before is None:
        yield "a partial image is wanted, it was a whole one"
    elif after is None:
        yield "a whole image is wanted, it was a partial one"
    else:
        yield "the profile names other methods"


def _references(old: Manifest, new: Manifest, contract_detail: ContractDetail) -> Iterator[str]:
    for name in sorted({*old, *new}):
        file = f"{name}.dll"
        if name not in old:
            yield f"{file}: newly referenced"
            continue
        if name not in new:
            yield f"{file}: no longer referenced"
            continue
        before, after = old[name], new[name]
        if before.get("kind") != after.get("kind"):
            yield f"{file}: recorded by {after.get('kind')} now, was by {before.get('kind')}"
        elif before.get("signature") != after.get("signature"):
            yield _signature_change(file, name, before, after, contract_detail)
        elif before.get("identity") != after.get("identity"):
            yield f"{file}: identity changed ({before.get('identity')} -> {after.get('identity')})"
        if before.get("runs_as") != after.get("runs_as"):
            yield f"{file}: runs as {_RUNS_AS[after.get('runs_as')]} now, was {_RUNS_AS[before.get('runs_as')]}"


_RUNS_AS: Mapping[object, str] = {
    "image": "a native image",
    "il": "IL",
    "runtime": "an image of its maker",
    None: "unknown",
}


def _signature_change(file: str, name: str, before: Manifest, after: Manifest, contract_detail: ContractDetail) -> str:
    if after["kind"] == "content":
        return f"{file}: content changed"
    detail = contract_detail(name, before["signature"], after["signature"])
    return f"{file}: contract changed: {detail}" if detail else f"{file}: contract changed"


def _framework(old: Manifest | None, new: Manifest | None) -> Iterator[str]:
    if old == new:
        return
    if old is None or new is None:
        yield "the framework was not known before" if old is None else "the framework is not known now"
    elif (old.get("name"), old.get("version")) != (new.get("name"), new.get("version")):
        before, after = (f"{entry.get('name')} {entry.get('version')}" for entry in (old, new))
        yield f"the framework changed ({before} -> {after})"
    else:
        yield f"the framework changed: other files in {new.get('name')} {new.get('version')}"


def _entry(manifest: Manifest, name: str) -> Manifest:
    value = manifest.get(name)
    return value if isinstance(value, Mapping) else {}
