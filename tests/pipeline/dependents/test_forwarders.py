"""Types that move behind a forwarder: what the image is made of decides, not the assembly that a type is in now.

The random edits of test_dependents move types too; here are the cases in which moving one does matter.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.pipeline.code_signature import code_signature
from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileRequest
from tests.pipeline.support import references
from tests.support.csharp import assemble_il, compile_csharp

pytestmark = pytest.mark.usefixtures("inputs")

_FORWARD = "[assembly: System.Runtime.CompilerServices.TypeForwardedTo(typeof({}))] "
_ITEM = "public class Item { public int Value; public int Get(int x) { return Value + x; } }"
_ROOT = "public class Root { public byte First; }"
_LEAF = "public class Leaf : Root { public object Second; public byte Third; }"

_BOTH_ITEMS = """
.assembly extern Library { }
.assembly extern Base { }
.assembly extern System.Runtime { }
.assembly Program { }
.class public abstract sealed Program extends [System.Runtime]System.Object {
  .method public static object One() cil managed {
    newobj instance void [Library]Item::.ctor()
    ret
  }
  .method public static object Other() cil managed {
    newobj instance void [Base]Item::.ctor()
    ret
  }
}
"""

_DERIVED = """
public class Own : Leaf { public int Mine; public int Get() { return Mine; } }
"""


def _built(folder: Path, program: Path, *libraries: Path) -> tuple[str, bytes]:
    """Code signature and image of the program."""
    output = folder / "Program.ni.dll"
    request = CompileRequest(str(program), str(output), "9.0", references("9.0", program, *libraries))
    compile_file(request)
    return code_signature(request), output.read_bytes()


def _libraries(folder: Path, base: str, library: str) -> tuple[Path, Path]:
    first = compile_csharp(base, folder, "Base", library=True, compiler="roslyn")
    return first, compile_csharp(library, folder, "Library", library=True, compiler="roslyn", references=[first])


def test_a_moved_class_leaves_its_users_alone(tmp_path: Path) -> None:
    before = _libraries(tmp_path / "before", "public class Anchor { }", _ITEM)
    after = _libraries(tmp_path / "after", _ITEM, _FORWARD.format("Item"))
    source = "public class Program { Item item; public int Use(Item x) { item = x; return x.Get(x.Value); } }"
    program = compile_csharp(source, tmp_path, "Program", library=True, compiler="roslyn", references=before)
    assert _built(tmp_path / "before", program, *before) == _built(tmp_path / "after", program, *after)


def test_two_references_that_come_to_mean_one_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image names it by the row of the first reference then."""
    before = _libraries(tmp_path / "before", _ITEM, _ITEM)
    after = _libraries(tmp_path / "after", _ITEM, _FORWARD.format("Item"))
    program = assemble_il(_BOTH_ITEMS, tmp_path, "Program", library=True)
    old_code, old_image = _built(tmp_path / "before", program, *before)
    new_code, new_image = _built(tmp_path / "after", program, *after)
    assert old_image != new_image
    assert old_code != new_code
    # Negative control: nothing but the list of such references tells.
    monkeypatch.setattr("nativegen.pipeline.code_signature.same_types", lambda module: b"")
    assert _built(tmp_path / "before", program, *before)[0] == _built(tmp_path / "after", program, *after)[0]


def test_a_base_class_that_leaves_its_assembly(tmp_path: Path) -> None:
    """Where the fields of a class begin depends on whether its base class is in its own assembly."""
    before = _libraries(tmp_path / "before", "public class Anchor { }", _ROOT + _LEAF)
    after = _libraries(tmp_path / "after", _ROOT, _FORWARD.format("Root") + _LEAF)
    program = compile_csharp(_DERIVED, tmp_path, "Program", library=True, compiler="roslyn", references=before)
    old_code, _ = _built(tmp_path / "before", program, *before)
    new_code, _ = _built(tmp_path / "after", program, *after)
    assert old_code != new_code
