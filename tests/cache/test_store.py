"""Images on disk: trust, atomic publication, killed processes, lack of space, rebuilding."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nativegen.cache.location import TAG_NAME, cache_root, check_trust
from nativegen.cache.manifests import file_checksum, image_manifest, row_of_manifest
from nativegen.cache.rebuild import rebuild
from nativegen.cache.records import NORMAL, Dependency, Image, ImageKey, RootKey
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError


def publish(cache: Cache, name: str, key: str, content: bytes = b"image") -> ImageKey:
    """Put an image into the cache as an installer does."""
    with cache.staging() as staging:
        folder = os.path.join(staging, name)
        os.mkdir(folder)
        staged = os.path.join(folder, f"{name}.ni.dll")
        Path(staged).write_bytes(content)
        row = Image("9.0", name, key, f"{name}, Version=1.0.0.0", NORMAL, f"/app/{name}.dll", "c", "m", "s",
                    file_checksum(staged), len(content), 2, 1)  # fmt: skip
        manifest = {"target": "9.0", "assembly": {"content": "c", "mvid": "m"}}
        dependencies = [Dependency("Core", "app", "/app/Core.dll")]
        document = image_manifest(row, manifest, {"opcode": 1}, [("M::N", 1, "opcode", "")], dependencies)
        cache.publish(ImageKey("9.0", name, key), staged, document)
    with cache.index.transaction():
        cache.index.put_image(row, dependencies)
    return ImageKey("9.0", name, key)


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("index.sqlite3")
    }


def test_a_new_cache_is_private_and_tagged(tmp_path: Path) -> None:
    root = tmp_path / "new" / "cache"
    Cache(str(root))
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert (root / TAG_NAME).read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_published_images_are_read_only_and_named_as_in_ngen(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "c"))
    key = publish(cache, "Core", "a" * 32)
    path = Path(cache.image_path(key))
    assert path.relative_to(cache.root) == Path("NativeImages_9.0/Core") / ("a" * 32) / "Core.ni.dll"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert list(cache.images_on_disk()) == [key]
    row, dependencies = row_of_manifest(cache.read_manifest(key), key)
    assert row == cache.index.image(key) and dependencies == cache.index.dependencies(key)
    assert os.listdir(tmp_path / "c" / "staging") == []


def test_publishing_the_same_key_twice_keeps_one_image(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "c"))
    publish(cache, "Core", "a" * 32)
    key = publish(cache, "Core", "a" * 32)
    assert list(cache.images_on_disk()) == [key]


def test_the_last_image_of_the_name_is_removed_while_another_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the name disappears between its making and the rename into it."""
    real = os.rename

    def rename(source: str, target: str) -> None:
        if os.path.basename(os.path.dirname(target)) == "App" and not raced:
            raced.append(target)
            os.rmdir(os.path.dirname(target))
        real(source, target)

    raced: list[str] = []
    with Cache(str(tmp_path / "cache")) as cache:
        monkeypatch.setattr(os, "rename", rename)
        key = publish(cache, "App", "a" * 32)
        assert raced and cache.has_files(key)


def test_lost_files_are_replaced(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "c"))
    key = publish(cache, "Core", "a" * 32)
    os.remove(cache.image_path(key))
    assert not cache.has_files(key)
    publish(cache, "Core", "a" * 32)
    assert cache.has_files(key)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_cache_of_another_user_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "c"
    root.mkdir()
    os.chown(root, 12345, -1)
    with pytest.raises(NativegenError) as caught:
        Cache(str(root))
    assert (caught.value.code, caught.value.exit_code) == ("NGEN4002", 4)
    assert os.listdir(root) == []


def test_a_cache_that_everybody_can_write_to_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "c"
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(NativegenError) as caught:
        Cache(str(root))
    assert (caught.value.code, caught.value.exit_code) == ("NGEN4003", 4)
    assert os.listdir(root) == []
    root.chmod(0o770)
    assert check_trust(str(root))


def test_a_file_in_the_place_of_the_cache_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(NativegenError, match="NGEN4001"):
        Cache(str(path))
    assert path.read_text() == "mine"


_KILLED = """
import os, sys
from nativegen.cache.store import Cache
from nativegen.cache import store
from tests.cache.test_store import publish
stop = sys.argv[2]
cache = Cache(sys.argv[1])
def kill(*_):
    os.kill(os.getpid(), 9)
if stop == "flush":
    store._flush = kill
elif stop == "rename":
    os.rename = kill
else:
    cache.index.transaction = kill
publish(cache, "Core", "a" * 32)
"""


@pytest.mark.parametrize("stop", ["flush", "rename", "index"])
def test_a_killed_installer_leaves_nothing_half_seen(tmp_path: Path, stop: str) -> None:
    root = tmp_path / "c"
    died = subprocess.run([sys.executable, "-c", _KILLED, str(root), stop], cwd=Path(__file__).parents[2], check=False)
    assert died.returncode == -signal.SIGKILL
    cache = Cache(str(root))
    assert cache.index.images() == []
    for key in cache.images_on_disk():
        row_of_manifest(cache.read_manifest(key), key)  # visible means complete
    cache.clean_staging()
    assert os.listdir(root / "staging") == []
    key = publish(cache, "Core", "a" * 32)
    assert cache.has_files(key)


def test_processes_that_make_the_cache_at_once_share_it(tmp_path: Path) -> None:
    root = tmp_path / "c"
    code = (
        "import sys; from nativegen.cache.store import Cache; cache = Cache(sys.argv[1])\n"
        "with cache.index.transaction(): cache.index.count('compiled')"
    )
    command = [sys.executable, "-c", code, str(root)]
    running = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(5)]
    assert [process.wait() for process in running] == [0] * 5
    assert Cache(str(root)).index.totals().counters == {"compiled": 5}


def test_staging_of_running_processes_is_kept(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "c"))
    with cache.staging() as mine:
        cache.clean_staging()
        assert os.path.isdir(mine)


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 256 KiB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)], check=False).returncode:
        pytest.skip("cannot mount a tmpfs here")
    return mount


def test_a_full_disk_leaves_the_cache_as_it_was(small_disk: Path) -> None:
    try:
        cache = Cache(str(small_disk / "c"))
        kept = publish(cache, "Core", "a" * 32)
        before = files_below(small_disk)
        with pytest.raises(NativegenError) as caught:
            publish(cache, "Big", "b" * 32, b"x" * 400_000)
        assert (caught.value.code, caught.value.exit_code) == ("NGEN4007", 4)
        assert files_below(small_disk) == before
        assert [image.name for image in cache.index.images()] == ["Core"] and cache.has_files(kept)
        cache.index.close()
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)


def test_a_damaged_index_is_rebuilt_from_the_manifests(tmp_path: Path) -> None:
    root = tmp_path / "c"
    with Cache(str(root)) as cache:
        good, bad = publish(cache, "Core", "a" * 32), publish(cache, "Bad", "b" * 32)
        rows = cache.index.images()
        os.chmod(cache.image_path(bad), 0o644)
        Path(cache.image_path(bad)).write_bytes(b"flipped")
    (root / "index.sqlite3").write_bytes(b"garbage " * 1000)
    result = rebuild(str(root))
    assert result.images == 1 and len(result.damaged) == 1 and os.path.exists(result.kept)
    with Cache(str(root)) as cache:
        assert cache.index.images() == [row for row in rows if row.name == "Core"]
        assert list(cache.images_on_disk()) == [good]


def test_rebuilding_a_sound_index_keeps_its_roots(tmp_path: Path) -> None:
    root = str(tmp_path / "c")
    with Cache(root) as cache:
        key = publish(cache, "Core", "a" * 32)
        with cache.index.transaction():
            number = cache.index.put_root(RootKey("/app/Core.dll", "9.0", NORMAL), "Core", "{}")
            cache.index.set_edges(number, [(key, "/app/Core.dll", "is the root")])
    assert rebuild(root).kept == ""
    with Cache(root) as cache:
        assert [image.name for image in cache.index.images_of_root(number)] == ["Core"]


def test_the_cache_is_where_the_environment_says() -> None:
    assert cache_root({"XDG_CACHE_HOME": "/x"}, platform="linux") == "/x/nativegen"
    assert cache_root({"HOME": "/h"}, platform="darwin") == "/h/Library/Caches/nativegen"
    assert cache_root({"LOCALAPPDATA": "/l"}, platform="win32") == "/l/nativegen"
    assert cache_root({"NATIVEGEN_CACHE": "/n", "HOME": "/h"}, explicit="/e") == "/e"
