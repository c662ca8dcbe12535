"""Files that appear whole or not at all (:mod:`nativegen.files`)."""

from __future__ import annotations

import pathlib

import pytest

from nativegen.files import replacing


@pytest.mark.parametrize("durable", [False, True])
def test_a_complete_file_replaces_the_old_one(tmp_path: pathlib.Path, durable: bool) -> None:
    path = tmp_path / "a.dll"
    path.write_text("old")
    with replacing(str(path), durable=durable) as temporary:
        pathlib.Path(temporary).write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_after_an_error_the_old_file_is_there_and_nothing_else(
    tmp_path: pathlib.Path, error: type[BaseException]
) -> None:
    path = tmp_path / "a.dll"
    path.write_text("old")
    with pytest.raises(error), replacing(str(path)) as temporary:
        pathlib.Path(temporary).write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_file_can_live_elsewhere(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    path = tmp_path / "a.dll"
    with replacing(str(path), folder=str(folder)) as temporary:
        assert pathlib.Path(temporary).parent == folder
        pathlib.Path(temporary).write_text("new")
    assert path.read_text() == "new"
    assert not list(folder.iterdir())
