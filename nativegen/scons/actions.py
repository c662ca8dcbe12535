"""What the builders do: contracts, keys, images, reports. The work itself happens in helper processes.

A key file is the key manifest of one image: canonical JSON, without paths and times. Its ``code`` is the signature of
all method units (:mod:`nativegen.pipeline.code_signature`). When a key changes, the first difference is told in words
with ``--debug=explain``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nativegen.diagnostics import NativegenError
from nativegen.files import replacing
from nativegen.scons.helpers import HelperError, package_environment
from nativegen.scons.references import flags_of, is_strict, known, reached
from nativegen.scons.session import is_explaining, session_of
from nativegen.scons.signatures import MISSING, PREFIX, real_path, signature_of

if TYPE_CHECKING:
    from nativegen.cli.switches import Parsed

#: Inputs below this size get one worker: a second one would cost more to start than it saves.
PARALLEL_INPUT_BYTES = 300_000

#: Entries of a key, and what a change of each means. In this order, the first that differs is the reason.
_WORDS = {
    "assembly": "the assembly itself changed",
    "compiler": "the compiler changed",
    "target": "the target changed from {} to {}",
    "options": "the options changed from {} to {}",
    "framework": "the framework's assemblies changed",
    "references": "a reference changed, and with /strict any change counts",
    "code": "something that its code bakes in changed in a reference",
}


def write_contract(target: Any, source: Any, env: Any) -> int:
    """Action: writes the contract file and says in words what changed."""
    session = session_of(env)
    path = target[0].get_abspath()
    name = os.path.basename(source[0].get_path())
    try:
        with session.budget.take(1):
            new = session.helpers.call("contract", path=real_path(source[0]))
    except HelperError as error:
        return _failed(error)
    old = _read_json(path)
    if old is not None:
        from nativegen.typesystem.contract import first_difference

        if old.get("signature") == new["signature"]:
            print(f"nativegen: {name}: contract unchanged, dependents stay")
        else:
            # The same entries: another version of nativegen signs them differently.
            difference = first_difference(old.get("entries", {}), new["entries"]) or "another nativegen wrote it"
            target[0].attributes.nativegen_difference = difference
            print(f"nativegen: {name}: contract changed: {difference}")
    _write_json(path, new)
    return 0


def write_key(target: Any, source: Any, env: Any) -> int:
    """Action: writes the key of an image, and with ``--debug=explain`` why the image has to be made again, or not."""
    session = session_of(env)
    arguments = _arguments(env, source[0])
    framework = session.frameworks[framework_key(env)]
    try:
        with session.budget.take(1):
            code = session.helpers.call("code", **arguments)
    except HelperError as error:
        return _failed(error)
    new = {
        "assembly": signature_of(source[0]),
        "compiler": env["NATIVEGEN_FINGERPRINT"],
        "target": env["NATIVEGEN_TARGET"],
        "options": _expanded(arguments["flags"]),
        "framework": signature_of(framework),
        "code": code,
    }
    if is_strict(arguments["flags"]):
        found = reached(env, source[0]).items()
        new["references"] = {name: signature_of(reference) for name, reference in found}
    path = target[0].get_abspath()
    old = _read_json(path)
    if old is not None and is_explaining():
        name = os.path.basename(source[0].get_path())
        print(f"nativegen: {name}: {_explanation(old, new, _changed_contracts(env, source[0]))}")
    _write_json(path, new)
    return 0


def _explanation(old: Mapping[str, object], new: Mapping[str, object], contracts: Mapping[str, str]) -> str:
    for entry, words in _WORDS.items():
        if old.get(entry) != new.get(entry):
            reason = words.format(_shown(old.get(entry)), _shown(new.get(entry)))
            if entry == "code" and contracts:
                reason = "; ".join(f"{name}: contract changed: {difference}" for name, difference in contracts.items())
            return f"its image is made again because {reason}"
    changed = ", ".join(contracts) or "what it refers to"
    return f"its image stays: it uses nothing of what changed in {changed}"


def _shown(value: object) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _changed_contracts(env: Any, node: Any) -> dict[str, str]:
    """What contracts of this build's run say about their changes, by file name."""
    found = {}
    for reference in reached(env, node).values():
        contract = getattr(reference.attributes, "nativegen_contract", None)
        difference = getattr(contract.attributes, "nativegen_difference", None) if contract is not None else None
        if difference:
            found[reference.name] = difference
    return found


def compile_image(target: Any, source: Any, env: Any) -> int:
    """Action: makes the image, within the build's job budget."""
    session = session_of(env)
    wanted = None if os.path.getsize(real_path(source[0])) >= PARALLEL_INPUT_BYTES else 1
    units = env.subst("$NATIVEGEN_UNITS")
    try:
        with session.budget.take(wanted) as jobs:
            report = session.helpers.call(
                "image",
                lambda text: print(f"nativegen: {text}", flush=True),
                output=target[0].get_abspath(),
                jobs=jobs,
                units=units or None,
                **_arguments(env, source[0]),
            )
    except HelperError as error:
        return _failed(error)
    if report["kind"] == "facade":
        session.finished(f"{report['name']}: a facade: no method has code, nothing was written")
    else:
        session.finished(
            f"{report['name']}: {report['native']} of {report['methods']} methods native, {report['compiled']} compiled"
        )
    return 0


def verify(target: Any, source: Any, env: Any) -> int:
    """Action: a JUnit report by ``nativegen verify``."""
    del env
    command = [sys.executable, "-m", "nativegen", "verify", "--format", "junit", *(s.get_abspath() for s in source)]
    done = subprocess.run(command, env=package_environment(), stdout=subprocess.PIPE, text=True)
    with open(target[0].get_abspath(), "w", encoding="utf-8") as stream:
        stream.write(done.stdout)
    return done.returncode


def write_framework(target: Any, source: Any, env: Any) -> int:
    """Action: the content signatures of all assemblies outside the build, by name."""
    del env
    _write_json(target[0].get_abspath(), [[node.name, signature_of(node)] for node in source])
    return 0


def reference_folders(env: Any) -> list[str]:
    """Folders of references outside the build; an earlier one wins."""
    return [str(env.Dir(folder).get_abspath()) for folder in (*env["NATIVEGEN_REFPATH"], env["NATIVEGEN_FRAMEWORK"])]


def framework_key(env: Any) -> tuple[str, ...]:
    """What :attr:`Session.frameworks` has the summary of the assemblies outside the build by."""
    return (*reference_folders(env), *reference_files(env))


def reference_files(env: Any) -> list[str]:
    """Assemblies outside the build that options name (``--reference``)."""
    from nativegen.operations.compile import reference_map

    parsed = _parsed_flags(env)
    top = env.Dir("#").get_abspath()
    names = () if parsed is None else parsed.values("reference")
    try:
        return sorted(reference_map([os.path.join(top, name) for name in names]).values())
    except NativegenError:
        return []  # compiling will say so


def profile_of_flags(env: Any) -> str | None:
    """The profile that options name (``--partial``), which wins over ``NATIVEGEN_PARTIAL``."""
    parsed = _parsed_flags(env)
    name = None if parsed is None else parsed.value("partial")
    return None if name is None else os.path.join(env.Dir("#").get_abspath(), name)


def _parsed_flags(env: Any) -> Parsed | None:
    """The options of ``nativegen compile``; None: compiling will say what is wrong with them."""
    from nativegen.cli.actions.compile import SYNTAX
    from nativegen.cli.switches import UsageError, parse

    try:
        return parse([*_expanded([_absolute(env, env.subst(flag)) for flag in flags_of(env)]), "--", "any.dll"], SYNTAX)
    except (UsageError, NativegenError, OSError):
        return None


def _arguments(env: Any, node: Any) -> dict[str, Any]:
    """What compiling an assembly means, for a helper."""
    nodes = reached(env, node)
    references = {name: real_path(reference) for name, reference in nodes.items()}
    path = real_path(node)
    signatures = {real_path(each): signature_of(each) for each in (node, *nodes.values())}
    return {
        "path": path,
        "target": env["NATIVEGEN_TARGET"],
        "references": {known(env, node).name or os.path.splitext(node.name)[0]: path, **references},
        "folders": reference_folders(env),
        "partial": env.File(env["NATIVEGEN_PARTIAL"]).get_abspath() if env.get("NATIVEGEN_PARTIAL") else None,
        "flags": [_absolute(env, env.subst(flag)) for flag in flags_of(env)],
        # What SCons will remember of this build: a file that has changed since must not be compiled under it.
        "contents": {each: value.removeprefix(PREFIX) for each, value in signatures.items() if value != MISSING},
    }


def _absolute(env: Any, flag: str) -> str:
    """Response files are named from the SConscript's folder."""
    return f"@{real_path(env.File(flag[1:]))}" if flag.startswith("@") else flag


def _expanded(flags: Sequence[str]) -> list[str]:
    """Flags with what response files contain in their places."""
    from nativegen.cli.switches import read_response_file

    return [word for flag in flags for word in (read_response_file(flag[1:]) if flag.startswith("@") else [flag])]


def _failed(error: HelperError) -> int:
    print(error, file=sys.stderr, flush=True)
    return 1


def _read_json(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as stream:
            document = json.load(stream)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _write_json(path: str, document: object) -> None:
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as stream:
        json.dump(document, stream, sort_keys=True, indent=0)
