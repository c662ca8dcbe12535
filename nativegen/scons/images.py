"""``NativeImage``, ``NativeImages``, ``NativePublish``, ``NativeVerify``; the nodes between an assembly and its image.

What::

    Core.dll -> Core.contract                                   everything that a dependent may bake in
    framework/*.dll -> framework-9.0                            the content signatures of a framework
    App.dll + *.contract + framework-9.0 -> App.ni.key          everything that this image is made from
    App.dll + App.ni.key -> App.ni.dll                          the image

A body edit in Core leaves the bytes of Core.contract alone, and SCons stops there. A changed contract makes the keys of
its dependents again, which takes a fraction of a second; a key whose dependent does not use what changed has the same
bytes as before, and SCons stops there.

Invariants: every file that compiling opens is a source, reached through a contract, or part of the framework or
``NATIVEGEN_REFPATH``, whose signature is in the key; so are the compiler's fingerprint, the target and the options.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from nativegen.scons import actions
from nativegen.scons.references import assemblies, closure, contract_of, references_of, scan, stem
from nativegen.scons.session import session_of

IMAGE_SUFFIX = ".ni.dll"
KEY_SUFFIX = ".ni.key"
_SHAPING = ["NATIVEGEN_FINGERPRINT", "NATIVEGEN_TARGET", "NATIVEGEN_MODE", "NATIVEGENFLAGS"]
#: Folder of what belongs to a build as a whole.
_OWN_FOLDER = "#.nativegen"


def add_image_builders(env: Any) -> None:
    """Adds the builders and their variables to ``env``."""
    from SCons.Action import Action
    from SCons.Builder import Builder
    from SCons.Scanner import Scanner

    from nativegen.pipeline.fingerprint import compiler_fingerprint
    from nativegen.typesystem.contract import CONTRACT_VERSION

    builders = env["BUILDERS"]
    builders["NativegenContract"] = Builder(
        action=Action(actions.write_contract, "$NATIVEGENCONTRACTCOMSTR", varlist=["NATIVEGEN_CONTRACT_VERSION"]),
        single_source=True,
    )
    builders["NativegenKey"] = Builder(
        action=Action(actions.write_key, "$NATIVEGENKEYCOMSTR", varlist=_SHAPING),
        source_scanner=Scanner(function=scan, name="NativeImageScanner"),
        single_source=True,
    )
    builders["NativegenImage"] = Builder(action=Action(actions.compile_image, "$NATIVEGENCOMSTR", varlist=_SHAPING))
    builders["NativegenFramework"] = Builder(action=Action(actions.write_framework, "$NATIVEGENFRAMEWORKCOMSTR"))
    builders["NativegenVerifyReport"] = Builder(
        action=Action(actions.verify, "nativegen verify -> $TARGET", varlist=["NATIVEGEN_FINGERPRINT"])
    )
    env["NATIVEGEN_FINGERPRINT"] = compiler_fingerprint()
    env["NATIVEGEN_CONTRACT_VERSION"] = CONTRACT_VERSION
    env.AddMethod(native_image, "NativeImage")
    env.AddMethod(native_images, "NativeImages")
    env.AddMethod(native_publish, "NativePublish")
    env.AddMethod(native_verify, "NativeVerify")
    env.AddMethod(_native_cache_dir, "NativeCacheDir")


def native_image(env: Any, source: Any, target: Any = None) -> Any:
    """One image: ``env.NativeImage('bin/Core.dll')`` -> the node of ``bin/Core.ni.dll``.

    Args:
        source: the IL assembly (path or node).
        target: path of the image, default beside the input.
    """
    node = assemblies(env, source)[0]
    path = str(target) if target else stem(node) + IMAGE_SUFFIX
    key = env.NativegenKey(path.removesuffix(IMAGE_SUFFIX).removesuffix(".dll") + KEY_SUFFIX, node)
    env.Precious(key)  # so that the action can tell what changed
    if env.get("NATIVEGEN_PARTIAL"):
        lines = "\n".join(_profile(env).get(_name(node), ()))
        env.Depends(key, env.Value(lines, name=f"the profile of {_name(node)}"))
    env.Depends(key, [framework_of(env), *_files_of_flags(env)])
    image = env.NativegenImage(path, [node, *key])
    if not hasattr(image[0].attributes, "nativegen_counted"):
        image[0].attributes.nativegen_counted = True
        session_of(env).images += 1
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
        installed += env.InstallAs(os.path.join(str(directory), node.name), image)
    companions = getattr(application.attributes, "nativegen_companions", None)
    if companions is None:
        companions = [
            path
            for path in (stem(application) + ".runtimeconfig.json", stem(application) + ".deps.json")
            if env.File(path).rexists() or env.File(path).srcnode().rexists()
        ]
    return installed + env.Install(directory, companions)


def native_verify(env: Any, target: str, images: Any) -> Any:
    """A JUnit report over ``images``; the build fails when a check fails."""
    return env.NativegenVerifyReport(target, assemblies(env, images))


def _profile(env: Any) -> Mapping[str, tuple[str, ...]]:
    from nativegen.pipeline.profile import Profile

    return Profile.read(env.File(env["NATIVEGEN_PARTIAL"]).get_abspath()).methods


def _is_wanted(env: Any, node: Any) -> bool:
    return not env.get("NATIVEGEN_PARTIAL") or _name(node) in _profile(env)


def _name(node: Any) -> str:
    return os.path.splitext(str(node.name))[0]


def framework_of(env: Any) -> Any:
    """The node that sums up the assemblies outside the build: of the framework and of ``NATIVEGEN_REFPATH``, and what
    ``--reference`` names."""
    wanted = actions.framework_key(env)
    known = session_of(env).frameworks
    node = known.get(wanted)
    if node is None:
        files = [env.File(path) for path in actions.reference_files(env)]
        files += [
            env.File(os.path.join(folder, name))
            for folder in actions.reference_folders(env)
            for name in sorted(os.listdir(folder))
            if name.endswith(".dll")
        ]
        number = f"-{len(known)}" if known else ""
        name = f"{_OWN_FOLDER}/framework-{env['NATIVEGEN_TARGET']}{number}"
        node = known[wanted] = env.NativegenFramework(name, files)[0]
    return node


def _files_of_flags(env: Any) -> list[Any]:
    """Files that ``NATIVEGENFLAGS`` names: with ``@``, and a profile."""
    names = [flag[1:] for flag in map(str, env.Flatten(env["NATIVEGENFLAGS"])) if flag.startswith("@")]
    profile = actions.profile_of_flags(env)
    return [env.File(name) for name in (*names, *([] if profile is None else [profile]))]


def _native_cache_dir(env: Any, path: str) -> None:
    """Use a path-independent, checksummed cache of what was built; see :mod:`nativegen.scons.cachedir`."""
    from nativegen.scons.cachedir import NativeCacheDir

    env.CacheDir(path, NativeCacheDir)
