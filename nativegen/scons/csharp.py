"""``CSharpProgram`` and ``CSharpLibrary``: thin builders that call whichever C# compiler is there.

What: ``csc`` (Roslyn), or Debian's ``mcs``. References given as ``REFERENCES=[...]`` are dependencies and are
remembered on the node, so that ``NativeImages`` can find the closure of a program that is not built yet.

Why here: the examples and tests need C# assemblies as nodes; users have their own build and pass prebuilt assemblies
instead.

Example::

    core = env.CSharpLibrary('bin/Core.dll', ['Core.cs'])
    app = env.CSharpProgram('bin/App.dll', ['App.cs'], REFERENCES=[core])
"""

from __future__ import annotations

import json
import os
from typing import Any

from nativegen.scons.references import assemblies

#: Framework assemblies that C# 7 code is compiled against: mcs looks through no facades but these.
FRAMEWORK_REFERENCES = (
    "System.Private.CoreLib",
    "System.Runtime",
    "System.Runtime.Extensions",
    "System.Console",
    "System.Collections",
    "System.Linq",
    "System.IO.FileSystem",
    "System.Threading",
    "System.Threading.Thread",
)


def configure(env: Any) -> None:
    """Sets CSC and its options in ``env`` unless the user did, and adds the two builders."""
    from SCons.Action import Action
    from SCons.Builder import Builder

    env.SetDefault(
        CSC=env.Detect(["csc", "mcs"]) or "mcs",
        CSCFLAGS=["-nologo", "-optimize+", "-unsafe", "-nostdlib", "-noconfig", "-nowarn:1685,1701,1702,8021"],
        CSCREFERENCES=list(FRAMEWORK_REFERENCES),
        CSCCOM="$CSC $CSCFLAGS $CSCTARGETFLAG ${_nativegen_csc_references(__env__, SOURCES)} -out:$TARGET $SOURCES",
        CSCCOMSTR="",
        _nativegen_csc_references=_reference_flags,
    )
    action = Action("$CSCCOM", "$CSCCOMSTR" if env.get("CSCCOMSTR") else None)
    env["BUILDERS"]["NativegenCSharp"] = Builder(action=action, src_suffix=".cs")
    env.AddMethod(_program, "CSharpProgram")
    env.AddMethod(_library, "CSharpLibrary")


def _reference_flags(env: Any, sources: Any) -> list[str]:
    del sources
    folder = env["NATIVEGEN_FRAMEWORK"]
    flags = [f"-r:{os.path.join(folder, name + '.dll')}" for name in env["CSCREFERENCES"]]
    return flags + [f"-r:{node.get_path()}" for node in env.get("NATIVEGEN_CSC_NODES", [])]


def _program(env: Any, target: Any, source: Any, **kw: Any) -> Any:
    """An application: the nodes of the assembly and of the runtimeconfig.json beside it.

    ``PROPERTIES``: runtime configuration properties, e.g. ``{'System.Globalization.Invariant': True}``.
    """
    options: dict[str, Any] = {"framework": env["NATIVEGEN_FRAMEWORK_REFERENCE"]}
    if properties := kw.pop("PROPERTIES", {}):
        options["configProperties"] = properties
    nodes = _compile(env, target, source, "-target:exe", **kw)
    stem = os.path.splitext(nodes[0].get_path())[0]
    text = json.dumps({"runtimeOptions": options}, indent=2)
    config = env.Textfile(f"{stem}.runtimeconfig.json", text, TEXTFILESUFFIX="")
    nodes[0].attributes.nativegen_companions = list(config)
    return nodes + config


def _library(env: Any, target: Any, source: Any, **kw: Any) -> Any:
    return _compile(env, target, source, "-target:library", **kw)


def _compile(env: Any, target: Any, source: Any, kind: str, **kw: Any) -> Any:
    references = assemblies(env, kw.pop("REFERENCES", []))
    nodes = env.NativegenCSharp(target, source, CSCTARGETFLAG=kind, NATIVEGEN_CSC_NODES=references, **kw)
    env.Depends(nodes, references)
    nodes[0].attributes.nativegen_references = references
    return nodes
