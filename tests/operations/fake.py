"""A fake world: assemblies are small JSON files, contracts stand in them, the compiler copies.

``write(folder, "App", refs=["Core"], contract="1", body="1")`` makes ``App.dll``. ``fail`` makes its compilation fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import xxhash

from nativegen.cache.index import Index
from nativegen.diagnostics import NativegenError
from nativegen.operations.closure import Closure, MissingReference
from nativegen.operations.request import InstallRequest
from nativegen.operations.toolchain import CompileFailure, Progress
from nativegen.pipeline.request import CompileReport, CompileRequest, ExcludedMethod
from nativegen.plan.decide import Candidate
from nativegen.plan.manifest import FrameworkEntry

FRAMEWORK = FrameworkEntry("Microsoft.NETCore.App", "9.0.5", "f" * 32)


def write(
    folder: Path,
    name: str,
    refs: Sequence[str] = (),
    contract: str = "1",
    body: str = "1",
    version: str = "1.0.0.0",
    fail: bool = False,
    facade: bool = False,
) -> Path:
    """Make or change an assembly; returns its path."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.dll"
    facts = {"refs": list(refs), "contract": contract, "body": body, "version": version, "fail": fail, "facade": facade}
    path.write_text(json.dumps(facts))
    return path.resolve()


class FakeToolchain:
    """A ``Toolchain`` over such files. ``compiled`` lists the names compiled since it was last cleared."""

    def __init__(self) -> None:
        self.compiled: list[str] = []
        self.compiler = "compiler-1"
        self.framework = FRAMEWORK
        self.during_compile: Callable[[], None] = lambda: None

    def fingerprint(self) -> str:
        return self.compiler

    def contracts(self, index: Index) -> _Contracts:
        return _Contracts()

    def bind(self, request: InstallRequest) -> Closure:
        root = Path(request.path)
        if not root.is_file():
            raise NativegenError("NGEN1007", root)
        folder = Path(request.app_base) if request.app_base else root.parent
        candidates: dict[str, Candidate] = {}
        missing: list[MissingReference] = []
        pending = [root]
        while pending:
            path = pending.pop(0)
            facts, name = json.loads(path.read_text()), path.stem
            content = xxhash.xxh3_128_hexdigest(path.read_bytes())
            identity = _identity(name, facts["version"])
            references = tuple(facts["refs"])
            candidates[name] = Candidate(
                name, identity, str(path), content, "mvid", references, is_facade=facts["facade"]
            )
            for reference in references:
                target = (folder / f"{reference}.dll").resolve()
                if not target.is_file():
                    missing.append(MissingReference(reference, identity))
                elif reference not in candidates and target not in pending:
                    pending.append(target)
        paths = {name: candidate.path for name, candidate in candidates.items()}
        wanted = request.target or "9.0"
        return Closure(root.stem, wanted, "9.0.5", candidates, paths, self.framework, tuple(missing), ())

    def code(self, request: CompileRequest) -> str:
        """What stands behind a plus in a contract is what nobody uses."""
        text = Path(request.input).read_text()
        seen: dict[str, str] = {}
        pending = list(json.loads(text)["refs"])
        while pending:
            name = pending.pop()
            if name in request.references and name not in seen:
                facts = json.loads(Path(request.references[name]).read_text())
                seen[name] = facts["contract"].partition("+")[0]
                pending += facts["refs"]
        return xxhash.xxh3_128_hexdigest("\n".join([text, str(sorted(seen.items()))]).encode())

    def compile(
        self, requests: Sequence[CompileRequest], jobs: int, progress: Progress
    ) -> Iterator[CompileReport | CompileFailure]:
        for number, request in enumerate(requests):
            text = Path(request.input).read_bytes()
            facts, name = json.loads(text), Path(request.input).stem
            self.during_compile()
            progress(number + 1, len(requests), name)
            if facts["fail"]:
                yield CompileFailure(request, NativegenError("NGEN3002", request.input))
                continue
            self.compiled.append(name)
            image = b"image of " + text
            Path(request.output).write_bytes(image)
            yield CompileReport(
                input=request.input,
                output=request.output,
                name=name,
                content_signature=xxhash.xxh3_128_hexdigest(text),
                kind="image",
                methods=3,
                native=2,
                excluded={"opcode": 1},
                exclusions=(ExcludedMethod(f"{name}::M", 3, "opcode", "calli"),),
                image_size=len(image),
                input_size=len(text),
                seconds={"read": 0.0},
                code=self.code(request),
            )


class _Contracts:
    def signature(self, candidate: Candidate) -> str:
        contract: str = json.loads(Path(candidate.path).read_text())["contract"]
        return contract

    def detail(self, name: str, old: str, new: str) -> str | None:
        return f"type {old} became {new}"


def _identity(name: str, version: str) -> str:
    return f"{name}, Version={version}, Culture=neutral, PublicKeyToken=null"
