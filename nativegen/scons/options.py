"""Options of the ``scons`` command line that the tool adds; ``scons -h`` lists them below the project's own.

They win over what a SConstruct sets, so that one build can be tried with another runtime, or without the store of
compiled methods, and nothing edited. Each option belongs to one construction variable.
"""

from __future__ import annotations

from typing import Any

#: (option, construction variable, metavar, help).
OPTIONS = (
    ("--native-target", "NATIVEGEN_TARGET", "NAME", "target of native images: 3.1, 9.0 or 10.0"),
    ("--native-runtime", "NATIVEGEN_RUNTIME", "DIR", "root of the .NET runtime whose framework images are made for"),
    (
        "--native-framework",
        "NATIVEGEN_FRAMEWORK",
        "DIR",
        "folder of the framework's assemblies, instead of the runtime's",
    ),
    (
        "--native-flags",
        "NATIVEGENFLAGS",
        "'OPTIONS'",
        "further options of nativegen compile, instead of the SConstruct's",
    ),
    ("--native-units", "NATIVEGEN_UNITS", "DIR", "folder of compiled methods that builds share; empty: none"),
)


def add_options(env: Any) -> None:
    """Adds the options, once a build."""
    import SCons.Script

    if hasattr(env.fs, "nativegen_options"):
        return
    env.fs.nativegen_options = True
    for option, variable, metavar, text in OPTIONS:
        SCons.Script.AddOption(option, dest=variable.lower(), metavar=metavar, help=f"{text} ({variable})")


def given_options(env: Any) -> dict[str, Any]:
    """Construction variables by the options that were given."""
    import SCons.Script

    values = {variable: SCons.Script.GetOption(variable.lower()) for _, variable, _, _ in OPTIONS}
    given = {variable: value for variable, value in values.items() if value is not None}
    if "NATIVEGENFLAGS" in given:
        given["NATIVEGENFLAGS"] = env.Split(given["NATIVEGENFLAGS"])
    return given
