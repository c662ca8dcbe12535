"""Entry point of the SCons tool: construction variables and builders.

What a user gets from ``Environment(tools=['default', 'nativegen'])``::

    image  = env.NativeImage('bin/Core.dll')               # bin/Core.ni.dll
    images = env.NativeImages('bin/App.dll')               # one image per assembly of the closure
    env.NativePublish('publish', 'bin/App.dll')            # the application's folder with images in place of IL
    env.NativeVerify('verify.xml', images)                 # JUnit report, the build fails when a check fails
    env.NativeCacheDir('/srv/build-cache')                 # what was built, shared between checkouts

Construction variables: ``NATIVEGEN_TARGET`` ('3.1'), ``NATIVEGEN_RUNTIME`` (root of a runtime; found when not given),
``NATIVEGEN_FRAMEWORK`` (folder of the framework's assemblies), ``NATIVEGEN_REFPATH`` (folders searched for references
beside the input's own), ``NATIVEGEN_PARTIAL`` (a profile: only the methods it names are compiled), ``NATIVEGENFLAGS``
(further options of ``nativegen compile``), ``NATIVEGEN_MODE`` ('resilient', 'guarded' or 'pinned': what images may use
of the insides of other assemblies; resilient when not set), ``NATIVEGEN_UNITS`` (folder of compiled methods that builds
share; empty: none), and what is printed: ``NATIVEGENCOMSTR``, ``NATIVEGENKEYCOMSTR``, ``NATIVEGENCONTRACTCOMSTR``,
``NATIVEGENFRAMEWORKCOMSTR``.

Invariant: nothing here decides what an image depends on by itself: references come from ``metadata``, contract
signatures from ``typesystem.contract``, compiling is ``nativegen compile`` in a process of its own.
"""

from __future__ import annotations

import os
import pathlib
from typing import Any

from nativegen.cache.location import cache_root
from nativegen.diagnostics import NativegenError
from nativegen.scons import csharp
from nativegen.scons.images import add_image_builders
from nativegen.scons.options import add_options, given_options
from nativegen.scons.signatures import decider


def exists(env: Any) -> bool:
    """SCons' tool protocol: nativegen is importable, hence there."""
    del env
    return True


def generate(env: Any, **kw: Any) -> None:
    """SCons' tool protocol: adds the variables and builders to ``env``.

    Raises:
        UserError: SCons prints it without a traceback. NGEN3101, NGEN3111, the target; NGEN7101, NGEN6003, its runtime.
    """
    env.Tool("textfile")
    add_options(env)
    env.SetDefault(
        NATIVEGEN_TARGET="3.1",
        NATIVEGEN_REFPATH=[],
        NATIVEGEN_MODE="",
        NATIVEGENFLAGS=[],
        NATIVEGENCOMSTR="nativegen compile $SOURCE -> $TARGET",
        NATIVEGENCONTRACTCOMSTR="nativegen contract $SOURCE -> $TARGET",
        NATIVEGENKEYCOMSTR="nativegen key $SOURCE -> $TARGET",
        NATIVEGENFRAMEWORKCOMSTR="nativegen framework -> $TARGET",
        NATIVEGEN_UNITS=os.path.join(cache_root(), "methods"),
    )
    env.Replace(**kw)
    env.Replace(**given_options(env))
    try:
        _check_target(env)
        _locate_runtime(env)
    except NativegenError as error:
        from SCons.Errors import UserError

        raise UserError(str(error)) from error
    env.Decider(decider)
    csharp.configure(env)
    add_image_builders(env)


def _check_target(env: Any) -> None:
    from nativegen.readytorun.targets import require_tested, target_named

    require_tested(target_named(env["NATIVEGEN_TARGET"]), "--untested-target" in str(env["NATIVEGENFLAGS"]))


def _locate_runtime(env: Any) -> None:
    """Fill in whichever of NATIVEGEN_RUNTIME, _FRAMEWORK and _FRAMEWORK_REFERENCE the user left open."""
    if env.get("NATIVEGEN_FRAMEWORK"):
        version = os.path.basename(os.path.normpath(env["NATIVEGEN_FRAMEWORK"]))
    else:
        from nativegen.runtime.discover import find_runtimes

        explicit = env.get("NATIVEGEN_RUNTIME")
        found = find_runtimes(pathlib.Path(explicit) if explicit else None)
        runtime = next((r for r in found if r.target == env["NATIVEGEN_TARGET"]), None)
        if runtime is None:
            raise NativegenError("NGEN7101", None, target=env["NATIVEGEN_TARGET"])
        env["NATIVEGEN_RUNTIME"] = str(runtime.root)
        env["NATIVEGEN_FRAMEWORK"] = str(runtime.framework_dir)
        version = runtime.version
    major_minor = ".".join(version.split(".")[:2])
    reference = {"name": "Microsoft.NETCore.App", "version": f"{major_minor}.0"}
    env.SetDefault(NATIVEGEN_FRAMEWORK_REFERENCE=reference)
