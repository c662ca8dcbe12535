"""One edit: did the decision to compile the dependent again, or not to, agree with compiling it from scratch?"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nativegen.metadata import Assembly
from nativegen.operations.modes import foreign_change, recorded_foreign
from nativegen.pipeline.code_signature import code_signature
from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileOptions, CompileRequest
from nativegen.typesystem.contract import contract
from tests.pipeline.dependents.library import EDITS, Library, new_library
from tests.pipeline.support import references
from tests.support.csharp import compile_csharp


@dataclass(frozen=True, slots=True)
class Outcome:
    """``differs``: the dependent's image, compiled from scratch; ``contract``, ``code``: the signatures changed;
    ``recorded``: what the old image recorded of others changed."""

    kind: str
    seed: int
    differs: bool
    contract: bool
    code: bool
    recorded: bool = False

    @property
    def is_recompiled(self) -> bool:
        """What builds decide: code signatures are only asked when a contract changed."""
        return (self.contract and self.code) or self.recorded

    @property
    def is_sound(self) -> bool:
        return self.is_recompiled or not self.differs

    @property
    def is_needless(self) -> bool:
        return self.is_recompiled and not self.differs


@dataclass(frozen=True, slots=True)
class _State:
    contracts: tuple[str, ...]
    code: str
    image: bytes
    recorded: dict[str, dict[str, Any]]
    paths: dict[str, str]


class Bench:
    """Libraries and dependents in one folder; what is not edited is compiled once.

    Args:
        variants: different choices of what the dependent uses.
        options: what the dependent is compiled with.
    """

    def __init__(self, folder: Path, variants: int = 6, options: CompileOptions | None = None) -> None:
        self._folder = folder
        self._options = options or CompileOptions()
        self._variants = variants
        self._base = cache(self._new_base)

    def outcome(self, kind: str, seed: int) -> Outcome:
        """Makes one edit of that kind."""
        source = random.Random(f"{kind} {seed}")
        target = ("3.1", "9.0")[source.randrange(2)]
        variant = source.randrange(self._variants)
        library, dependent, before = self._base(variant, target)
        edited = copy.deepcopy(library)
        EDITS[kind](edited, source)
        after = self._state(edited, dependent, target, self._folder / f"edit-{kind}-{seed}".replace(" ", "-"))
        return Outcome(
            kind,
            seed,
            differs=before.image != after.image,
            contract=before.contracts != after.contracts,
            code=before.code != after.code,
            recorded=foreign_change(before.recorded, {}, after.paths, target) is not None,
        )

    def _new_base(self, variant: int, target: str) -> tuple[Library, Path, _State]:
        folder = self._folder / f"base-{variant}-{target}"
        library = new_library(random.Random(variant))
        core, base = _compile(library, folder)
        dependent = compile_csharp(
            library.dependent_source(), folder, "Dependent", library=True, compiler="roslyn", references=[core, base]
        )
        return library, dependent, self._state(library, dependent, target, folder)

    def _state(self, library: Library, dependent: Path, target: str, folder: Path) -> _State:
        core, base = _compile(library, folder)
        output = folder / "Dependent.ni.dll"
        paths = references(target, dependent, core, base)
        request = CompileRequest(str(dependent), str(output), target, paths, self._options)
        contracts = tuple(contract(Assembly.open(path)).signature for path in (core, base))
        code = code_signature(request)
        report = compile_file(request)
        return _State(contracts, code, output.read_bytes(), recorded_foreign(report.foreign, {}), paths)


def _compile(library: Library, folder: Path) -> tuple[Path, Path]:
    base = compile_csharp(library.base_source(), folder, "Base", library=True, compiler="roslyn")
    core = compile_csharp(library.source(), folder, "Library", library=True, compiler="roslyn", references=[base])
    return core, base
