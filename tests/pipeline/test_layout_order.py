"""A library in the same run as its user: places of fields do not depend on which of the two a process meets first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from nativegen.pipeline.compile import CompileFailure, compile_many
from nativegen.pipeline.request import CompileRequest
from tests.support.csharp import compile_csharp
from tests.support.paths import TARGETS
from tests.support.runtimes import framework_references

# The base has a struct of the framework's and ends unaligned: fields behind it begin elsewhere in an image.
LIBRARY = """
public class First { public long Long; public bool? Odd; }
public class Second : First { public bool Own; public bool Get() { return Own; } public void Set() { Own = true; } }
public class Third : Second { public int More; public int Sum() { return More + (Own ? 1 : 0); } }
"""
USER = """
public class Fourth : Third { public int Last; public int All() { return Sum() + Last + More; } }
public class Uses {
    public static int Use(Fourth x) { x.Set(); return x.All() + x.Sum() + x.Last + (x.Own ? x.More : 0); }
    public static Fourth Make() { return new Fourth { Last = 1, More = 2, Own = true, Long = 3 }; }
}
"""


@pytest.mark.parametrize("target", TARGETS)
def test_alone_and_behind_its_user_a_library_gives_the_same_image(tmp_path: Path, target: str) -> None:
    library = compile_csharp(LIBRARY, tmp_path, "Library", library=True)
    larger = "".join(f"static int M{n}(Fourth x) {{ return x.Last + {n}; }}\n" for n in range(30))  # it comes first
    source = USER + f"public class Larger {{\n{larger}}}\n"
    user = compile_csharp(source, tmp_path, "User", library=True, references=[library])
    references = framework_references(target) | {"Library": str(library), "User": str(user)}
    alone = {**_images([library], references, target, tmp_path), **_images([user], references, target, tmp_path)}
    assert _images([user, library], references, target, tmp_path) == alone
    assert _images([library, user], references, target, tmp_path) == alone


def _images(paths: Sequence[Path], references: Mapping[str, str], target: str, work: Path) -> dict[str, bytes]:
    requests = [CompileRequest(str(path), str(work / f"{path.stem}.ni.dll"), target, references) for path in paths]
    for outcome in compile_many(requests, jobs=1):
        assert not isinstance(outcome, CompileFailure), outcome
    return {request.input: Path(request.output).read_bytes() for request in requests}
