"""Images on disk: staging, atomic publication, removal.

``NativeImages_<target>/<Name>/<32 hex>/<Name>.ni.dll`` and ``<Name>.json`` beside it. An image is written into a folder
of its own under ``staging/`` together with its manifest; both are flushed, made read-only, and the *folder* is renamed
into place. So a reader sees either nothing or a complete image with its manifest, whenever a process gets killed. What
a killed process leaves in ``staging/`` is removed by the next one that writes.

Removal goes the other way round: first the rows of the index, in the transaction that also removes the root, then the
files. A process that is killed in between leaves files that no row names; they are adopted by an installation that
needs them, or removed by ``update`` and ``trim`` (:meth:`Cache.sweep`). So every command happens whole or not at all.

>>> image_folder("9.0", "Core", "00ff")
'NativeImages_9.0/Core/00ff'
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import json
import os
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import TracebackType

from nativegen.cache.index import Index
from nativegen.cache.location import INDEX_NAME, cache_root, create
from nativegen.cache.records import ImageKey
from nativegen.diagnostics import NativegenError
from nativegen.files import locked

STAGING = "staging"
PUBLISHING = "publish.lock"
UNITS = "methods"
MOVES = 20


def image_folder(target: str, name: str, key: str) -> str:
    """Folder of an image, relative to the cache."""
    return os.path.join(f"NativeImages_{target}", name, key)


class Cache:
    """An existing cache that may be written to.

    Args:
        root: its folder; made when it does not exist.

    Raises:
        NativegenError: NGEN4001 to NGEN4006 when it cannot be used.
    """

    def __init__(self, root: str) -> None:
        create(root)
        self.root = root
        self.index = Index(os.path.join(root, INDEX_NAME))

    @classmethod
    def default(cls, explicit: str | None = None) -> Cache:
        """The cache that ``--cache`` or the environment names."""
        return cls(cache_root(explicit=explicit))

    def __enter__(self) -> Cache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.index.close()

    def image_path(self, key: ImageKey) -> str:
        return os.path.join(self.root, image_folder(*key), f"{key.name}.ni.dll")

    @property
    def units(self) -> str:
        """Folder of compiled methods, shared by all images (:mod:`nativegen.pipeline.unit_store`)."""
        return os.path.join(self.root, UNITS)

    def manifest_path(self, key: ImageKey) -> str:
        return os.path.join(self.root, image_folder(*key), f"{key.name}.json")

    def has_files(self, key: ImageKey) -> bool:
        """Whether image and manifest are there; an index row alone proves nothing (somebody may have deleted files)."""
        return os.path.isfile(self.image_path(key)) and os.path.isfile(self.manifest_path(key))

    def read_manifest(self, key: ImageKey) -> dict[str, object]:
        """The ``.json`` beside an image.

        Raises:
            NativegenError: NGEN4008, missing or damaged.
        """
        return read_manifest(self.manifest_path(key))

    @contextlib.contextmanager
    def staging(self) -> Iterator[str]:
        """A private folder inside the cache; removed at the end with what was not published.

        Errors for lack of space while it is in use become NGEN4007.
        """
        with contextlib.ExitStack() as stack:
            with _disk_errors(self.root):
                folder = self._own_folder(stack)
            try:
                yield folder
            except OSError as error:
                raise _no_space(error, self.root) from error
            finally:
                _remove_tree(folder)

    def _own_folder(self, stack: contextlib.ExitStack) -> str:
        """A new staging folder. Its lock tells that its owner lives; process ids mean nothing between containers."""
        while True:
            folder = os.path.join(self.root, STAGING, f"{os.getpid()}-{secrets.token_hex(4)}")
            os.makedirs(folder, 0o700)
            with contextlib.suppress(FileNotFoundError):  # somebody cleaned up before it was locked
                stack.enter_context(locked(folder, shared=True))
                return folder

    @contextlib.contextmanager
    def publishing(self) -> Iterator[None]:
        """From planning to recording: what is published, or counted on, meanwhile is not swept away."""
        with _disk_errors(self.root), locked(os.path.join(self.root, PUBLISHING), shared=True, create=True):
            yield

    def publish(self, key: ImageKey, staged_image: str, manifest: Mapping[str, object]) -> None:
        """Make a staged image visible on disk under its key. The index row is the caller's next step.

        Args:
            staged_image: file inside a :meth:`staging` folder; it is alone in its own sub-folder.
        """
        folder = os.path.dirname(staged_image)
        final = os.path.join(self.root, image_folder(*key))
        with _disk_errors(self.root):
            image_path = os.path.join(folder, f"{key.name}.ni.dll")
            if staged_image != image_path:
                os.rename(staged_image, image_path)
            text = os.path.join(folder, f"{key.name}.json")
            with open(text, "w", encoding="utf-8") as file:
                json.dump(manifest, file, separators=(",", ":"), sort_keys=False)
                file.write("\n")
            for path in (os.path.join(folder, name) for name in os.listdir(folder)):
                _flush(path)
                os.chmod(path, 0o444)
            _flush(folder)
            self._move_in(key, folder, final)
            with contextlib.suppress(FileNotFoundError):  # published, and at once removed by another process
                _flush(os.path.dirname(final))

    def _move_in(self, key: ImageKey, folder: str, final: str) -> None:
        """Rename a complete staged folder to its final place, whatever other processes do there meanwhile."""
        for attempt in range(MOVES):
            os.makedirs(os.path.dirname(final), exist_ok=True)
            try:
                os.rename(folder, final)
                return
            except FileNotFoundError:
                # Another process removed the last other image of this name, and with it the folder of the name.
                if attempt == MOVES - 1 or not os.path.isdir(folder):
                    raise
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) or attempt == MOVES - 1:
                    raise
                # Another process published the same key, which is the same image; or files were lost or damaged; or
                # what the image recorded of others changed, perhaps without changing its code.
                with contextlib.suppress(FileNotFoundError):
                    if self.has_files(key) and _are_equal(folder, final, os.listdir(folder)):
                        _remove_tree(folder)
                        return
                _remove_tree(final)

    def discard(self, keys: Collection[ImageKey]) -> None:
        """Remove the files of images whose rows were removed by a transaction that is committed.

        Images that were installed again meanwhile stay: installers check their files in the transaction that adds the
        rows.
        """
        if not keys:
            return
        with self.index.transaction():
            for key in keys:
                if self.index.image(key) is None:
                    self._remove_files(key)

    def _remove_files(self, key: ImageKey) -> None:
        _remove_tree(os.path.join(self.root, image_folder(*key)))
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(self.root, f"NativeImages_{key.target}", key.name))

    def clean_staging(self) -> None:
        """Remove staging folders of processes that no longer exist."""
        staging = os.path.join(self.root, STAGING)
        for name in _names(staging):
            folder = os.path.join(staging, name)
            with contextlib.suppress(FileNotFoundError), locked(folder, wait=False) as is_abandoned:
                if is_abandoned:
                    _remove_tree(folder)

    def sweep(self) -> int:
        """Remove what no row of the index names; the number of image folders. Nothing while somebody publishes."""
        self.clean_staging()
        with locked(os.path.join(self.root, PUBLISHING), wait=False, create=True) as got:
            if not got:
                return 0
            found = list(self._image_folders())
            with self.index.transaction():
                known = {image.image_key for image in self.index.images()}
                unknown = [key for key in found if key not in known]
                for key in unknown:
                    self._remove_files(key)
            return len(unknown)

    def images_on_disk(self) -> Iterator[ImageKey]:
        """Every complete image found in the folders, whatever the index says; in order of path."""
        return (key for key in self._image_folders() if self.has_files(key))

    def _image_folders(self) -> Iterator[ImageKey]:
        """Complete and incomplete; other processes may remove them at any time."""
        for folder in _names(self.root):
            if folder.startswith("NativeImages_"):
                for name in _names(os.path.join(self.root, folder)):
                    for key in _names(os.path.join(self.root, folder, name)):
                        yield ImageKey(folder.removeprefix("NativeImages_"), name, key)


def _are_equal(folder: str, other: str, names: Sequence[str]) -> bool:
    """Whether the files of these names are the same in two folders."""
    return all(filecmp.cmp(os.path.join(folder, name), os.path.join(other, name), shallow=False) for name in names)


def _names(folder: str) -> list[str]:
    """What is in a folder, in order; nothing, when it is gone."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_manifest(path: str) -> dict[str, object]:
    """The ``.json`` of an image.

    Raises:
        NativegenError: NGEN4008, missing or damaged.
    """
    try:
        with open(path, encoding="utf-8") as file:
            loaded = json.load(file)
    except (OSError, ValueError) as error:
        raise NativegenError("NGEN4008", path, detail=str(error)) from error
    if not isinstance(loaded, dict) or not isinstance(loaded.get("manifest"), dict):
        raise NativegenError("NGEN4008", path, detail="not an image manifest")
    return loaded


@contextlib.contextmanager
def _disk_errors(root: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise NativegenError("NGEN4001", root, detail=error.strerror or str(error)) from error
        raise _no_space(error, root) from error


def _no_space(error: OSError, root: str) -> Exception:
    return NativegenError("NGEN4007", root) if error.errno in (errno.ENOSPC, errno.EDQUOT) else error


def _flush(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_tree(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)

