"""The image builders: ``NativeImage``, ``NativeImages``, ``NativePublish``, ``NativeVerify`` and the contract nodes
between them.

What: ``Core.dll -> Core.contract`` and ``App.dll + Core.contract + ... -> App.ni.dll``. A contract file holds
everything that a dependent may bake in; a body-only edit leaves its bytes alone, so that SCons stops there.

Why a scanner: which contracts an image needs is known only from its input's reference table, and the input may itself
be built first; SCons scans again after building it.

Invariants: every file that the compile process opens is a source, an implicit dependency, or part of the framework,
whose signature is in the action's ``varlist``; so is the compiler's fingerprint.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from nativegen.files import replacing
from nativegen.scons.csharp import assemblies, references_of

IMAGE_SUFFIX = ".ni.dll"
CONTRACT_SUFFIX = ".contract"
#: Inputs below this size get one worker: a second one would cost more to start than it saves.
PARALLEL_INPUT_BYTES = 300_000


def add_image_builders(env: Any) -> None:
    """Adds the builders and their variables to ``env``."""
    from SCons.Action import Action
    from SCons.Builder import Builder
    from SCons.Scanner import Scanner

    env["BUILDERS"]["NativegenContract"] = Builder(
        action=Action(_write_contract, "$NATIVEGENCONTRACTCOMSTR", varlist=["NATIVEGEN_CONTRACT_VERSION"]),
        single_source=True,
    )
    env["BUILDERS"]["NativegenImage"] = Builder(
        action=Action(
            _compile_image,
            "$NATIVEGENCOMSTR",
            varlist=["NATIVEGEN_FINGERPRINT", "NATIVEGEN_TARGET", "NATIVEGENFLAGS", "NATIVEGEN_FRAMEWORK_SIGNATURE"],
        ),
        source_scanner=Scanner(function=_scan_references, name="NativeImageScanner"),
        single_source=True,
    )
    env["BUILDERS"]["NativegenVerifyReport"] = Builder(
        action=Action(_verify, "nativegen verify -> $TARGET", varlist=["NATIVEGEN_FINGERPRINT"])
    )
    from nativegen.pipeline.fingerprint import compiler_fingerprint
    from nativegen.typesystem.contract import CONTRACT_VERSION

    env["NATIVEGEN_FINGERPRINT"] = compiler_fingerprint()
    env["NATIVEGEN_CONTRACT_VERSION"] = CONTRACT_VERSION
    env["NATIVEGEN_FRAMEWORK_SIGNATURE"] = framework_signature(env["NATIVEGEN_FRAMEWORK"])
    env.AddMethod(native_image, "NativeImage")
    env.AddMethod(native_images, "NativeImages")
    env.AddMethod(native_publish, "NativePublish")
    env.AddMethod(native_verify, "NativeVerify")


def native_image(env: Any, source: Any, target: Any = None) -> Any:
    """One image: ``env.NativeImage('bin/Core.dll')`` -> the node of ``bin/Core.ni.dll``.

    Args:
        source: the IL assembly (path or node).
        target: path of the image, default beside the input.
    """
    node = assemblies(env, source)[0]
    image = env.NativegenImage(target or _stem(node) + IMAGE_SUFFIX, node)
    if env.get("NATIVEGEN_PARTIAL"):
        lines = "\n".join(_profile(env).get(_name(node), ()))
        env.Depends(image, env.Value(lines, name=f"the profile of {_name(node)}"))
    # `scons -c` finds no contract by scanning once the assemblies are gone.
    env.Clean(image, [contract_of(env, assembly) for assembly in (node, *references_of(node))])
    return image


def native_images(env: Any, source: Any) -> Any:
    """The application's image and those of its whole closure, a node each (facades and framework assemblies have none).

    The closure consists of what the nodes were compiled against (``REFERENCES``) and, for assemblies that exist
    already, what their reference tables name and their folder contains. With a profile (``NATIVEGEN_PARTIAL``), those
    that it names.
    """
    return env.Flatten([native_image(env, node) for node in closure(env, source) if _is_wanted(env, node)])


def native_publish(env: Any, directory: str, source: Any) -> Any:
    """The application's folder with images in place of IL: every file of it is a node.

    Args:
        directory: where to publish.
        source: the application's assembly.
    """
    application = assemblies(env, source)[0]
    installed = []
    for node in closure(env, application):
        image = native_image(env, node)[0] if _is_wanted(env, node) else node
        installed += env.InstallAs(os.path.join(directory, os.path.basename(node.get_path())), image)
    companions = getattr(application.attributes, "nativegen_companions", None)
    if companions is None:
        stem = _stem(application)
        companions = [path for path in (stem + ".runtimeconfig.json", stem + ".deps.json") if os.path.exists(path)]
    return installed + env.Install(directory, companions)


def native_verify(env: Any, target: str, images: Any) -> Any:
    """A JUnit report over ``images``; the build fails when a check fails."""
    return env.NativegenVerifyReport(target, assemblies(env, images))


def contract_of(env: Any, node: Any) -> Any:
    """The contract node of an assembly node, made on first demand."""
    path = _stem(node) + CONTRACT_SUFFIX
    contract = env.File(path)
    if not contract.has_builder():
        contract = env.NativegenContract(path, node)[0]
        env.Precious(contract)
    return contract


def closure(env: Any, source: Any) -> list[Any]:
    """Assembly nodes of the application's closure, the application first, in discovery order."""
    from nativegen.metadata import Assembly

    order: dict[str, Any] = {}
    pending = assemblies(env, source)
    while pending:
        node = pending.pop(0)
        path = node.get_abspath()
        if path in order:
            continue
        order[path] = node
        pending += references_of(node)
        if not node.has_builder() and os.path.exists(path):
            folder = os.path.dirname(path)
            for reference in Assembly.open(path).assembly_refs:
                candidate = os.path.join(folder, reference.name + ".dll")
                if os.path.exists(candidate) and _compilable(candidate):
                    pending.append(env.File(candidate))
    return list(order.values())


def framework_signature(folder: str) -> str:
    """xxh3-128 over names and contents of a framework's assemblies: what images compiled against it depend on."""
    import xxhash

    digest = xxhash.xxh3_128()
    for path in sorted(glob.glob(os.path.join(folder, "*.dll"))):
        with open(path, "rb") as stream:
            digest.update(os.path.basename(path).encode())
            digest.update(xxhash.xxh3_128_digest(stream.read()))
    return digest.hexdigest()


def _profile(env: Any) -> Mapping[str, tuple[str, ...]]:
    from nativegen.pipeline.profile import Profile

    return Profile.read(env.File(env["NATIVEGEN_PARTIAL"]).get_abspath()).methods


def _is_wanted(env: Any, node: Any) -> bool:
    return not env.get("NATIVEGEN_PARTIAL") or _name(node) in _profile(env)


def _name(node: Any) -> str:
    return os.path.basename(_stem(node))


def _stem(node: Any) -> str:
    return str(os.path.splitext(node.get_path())[0])


def _compilable(path: str) -> bool:
    """Prebuilt inputs that get an image: IL-only assemblies with code."""
    from nativegen.metadata import Assembly

    assembly = Assembly.open(path)
    return assembly.is_il_only and not assembly.is_facade and not assembly.is_ready_to_run


def _scan_references(node: Any, env: Any, path: Any) -> list[Any]:
    """SCons scanner: the contracts of the assemblies that ``node`` reaches by reference and that the build knows.

    The whole closure, not the direct references: a value type's layout contains those of its fields, whose types may
    come from further away.
    """
    del path
    from nativegen.metadata import Assembly

    found: dict[str, Any] = {}
    pending = [node]
    while pending:
        assembly = pending.pop()
        if not os.path.exists(assembly.get_abspath()):
            continue
        folder = os.path.dirname(assembly.get_path())
        by_name = {os.path.splitext(os.path.basename(r.get_path()))[0]: r for r in references_of(assembly)}
        for reference in Assembly.open(assembly.get_abspath()).assembly_refs:
            known = by_name.get(reference.name) or _local_assembly(env, folder, reference.name)
            if known is not None and known is not node and known.get_abspath() not in found:
                found[known.get_abspath()] = contract_of(env, known)
                pending.append(known)
    return list(found.values())


def _local_assembly(env: Any, folder: str, name: str) -> Any:
    candidate = env.File(os.path.join(folder, name + ".dll"))
    return candidate if candidate.has_builder() or os.path.exists(candidate.get_abspath()) else None


def _write_contract(target: Any, source: Any, env: Any) -> int:
    """Action: writes the contract file and says in words what changed."""
    from nativegen.metadata import Assembly
    from nativegen.typesystem.contract import Contract, contract, first_difference

    del env
    path = target[0].get_abspath()
    new = contract(Assembly.open(source[0].get_abspath()))
    if os.path.exists(path):
        with open(path, encoding="utf-8") as stream:
            old = Contract(**json.load(stream))
        name = os.path.basename(source[0].get_path())
        if old.signature != new.signature:
            print(f"nativegen: {name}: contract changed: {first_difference(old.entries, new.entries)}")
        else:
            print(f"nativegen: {name}: contract unchanged, dependents stay")
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as stream:
        json.dump({"signature": new.signature, "entries": new.entries}, stream, sort_keys=True, indent=0)
    return 0


def _compile_image(target: Any, source: Any, env: Any) -> int:
    """Action: ``nativegen compile`` in a process of its own, within the build's job budget."""
    input_path = source[0].get_abspath()
    folders = [os.path.dirname(input_path), *(str(f) for f in env["NATIVEGEN_REFPATH"]), env["NATIVEGEN_FRAMEWORK"]]
    folders += sorted({os.path.dirname(node.get_abspath()) for node in references_of(source[0])})
    command = [
        sys.executable,
        "-m",
        "nativegen",
        "compile",
        input_path,
        "-o",
        target[0].get_abspath(),
        "--json",
        "/nologo",
    ]
    command += ["--target", env["NATIVEGEN_TARGET"]]
    for folder in dict.fromkeys(folders):
        command += ["-r", os.path.join(folder, "*.dll")]
    if env.get("NATIVEGEN_PARTIAL"):
        command += ["--partial", env.File(env["NATIVEGEN_PARTIAL"]).get_abspath()]
    command += [str(flag) for flag in env["NATIVEGENFLAGS"]]
    wanted = env["NATIVEGEN_BUDGET"].total if os.path.getsize(input_path) >= PARALLEL_INPUT_BYTES else 1
    with env["NATIVEGEN_BUDGET"].take(wanted) as jobs:
        done = subprocess.run(
            [*command, "-j", str(jobs)], env=_process_environment(), stdout=subprocess.PIPE, text=True
        )
    if done.returncode == 0:
        for report in json.loads(done.stdout)["reports"]:
            print(f"nativegen: {report['name']}: {report['native']} of {report['methods']} methods native")
    return done.returncode


def _verify(target: Any, source: Any, env: Any) -> int:
    del env
    command = [sys.executable, "-m", "nativegen", "verify", "--format", "junit", *(s.get_abspath() for s in source)]
    done = subprocess.run(command, env=_process_environment(), stdout=subprocess.PIPE, text=True)
    with open(target[0].get_abspath(), "w", encoding="utf-8") as stream:
        stream.write(done.stdout)
    return done.returncode


def _process_environment() -> dict[str, str]:
    """This process's environment with the package importable."""
    import nativegen

    root = os.path.dirname(os.path.dirname(os.path.abspath(nativegen.__file__)))
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": root if not path else root + os.pathsep + path}
