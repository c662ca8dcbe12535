"""Views of an application that many processes make, use and remove at once."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from nativegen.operations.substitution import Substitution
from nativegen.operations.view import make_view, remove_all_views, remove_views

PROCESSES, ROUNDS = 5, 100


def _use(root: str, app: Path, images: list[Path], choose: random.Random) -> None:
    for _ in range(ROUNDS):
        if choose.random() < 0.3:
            choose.choice([lambda: remove_views(root, str(app)), lambda: remove_all_views(root)])()
            continue
        image = choose.choice(images)
        view = make_view(root, Substitution(str(app), None, {str(app): str(image)}, (), {}))
        for _ in range(3):  # as long as the lock is held, everything stays
            assert Path(view.app).read_bytes() == image.read_bytes()
            assert Path(view.folder, "data.txt").read_text() == "data"
        os.close(view.lock)


def test_a_view_in_use_is_never_removed(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    app = folder / "App.dll"
    app.write_text("IL")
    (folder / "data.txt").write_text("data")
    images = [tmp_path / f"{number}.ni.dll" for number in range(3)]
    for image in images:
        image.write_text(image.name)
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            try:
                _use(str(tmp_path / "cache"), app, images, random.Random(number))
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * PROCESSES
    remove_all_views(str(tmp_path / "cache"))
    assert not os.listdir(tmp_path / "cache" / "views")
