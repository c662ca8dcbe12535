"""Imports point the way that docs/architecture.md says, and what docstrings and documents refer to is there."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nativegen"
#: Small modules beside the packages, which all of these may import.
FOR_ALL = ("__version__", "diagnostics", "files")
_ROW = re.compile(r"^\| `(\w+)/` \|[^|]*\| (.*) \|$", re.MULTILINE)
_EVERYTHING = "everything above"


def _permissions() -> dict[str, tuple[str, ...]]:
    """Package -> packages and modules that it may import, from the table."""
    found: dict[str, tuple[str, ...]] = {}
    for package, text in _ROW.findall((ROOT / "docs/architecture.md").read_text()):
        named = re.findall(r"`([\w.]+)`", text)
        found[package] = (*(found if text.startswith(_EVERYTHING) else ()), *named)
    return found


def _imported(tree: ast.AST, *, when_loaded: bool = False) -> Iterator[str]:
    """What is imported of nativegen, without its name: ``metadata.tables.Table``, or ``metadata.tables`` of a module.

    Args:
        when_loaded: only what is imported as soon as the module is.
    """
    for node in ast.iter_child_nodes(tree):
        if when_loaded and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if when_loaded and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        names = []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.partition(".")[2] for name in names if name.startswith("nativegen."))
        yield from _imported(node, when_loaded=when_loaded)


def _is_within(name: str, owner: str) -> bool:
    return f"{name}.".startswith(f"{owner}.")


def _imports_of(package: str) -> dict[str, str]:
    """What the modules of a package import of others, with one of the modules that do."""
    return {
        name: str(path.relative_to(ROOT))
        for path in sorted((PACKAGE / package).rglob("*.py"))
        for name in _imported(ast.parse(path.read_text()))
        if not _is_within(name, package)
    }


def test_the_table_has_every_package() -> None:
    assert sorted(_permissions()) == sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


@pytest.mark.parametrize("package", sorted(_permissions()))
def test_a_package_imports_what_it_may_and_nothing_else(package: str) -> None:
    allowed = (*_permissions()[package], *FOR_ALL)
    imports = _imports_of(package)
    wrong = [f"{path}: {name}" for name, path in imports.items() if not any(_is_within(name, each) for each in allowed)]
    assert not wrong
    # "Everything above" is a rule; what is named one by one is used.
    text = dict(_ROW.findall((ROOT / "docs/architecture.md").read_text()))[package]
    named = [] if text.startswith(_EVERYTHING) else _permissions()[package]
    assert [each for each in named if not any(_is_within(name, each) for name in imports)] == []


def test_no_module_imports_itself_in_a_circle() -> None:
    modules = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    imports = {
        module: {
            owner
            for name in _imported(ast.parse(path.read_text()), when_loaded=True)
            for owner in (name, name.rpartition(".")[0])
            if owner in modules
        }
        for module, path in modules.items()
    }
    while imports:
        leaves = {module for module, others in imports.items() if not others & imports.keys()}
        assert leaves, f"a circle among {sorted(imports)}"
        imports = {module: others for module, others in imports.items() if module not in leaves}


def _defined(tree: ast.AST) -> Iterator[str]:
    """Names of functions, classes, variables and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def test_docstrings_refer_to_what_there_is() -> None:
    texts = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    defined = {name for text in texts.values() for name in _defined(ast.parse(text))}
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in texts}
    packages = {module.rpartition(".__init__")[0] for module in modules if module.endswith(".__init__")}
    wrong = []
    for path, text in texts.items():
        for role, name in re.findall(r":(mod|func|class|meth|attr|data):`~?([\w.]+)`", text):
            owner, _, last = name.rpartition(".")
            if role == "mod":
                is_there = name in modules | packages
            else:
                is_there = last in defined or owner in sys.stdlib_module_names
            if not is_there:
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert not wrong


def test_documents_refer_to_files_that_there_are() -> None:
    wrong = []
    for path in (*(ROOT / "docs").glob("*.md"), ROOT / "README.md"):
        text = path.read_text()
        for name in re.findall(r"`((?:[\w-]+/)+[\w.-]+\.(?:py|sh|md|txt|cs))`", text):
            if not any((place / name).exists() for place in (ROOT, PACKAGE)):
                wrong.append(f"{path.name}: {name}")
        for name in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text):
            if not (path.parent / name).exists():
                wrong.append(f"{path.name}: {name}")
    assert not wrong
