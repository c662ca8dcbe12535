"""Read ``*.runtimeconfig.json``: which frameworks an application wants, and where else to probe.

Why here: this file decides which framework's assemblies the application's references mean. Settings apply in the
host's order (hostfxr, runtime_config): defaults, ``DOTNET_ROLL_FORWARD_ON_NO_CANDIDATE_FX``, ``runtimeOptions``, the
reference's own settings, ``DOTNET_ROLL_FORWARD``; the last one wins.

Invariants: a missing file is not an error here (:func:`read_runtime_config` returns None; who needs one complains); a
file that is there and wrong always is, with the file named.

>>> [(r.name, str(r.version)) for r in read_runtime_config(Path("app.runtimeconfig.json")).frameworks]
[('Microsoft.NETCore.App', '9.0.0')]
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nativegen.binding.frameworks import (
    BASE_FRAMEWORK,
    ROLL_FORWARD,
    ROLL_FORWARD_ON_NO_CANDIDATE,
    Framework,
    FrameworkReference,
    RuntimeVersion,
)
from nativegen.diagnostics import NativegenError

# Comments are allowed by the host's parser (rapidjson, kParseCommentsFlag); strings are matched to be kept.
_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    """One application's configuration.

    ``included`` lists the frameworks a self-contained application carries; then ``frameworks`` is empty.
    ``probing_paths`` are folders laid out as a package cache, the dev file's included.
    """

    path: Path
    tfm: str
    frameworks: tuple[FrameworkReference, ...]
    included: tuple[tuple[str, str], ...]
    probing_paths: tuple[Path, ...]
    properties: Mapping[str, Any]

    @property
    def self_contained(self) -> bool:
        """Whether the application brings its own runtime."""
        return not self.frameworks


def config_path(assembly: Path) -> Path:
    """``app.runtimeconfig.json`` for ``app.dll``."""
    return assembly.with_suffix(".runtimeconfig.json")


def read_runtime_config(path: Path, environment: Mapping[str, str] | None = None) -> RuntimeConfig | None:
    """Read a runtimeconfig.json and the dev file beside it; None when there is none.

    Args:
        path: the file.
        environment: for the host's roll-forward variables; default: this process's.
    Raises:
        NativegenError: NGEN2001 when the file is malformed.
    """
    environment = os.environ if environment is None else environment
    document = read_json_object(path, "NGEN2001")
    if document is None:
        return None
    options = document.get("runtimeOptions")
    if not isinstance(options, dict):
        raise NativegenError("NGEN2001", path, detail="no object 'runtimeOptions'")
    reader = _OptionsReader(path, options, environment)
    frameworks = reader.frameworks()
    included = reader.included()
    if frameworks and included:
        raise NativegenError("NGEN2001", path, detail="both 'framework(s)' and 'includedFrameworks'")
    dev = read_json_object(path.with_name(path.name.removesuffix(".json") + ".dev.json"), None) or {}
    dev_options = dev.get("runtimeOptions")
    paths = reader.probing_paths(options)
    paths += reader.probing_paths(dev_options if isinstance(dev_options, dict) else {})
    properties = options.get("configProperties", {})
    if not isinstance(properties, dict):
        raise NativegenError("NGEN2001", path, detail="'configProperties' is not an object")
    return RuntimeConfig(path, str(options.get("tfm", "")), frameworks, included, tuple(paths), properties)


def framework_references(framework: Framework) -> tuple[FrameworkReference, ...]:
    """The references of a framework itself: ASP.NET Core names the base framework, the base names none."""
    if framework.name == BASE_FRAMEWORK:
        return ()
    config = read_runtime_config(framework.path / f"{framework.name}.runtimeconfig.json")
    return config.frameworks if config else ()


def read_json_object(path: Path, code: str | None) -> dict[str, Any] | None:
    """A JSON file as the host reads it (comments and a byte order mark allowed); None when the file is missing.

    Args:
        code: the diagnostic of a malformed file; None: a malformed file counts as missing.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        if code is None:
            return None
        raise NativegenError(code, path, detail=str(error)) from None
    try:
        try:
            document = json.loads(text)
        except json.JSONDecodeError:
            document = json.loads(_STRING_OR_COMMENT.sub(lambda m: m[0] if m[0][0] == '"' else " ", text))
    except (json.JSONDecodeError, RecursionError) as error:
        if code is None:
            return None
        raise NativegenError(code, path, detail=str(error)) from None
    if not isinstance(document, dict):
        if code is None:
            return None
        raise NativegenError(code, path, detail="not a JSON object")
    return document


class _OptionsReader:
    """Reads one ``runtimeOptions`` object, naming the file in every error."""

    def __init__(self, path: Path, options: dict[str, Any], environment: Mapping[str, str]) -> None:
        self._path = path
        self._options = options
        self._environment = environment

    def frameworks(self) -> tuple[FrameworkReference, ...]:
        single = self._options.get("framework")
        entries = [] if single is None else [single]
        entries += self._list("frameworks")
        references = tuple(map(self._reference, entries))
        if len({reference.name for reference in references}) != len(references):
            raise self._error("a framework is named twice")
        return references

    def included(self) -> tuple[tuple[str, str], ...]:
        entries = self._list("includedFrameworks")
        return tuple((self._text(entry, "name"), self._text(entry, "version")) for entry in entries)

    def probing_paths(self, options: dict[str, Any]) -> list[Path]:
        value = options.get("additionalProbingPaths", [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
            raise self._error("'additionalProbingPaths' is not a list of strings")
        tfm = str(self._options.get("tfm", ""))
        return [Path(item.replace("|arch|", "x64").replace("|tfm|", tfm)) for item in values]

    def _reference(self, entry: Any) -> FrameworkReference:
        name, text = self._text(entry, "name"), self._text(entry, "version")
        try:
            version = RuntimeVersion.parse(text)
        except ValueError:
            raise self._error(f"bad version {text!r} of {name}") from None
        roll_forward, apply_patches = "minor", True
        legacy = self._environment.get("DOTNET_ROLL_FORWARD_ON_NO_CANDIDATE_FX", "")
        if legacy.isdigit():
            roll_forward = ROLL_FORWARD_ON_NO_CANDIDATE.get(int(legacy), roll_forward)
        for settings in (self._options, entry):
            if "rollForwardOnNoCandidateFx" in settings:
                number = settings["rollForwardOnNoCandidateFx"]
                if not isinstance(number, int) or number not in ROLL_FORWARD_ON_NO_CANDIDATE:
                    raise self._error(f"bad 'rollForwardOnNoCandidateFx' {number!r}")
                roll_forward = ROLL_FORWARD_ON_NO_CANDIDATE[number]
            apply_patches = settings.get("applyPatches", apply_patches)
            roll_forward = settings.get("rollForward", roll_forward)
        roll_forward = self._environment.get("DOTNET_ROLL_FORWARD", roll_forward)
        policy = ROLL_FORWARD.get(roll_forward.lower()) if isinstance(roll_forward, str) else None
        if policy is None:
            raise self._error(f"bad 'rollForward' {roll_forward!r}")
        if not isinstance(apply_patches, bool):
            raise self._error(f"bad 'applyPatches' {apply_patches!r}")
        prefer_release = not version.prerelease and self._environment.get("DOTNET_ROLL_FORWARD_TO_PRERELEASE") != "1"
        return FrameworkReference(name, version, *policy, apply_patches, prefer_release)

    def _list(self, key: str) -> list[Any]:
        value = self._options.get(key, [])
        if not isinstance(value, list):
            raise self._error(f"{key!r} is not a list")
        return value

    def _text(self, entry: Any, key: str) -> str:
        value = entry.get(key) if isinstance(entry, dict) else None
        if not isinstance(value, str) or not value:
            raise self._error(f"a framework without {key!r}")
        return value

    def _error(self, detail: str) -> NativegenError:
        return NativegenError("NGEN2001", self._path, detail=detail)
