"""What ``install`` was asked for, in the form that the index keeps, so that ``update`` can ask again.

>>> request = InstallRequest("/opt/app.dll", strict=True)
>>> InstallRequest.from_json("/opt/app.dll", request.as_json()) == request
True
>>> configuration(None, None)
''
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from typing import Any

from nativegen.cache.records import scenario
from nativegen.operations.modes import effective_mode
from nativegen.pipeline.request import CompileOptions


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """One root.

    Args:
        path: of the assembly, absolute.
        target: name of a target, or None: that of the runtime the application would run on.
        untested_target: it may be one that was never tested.
        runtime: folder given by --runtime. exe_config, app_base: files and folders that change binding.
        no_dependencies: compile the named assembly only.
        debug, profile: the scenario.
        strict: content signatures everywhere: ngen's own rule of invalidation.
        partial: path of the profile whose methods alone are compiled, or None.
        mode: what the images may assume of other assemblies' insides, see :mod:`nativegen.operations.modes`.
        effort, from_native, image_base, instruction_set: see :class:`nativegen.pipeline.request.CompileOptions`.
    """

    path: str
    target: str | None = None
    runtime: str | None = None
    exe_config: str | None = None
    app_base: str | None = None
    no_dependencies: bool = False
    debug: bool = False
    profile: bool = False
    strict: bool = False
    effort: str = "auto"
    from_native: bool = False
    image_base: int | None = None
    instruction_set: tuple[str, ...] = ()
    untested_target: bool = False
    partial: str | None = None
    mode: str = "pinned"

    @property
    def scenario(self) -> str:
        return scenario(self.debug, self.profile)

    @property
    def configuration(self) -> str:
        """Part of the root's identity, see :func:`configuration`."""
        return configuration(self.exe_config, self.app_base)

    def compile_options(self, target: str) -> CompileOptions:
        """What the pipeline gets; the /Debug scenario is compiled without optimisation."""
        return CompileOptions(
            effort="none" if self.debug else self.effort,
            from_native=self.from_native,
            image_base=self.image_base,
            instruction_set=self.instruction_set,
            debug=self.debug,
            profile=self.profile,
            mode=effective_mode(self.mode, target),
        )

    def as_json(self) -> str:
        """Everything but the path, canonical."""
        values = asdict(self)
        del values["path"]
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, path: str, text: str) -> InstallRequest:
        """The request of a root in the index; options that an older version did not know have their defaults."""
        values: dict[str, Any] = json.loads(text)
        known = {field.name for field in fields(cls)}
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return cls(path, **{name: value for name, value in values.items() if name in known})


def configuration(exe_config: str | None, app_base: str | None) -> str:
    """Canonical text of /ExeConfig and /AppBase; empty without them. Neither needs to exist: `uninstall` asks too."""
    parts = []
    if exe_config is not None:
        parts.append(f"/ExeConfig:{os.path.realpath(exe_config)}")
    if app_base is not None:
        parts.append(f"/AppBase:{os.path.realpath(app_base)}")
    return " ".join(parts)
