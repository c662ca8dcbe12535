"""The index of the cache: roots, images, which root needs which image, remembered contracts, counters.

The index holds nothing that cannot be made again; images become visible through it only after their files are complete
on disk. Every change happens inside :meth:`Index.transaction`, which takes SQLite's write lock at its beginning, so
that two processes never decide on the same rows at once.

>>> index = Index(":memory:")
>>> core = Image("9.0", "Core", "0" * 32, "Core, Version=1.0.0.0", "normal", "/a/Core.dll", "", "", "", "", 1, 2, 1)
>>> with index.transaction():
...     index.put_image(core, ())
...     root = index.put_root(RootKey("/a/Core.dll", "9.0", "normal"), "Core, Version=1.0.0.0", "{}")
...     index.set_edges(root, [(ImageKey("9.0", "Core", "0" * 32), "/a/Core.dll", "is the root")])
>>> [image.name for image in index.images_of_root(root)]
['Core']
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from nativegen.cache.location import INDEX_NAME, check_trust
from nativegen.cache.records import Dependency, Image, ImageKey, Root, RootKey, Totals
from nativegen.cache.schema import connect, translated

# By name, the normal scenario first: a listing must not depend on keys.
_DISPLAY_ORDER = "ORDER BY display_name, target, scenario != 'normal', scenario, key"
_IMAGE_COLUMNS = ", ".join(f"images.{column}" for column in Image._fields)
_ROOT_COLUMNS = "roots.id, roots.path, roots.target, roots.scenario, roots.config, roots.display_name, roots.options"

Row = tuple[object, ...]


class Index:
    """One open index. Not shared between threads.

    Args:
        path: of the file, or ``:memory:``.
        create: False: the file must exist.

    Raises:
        NativegenError: see :func:`nativegen.cache.schema.connect`; every method may raise the same.
    """

    def __init__(self, path: str, create: bool = True) -> None:
        self._path = path
        self._connection = connect(path, create)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _query(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[object, ...]]:
        try:
            return self._connection.execute(sql, arguments).fetchall()
        except sqlite3.DatabaseError as error:
            raise translated(error, self._path) from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside happen together or not at all; others wait."""
        self._query("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # The failing statement may have rolled back already (disk full).
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._query("COMMIT")

    # Roots.

    def roots(self) -> list[Root]:
        """Every root, in order of path, target and scenario."""
        return [
            _root(row)
            for row in self._query(f"SELECT {_ROOT_COLUMNS} FROM roots ORDER BY path, target, scenario, config")
        ]

    def root(self, key: RootKey) -> Root | None:
        rows = self._query(
            f"SELECT {_ROOT_COLUMNS} FROM roots WHERE path = ? AND target = ? AND scenario = ? AND config = ?", key
        )
        return _root(rows[0]) if rows else None

    def put_root(self, key: RootKey, display_name: str, options: str) -> int:
        """Add a root or replace its display name and options; returns its row number."""
        name = display_name.partition(",")[0]
        rows = self._query(
            "INSERT INTO roots (path, target, scenario, config, display_name, name, options) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET display_name = excluded.display_name, name = excluded.name, "
            "options = excluded.options "
            "RETURNING id",
            (*key, display_name, name, options),
        )
        (number,) = rows[0]
        assert isinstance(number, int)
        return number

    def set_edges(self, root: int, edges: Iterable[tuple[ImageKey, str, str]]) -> None:
        """Replace what a root needs. Each edge: the image, the IL file that it stands for, why the root needs it."""
        self._query("DELETE FROM edges WHERE root = ?", (root,))
        for image, path, reason in edges:
            self._query(
                "INSERT OR IGNORE INTO edges (root, image, path, reason) "
                "SELECT ?, id, ?, ? FROM images WHERE target = ? AND name = ? AND key = ?",
                (root, path, reason, *image),
            )

    def remove_root(self, root: int) -> None:
        """Remove a root and its edges; its images stay until :meth:`unreferenced_images` are removed."""
        self._query("DELETE FROM roots WHERE id = ?", (root,))

    # Images.

    def put_image(self, image: Image, dependencies: Iterable[Dependency]) -> None:
        """Add or replace the row of an image and of what it refers to."""
        columns = ", ".join(Image._fields)
        marks = ", ".join("?" * len(Image._fields))
        updates = ", ".join(f"{column} = excluded.{column}" for column in Image._fields)
        rows = self._query(
            f"INSERT INTO images ({columns}) VALUES ({marks}) ON CONFLICT DO UPDATE SET {updates} RETURNING id", image
        )
        (number,) = rows[0]
        self._query("DELETE FROM dependencies WHERE image = ?", (number,))
        for dependency in dependencies:
            self._query(
                "INSERT INTO dependencies (image, display_name, kind, path) VALUES (?, ?, ?, ?)", (number, *dependency)
            )

    def image(self, key: ImageKey) -> Image | None:
        rows = self._query(f"SELECT {_IMAGE_COLUMNS} FROM images WHERE target = ? AND name = ? AND key = ?", key)
        return _image(rows[0]) if rows else None

    def images(self) -> list[Image]:
        """Every image, in order of display name."""
        return [
            _image(row)
            for row in self._query(f"SELECT {_IMAGE_COLUMNS} FROM images {_DISPLAY_ORDER}")
        ]

    def images_of_root(self, root: int) -> list[Image]:
        rows = self._query(
            f"SELECT {_IMAGE_COLUMNS} FROM edges JOIN images ON images.id = edges.image WHERE edges.root = ? "
            "ORDER BY images.display_name",
            (root,),
        )
        return [_image(row) for row in rows]

    def edges_of_root(self, root: int) -> list[tuple[ImageKey, str, str]]:
        """What :meth:`set_edges` stored, in order of image name."""
        rows = self._query(
            "SELECT images.target, images.name, images.key, edges.path, edges.reason "
            "FROM edges JOIN images ON images.id = edges.image WHERE edges.root = ? ORDER BY images.name",
            (root,),
        )
        return [(ImageKey(str(t), str(n), str(k)), str(path), str(reason)) for t, n, k, path, reason in rows]

    def roots_of_image(self, key: ImageKey) -> list[Root]:
        rows = self._query(
            f"SELECT {_ROOT_COLUMNS} FROM images JOIN edges ON edges.image = images.id "
            "JOIN roots ON roots.id = edges.root "
            "WHERE images.target = ? AND images.name = ? AND images.key = ? ORDER BY roots.path, roots.scenario",
            key,
        )
        return [_root(row) for row in rows]

    def newest_image_of(self, source: str, target: str, scenario: str) -> Image | None:
        """The image made last from a file; what `why` compares with."""
        rows = self._query(
            f"SELECT {_IMAGE_COLUMNS} FROM images WHERE source = ? AND target = ? AND scenario = ? "
            "ORDER BY id DESC LIMIT 1",
            (source, target, scenario),
        )
        return _image(rows[0]) if rows else None

    def dependencies(self, key: ImageKey) -> list[Dependency]:
        rows = self._query(
            "SELECT dependencies.display_name, dependencies.kind, dependencies.path FROM images "
            "JOIN dependencies ON dependencies.image = images.id "
            "WHERE images.target = ? AND images.name = ? AND images.key = ? ORDER BY dependencies.display_name",
            key,
        )
        return [Dependency(str(name), str(kind), str(path)) for name, kind, path in rows]

    def unreferenced_images(self) -> list[Image]:
        """Images whose reference count is zero."""
        rows = self._query(
            f"SELECT {_IMAGE_COLUMNS} FROM images WHERE id NOT IN (SELECT image FROM edges) ORDER BY display_name"
        )
        return [_image(row) for row in rows]

    def remove_image(self, key: ImageKey) -> None:
        self._query("DELETE FROM images WHERE target = ? AND name = ? AND key = ?", key)

    # Remembered contracts.

    def contract(self, content: str) -> tuple[str, bytes | None] | None:
        """Contract signature of an assembly with this content, and its packed entries when they were kept."""
        rows = self._query("SELECT contract, entries FROM contracts WHERE content = ?", (content,))
        if not rows:
            return None
        signature, entries = rows[0]
        return str(signature), entries if isinstance(entries, bytes) else None

    def contract_entries(self, signature: str) -> bytes | None:
        """Packed entries of some assembly with this contract signature."""
        rows = self._query(
            "SELECT entries FROM contracts WHERE contract = ? AND entries IS NOT NULL LIMIT 1", (signature,)
        )
        return bytes(rows[0][0]) if rows and isinstance(rows[0][0], bytes) else None

    def put_contract(self, content: str, signature: str, entries: bytes | None) -> None:
        self._query(
            "INSERT INTO contracts (content, contract, entries) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (content, signature, entries),
        )

    # Queue and service; their rules are in nativegen.service.queue.

    def queued(self) -> list[tuple[int, int, str]]:
        """(row, priority, command) of everything queued, in the order of work."""
        rows = self._query("SELECT id, priority, command FROM queue ORDER BY priority, id")
        return [(_int(number), _int(priority), str(command)) for number, priority, command in rows]

    def put_queued(self, priority: int, command: str) -> None:
        self._query("INSERT INTO queue (priority, command) VALUES (?, ?)", (priority, command))

    def set_queued_priority(self, number: int, priority: int) -> None:
        self._query("UPDATE queue SET priority = ? WHERE id = ?", (priority, number))

    def requeue(self, number: int, priority: int) -> None:
        """Give a row a new number, behind all others."""
        self._query(
            "UPDATE queue SET id = (SELECT max(id) + 1 FROM queue), priority = ? WHERE id = ?", (priority, number)
        )

    def remove_queued(self, number: int) -> None:
        self._query("DELETE FROM queue WHERE id = ?", (number,))

    def service_value(self, name: str) -> str:
        """A remembered state of the service, '' when there is none."""
        rows = self._query("SELECT value FROM service WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else ""

    def set_service_value(self, name: str, value: str) -> None:
        self._query(
            "INSERT INTO service (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (name, value),
        )

    # Counters.

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a counter of :mod:`nativegen.cache.statistics`."""
        self._query(
            "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
            (name, amount),
        )

    def totals(self) -> Totals:
        """What ``cache stats`` shows."""
        (roots,) = self._query("SELECT count(*) FROM roots")[0]
        images, size, methods, native = self._query(
            "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(methods), 0), coalesce(sum(native), 0) FROM images"
        )[0]
        by_target = self._query("SELECT target, count(*) FROM images GROUP BY target ORDER BY target")
        counters = self._query("SELECT name, value FROM counters ORDER BY name")
        return Totals(
            _int(roots), _int(images), _int(size), _int(methods), _int(native),
            {str(target): _int(count) for target, count in by_target},
            {str(name): _int(value) for name, value in counters},
        )  # fmt: skip

    def check(self) -> None:
        """Let SQLite look at every page.

        Raises:
            NativegenError: NGEN4005, the file is damaged.
        """
        rows = self._query("PRAGMA quick_check(1)")
        if rows != [("ok",)]:
            raise translated(sqlite3.DatabaseError(str(rows[0][0])), self._path)


def open_for_reading(root: str) -> Index | None:
    """The index of a cache for commands that only look, or None when there is no cache yet.

    Args:
        root: the cache folder.

    Raises:
        NativegenError: the cache is not to be trusted or cannot be read.
    """
    path = os.path.join(root, INDEX_NAME)
    if not check_trust(root) or not os.path.exists(path):
        return None
    return Index(path, create=False)


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _image(row: Row) -> Image:
    # The schema declares the columns' types; `display` reads thousands of rows and has no time to convert them again.
    return Image._make(row)


def _root(row: Row) -> Root:
    number, path, target, scenario, config, display_name, options = row
    return Root(
        _int(number), RootKey(str(path), str(target), str(scenario), str(config)), str(display_name), str(options)
    )
