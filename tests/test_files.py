"""Files that appear whole or not at all (:mod:`nativegen.files`)."""

from __future__ import annotations

import fcntl
import os
import pathlib

import pytest

from nativegen.files import locked, replacing


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


@pytest.mark.parametrize("made_anew", [True, False])
@pytest.mark.parametrize("wait", [True, False])
def test_a_lock_is_one_of_what_stands_at_the_path_now(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, wait: bool, made_anew: bool
) -> None:
    """Between opening and locking another process removes the file, and a third one makes a new one and locks it."""
    path = tmp_path / "view.lock"
    path.touch()
    others: list[int] = []
    flock = fcntl.flock

    def swap_and_flock(descriptor: int, kind: int) -> None:
        if not others:
            path.unlink()
            if made_anew:
                others.append(os.open(path, os.O_RDWR | os.O_CREAT))
                flock(others[0], fcntl.LOCK_SH)
        elif kind == fcntl.LOCK_EX:  # who waits gets it when the third process is done
            flock(others[0], fcntl.LOCK_UN)
        flock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", swap_and_flock)
    if not made_anew:
        with pytest.raises(FileNotFoundError), locked(str(path), wait=wait):
            pass
        return
    with locked(str(path), wait=wait) as got:
        assert got == wait
        if got:
            with pytest.raises(BlockingIOError):
                flock(others[0], fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(others[0])


def test_a_lock_that_somebody_else_holds(tmp_path: pathlib.Path) -> None:
    with (
        locked(str(tmp_path), shared=True) as first,
        locked(str(tmp_path), shared=True) as second,
        locked(str(tmp_path), wait=False) as third,
    ):
        assert (first, second, third) == (True, True, False)
    with locked(str(tmp_path), wait=False) as fourth:
        assert fourth
