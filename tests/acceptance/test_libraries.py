"""Two more things people run, fetched at the first run. Kusto.Language under a small program: parser, binder and editor
services of a query language, made of combinators over many types. NSwag, an application that writes clients in C# and
TypeScript for an OpenAPI document, with Fluid, Parlot, NJsonSchema, Newtonsoft.Json and YamlDotNet.

The runtime takes every method and instance; output and written files are the same in every mode.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from nativegen.pipeline.request import CompileOptions
from nativegen.runtime.host import run_app, runtime_config_for
from tests.acceptance.instances import audit_instances
from tests.acceptance.rejections import audit_images
from tests.acceptance.stress import GcStress
from tests.support.csharp import compile_csharp
from tests.support.images import ImageSet, compiled_set, image_mode
from tests.support.paths import TestInputs
from tests.support.provision import provision_kusto, provision_nswag
from tests.support.runtimes import clean_environment, framework_references, get_runtime

pytestmark = [pytest.mark.sweep, pytest.mark.runtime]

# Name -> tiering, GC stress.
MODES = {
    "default tiering": (None, False),
    "no tiering": (False, False),
    "GC stress, no tiering": (False, True),
    "GC stress, tiering": (True, True),
}
#: Lines of NSwag that say where it lies and how long it took.
_VARYING = re.compile(rb"(NSwag bin directory|Duration): .*")
_TIMEOUT = 900.0


@dataclass(frozen=True, slots=True)
class Pair:
    """``jit`` and ``native``: folders of the same program; ``images``: what the second one has in place of IL."""

    name: str
    jit: Path
    native: Path
    images: ImageSet

    def outcome(
        self, folder: Path, arguments: Sequence[str], work: Path, tiering: bool | None, stress: GcStress | None = None
    ) -> tuple[int, bytes, bytes, dict[str, bytes]]:
        """Exit code, output, error output and the files written to ``work``, which is made."""
        work.mkdir()
        ran = run_app(
            folder / f"{self.name}.dll",
            arguments,
            runtime=get_runtime("9.0"),
            environment=clean_environment(folder.parent) | (stress.environment if stress else {}),
            settings=stress.settings if stress else {},
            tiering=tiering,
            cwd=work,
            timeout=_TIMEOUT,
        )
        written = {path.name: path.read_bytes() for path in work.iterdir()}
        return ran.exit_code, _VARYING.sub(b"", ran.stdout), ran.stderr, written

    def check_accepted(self, inputs: TestInputs, least_methods: int, least_instances: int) -> None:
        """The runtime takes every method, and every instance that can be asked for."""
        images = {name: self.native / path.name for name, path in self.images.images.items()}
        audit = audit_images(self.native / f"{self.name}.dll", images, inputs.net9)
        instances = audit_instances(self.native / f"{self.name}.dll", images, inputs.net9)
        print(*audit.summary(), *instances.summary(), sep="\n")
        assert audit.refused_images == {}
        assert (audit.rejected, instances.rejected) == (0, ())
        assert audit.prepared > least_methods and instances.prepared > least_instances
        assert sum(report.native for report in self.images.reports.values()) > least_methods

    def check_same(self, arguments: Sequence[str], mode: str, folder: Path) -> dict[str, bytes]:
        """With images as without; the files that were written."""
        tiering, stressed = MODES[mode]
        stress = GcStress.create(folder) if stressed else None
        expected = self.outcome(self.jit, arguments, folder / "expected", tiering)
        assert expected[0] == 0, expected
        assert self.outcome(self.native, arguments, folder / "actual", tiering, stress) == expected
        assert stress is None or stress.collections() >= 10
        return expected[3]


def _pair(name: str, folder: Path, assemblies: Sequence[Path], references: dict[str, str]) -> Pair:
    """The program in ``folder/jit``, beside a copy with images of ``assemblies``."""
    mode = image_mode()
    images = compiled_set(f"{name}-{mode}", assemblies, references, "9.0", CompileOptions(mode=mode))
    native = shutil.copytree(folder / "jit", folder / "native")
    images.install_over(native)
    return Pair(name, folder / "jit", native, images)


@pytest.fixture(scope="module")
def kusto(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("kusto")
    library = Path(shutil.copy(provision_kusto() / "Kusto.Language.dll", folder))
    source = Path(__file__).with_name("Queries.cs")
    jit = folder / "jit"
    compile_csharp(source, jit, "queries", compiler="roslyn", target="9.0", references=[library])
    shutil.copy(library, jit)
    (jit / "queries.runtimeconfig.json").write_text(json.dumps(runtime_config_for(get_runtime("9.0"))))
    references = framework_references("9.0") | {library.stem: str(library)}
    return _pair("queries", folder, [library], references)


@pytest.fixture(scope="module")
def nswag(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Without its deps.json, with the extensions of ASP.NET Core that the tests' shared framework lacks."""
    folder = tmp_path_factory.mktemp("nswag")
    jit = folder / "jit"
    jit.mkdir()
    own = sorted(provision_nswag().glob("*.dll"))
    shared = sorted(inputs.aspnetcore().glob("*.dll"))
    present = {path.name for path in shared}
    extensions = [path for path in sorted(inputs.azmcp.glob("Microsoft.Extensions.*.dll")) if path.name not in present]
    for path in (*own, *extensions, provision_nswag() / "dotnet-nswag.runtimeconfig.json"):
        shutil.copy(path, jit)
    references = {path.stem: str(path) for path in (*shared, *extensions, *own)} | framework_references("9.0")
    return _pair("dotnet-nswag", folder, own, references)


def test_the_runtime_takes_every_method_of_kusto(kusto: Pair, inputs: TestInputs) -> None:
    kusto.check_accepted(inputs, 8_000, 1_500)


@pytest.mark.parametrize("mode", MODES)
def test_queries_are_understood_the_same(mode: str, kusto: Pair, tmp_path: Path) -> None:
    """Twelve rounds: long enough for the tiered JIT to take over."""
    kusto.check_same(["12" if mode == "default tiering" else "2"], mode, tmp_path)


def test_the_runtime_takes_every_method_of_nswag(nswag: Pair, inputs: TestInputs) -> None:
    nswag.check_accepted(inputs, 12_000, 2_000)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "arguments",
    [
        ["openapi2csclient", "/namespace:N", "/generateClientInterfaces:true"],
        ["openapi2cscontroller", "/namespace:N", "/jsonLibrary:SystemTextJson"],
        ["openapi2tsclient", "/template:Angular"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_clients_are_written_the_same(arguments: list[str], mode: str, nswag: Pair, tmp_path: Path) -> None:
    document = tmp_path / "api.json"
    document.write_text(json.dumps(_openapi_document()))
    written = nswag.check_same([*arguments, f"/input:{document}", "/output:client.txt"], mode, tmp_path)
    assert len(written["client.txt"]) > 50_000


def _openapi_document() -> dict[str, object]:
    """Thirty models that refer to each other, derived ones, a discriminator, operations with all kinds of contents."""

    def ref(name: str) -> dict[str, str]:
        return {"$ref": f"#/components/schemas/{name}"}

    schemas: dict[str, object] = {}
    for i in range(30):
        properties = {
            "id": {"type": "integer", "format": "int64"},
            f"name-{i}": {"type": "string", "maxLength": 10 + i, "pattern": "^[a-z]+$"},
            "when": {"type": "string", "format": "date-time", "nullable": True},
            "price": {"type": "number", "format": ("double", "float", "decimal")[i % 3], "minimum": 0.5},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1},
            "map": {"type": "object", "additionalProperties": ref(f"Model{(i + 1) % 30}")},
            "kind": {"type": "string", "enum": ["A", "b-c", "3x", "class", f"v{i}"]},
            "next": ref(f"Model{(i + 7) % 30}"),
            "any": {},
            "bytes": {"type": "string", "format": "byte"},
            "inner": {"type": "object", "properties": {"x": {"type": "boolean", "default": True}}},
            "one": {"oneOf": [ref("Model1"), ref("Model2")]},
        }
        required = ["id", f"name-{i}"]
        schemas[f"Model{i}"] = {"type": "object", "description": '<&"', "required": required, "properties": properties}
    for i in range(10):
        extra = {"text": {"type": "string", "default": 'q"uote'}, "list": {"type": "array", "items": ref("Derived1")}}
        schemas[f"Derived{i}"] = {"allOf": [ref(f"Model{i}"), {"type": "object", "properties": extra}]}
    kind = {"propertyName": "kind", "mapping": {"d": "#/components/schemas/Special"}}
    schemas["Base"] = {"type": "object", "discriminator": kind, "properties": {"kind": {"type": "string"}}}
    schemas["Special"] = {"allOf": [ref("Base"), {"type": "object", "properties": {"model": ref("Model3")}}]}

    text = {"type": "string"}
    contents: list[tuple[str, object]] = [
        ("application/json", ref("Derived1")),
        ("multipart/form-data", {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}),
        ("application/x-www-form-urlencoded", {"type": "object", "properties": {"a": text}}),
        ("text/plain", text),
        ("application/octet-stream", {"type": "string", "format": "binary"}),
    ]
    paths: dict[str, object] = {}
    for i in range(25):
        where = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
        query = {"name": "q", "in": "query", "schema": {"type": "array", "items": text}}
        many = {"application/json": {"schema": {"type": "array", "items": ref(f"Model{i}")}}}
        problem = {"description": "no", "content": {"application/json": {"schema": ref("Base")}}}
        media, schema = contents[i % 5]
        paths[f"/things{i}/{{id}}"] = {
            "get": {
                "tags": [f"T{i % 4}"],
                "operationId": f"Things{i}_Get",
                "parameters": [where, query],
                "responses": {"200": {"description": "ok", "content": many}, "404": problem},
            },
            "post": {
                "tags": [f"T{i % 4}"],
                "operationId": f"Things{i}_Post",
                "parameters": [where],
                "requestBody": {"content": {media: {"schema": schema}}},
                "responses": {"201": {"description": "made", "content": many}, "204": {"description": "none"}},
            },
        }
    information = {"title": "Things", "version": "1.0"}
    return {"openapi": "3.0.3", "info": information, "paths": paths, "components": {"schemas": schemas}}
