"""The SQL schema of ``index.sqlite3`` and opening it safely.

The version is SQLite's ``user_version``. A newer one belongs to a newer nativegen and is refused, never touched; a file
that SQLite cannot read is reported with the way to rebuild it. WAL mode lets readers work while an installation writes.

>>> import tempfile, os
>>> folder = tempfile.mkdtemp()
>>> connection = connect(os.path.join(folder, "index.sqlite3"))
>>> connection.execute("PRAGMA user_version").fetchone()
(1,)
"""

from __future__ import annotations

import os
import sqlite3

VERSION = 1
BUSY_SECONDS = 60.0
_NEEDED_BYTES = 128 * 1024

_TABLES = """
CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL, target TEXT NOT NULL, scenario TEXT NOT NULL, config TEXT NOT NULL,
    display_name TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE,
    options TEXT NOT NULL,
    UNIQUE (path, target, scenario, config)
);
CREATE TABLE images (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, key TEXT NOT NULL,
    display_name TEXT NOT NULL, scenario TEXT NOT NULL, source TEXT NOT NULL, content TEXT NOT NULL, mvid TEXT NOT NULL,
    sha256 TEXT NOT NULL, checksum TEXT NOT NULL,
    size INTEGER NOT NULL, methods INTEGER NOT NULL, native INTEGER NOT NULL,
    UNIQUE (target, name, key)
);
CREATE INDEX images_by_source ON images (source, target, scenario);
-- Which images a root needs, and why: the reference counts are the number of rows per image.
CREATE TABLE edges (
    root INTEGER NOT NULL REFERENCES roots (id) ON DELETE CASCADE,
    image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    path TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (root, image)
) WITHOUT ROWID;
CREATE INDEX edges_by_image ON edges (image);
CREATE TABLE dependencies (
    image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    display_name TEXT NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL
);
CREATE INDEX dependencies_by_image ON dependencies (image);
-- Contract signatures are slow to compute and depend on nothing but the content: remembered, with the entries that let
-- `why` say what changed.
CREATE TABLE contracts (content TEXT PRIMARY KEY, contract TEXT NOT NULL, entries BLOB) WITHOUT ROWID;
CREATE TABLE queue (
    id INTEGER PRIMARY KEY, priority INTEGER NOT NULL, command TEXT NOT NULL, UNIQUE (priority, command)
);
CREATE TABLE service (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


def connect(path: str, create: bool = True) -> sqlite3.Connection:
    """Open the index, making it when it does not exist.

    Args:
        create: False: the file must exist (``sqlite3.OperationalError`` otherwise).

    Raises:
        NativegenError: NGEN4004 (newer schema), NGEN4005 (unreadable), NGEN4006 (locked), NGEN4007 (no space).
    """
    try:
        if not create and not os.path.exists(path):
            raise FileNotFoundError(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as error:
        raise translated(error, path) from error
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:  # still: no other process made it meanwhile
            for statement in _statements(_TABLES):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    elif version > VERSION:
        from nativegen.diagnostics import NativegenError

        raise NativegenError("NGEN4004", path, found=version, known=VERSION)


def _statements(script: str) -> list[str]:
    """Split a script without strings that contain semicolons; ``executescript`` would commit our transaction."""
    return [statement for statement in script.split(";\n") if statement.strip()]


def translated(error: sqlite3.DatabaseError, path: str) -> Exception:
    """What a user should read instead of SQLite's exception."""
    from nativegen.diagnostics import NativegenError

    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return NativegenError("NGEN4006", path)
    # Shared memory of the WAL that cannot grow is an input/output error to SQLite.
    if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and _is_full(os.path.dirname(path))):
        return NativegenError("NGEN4007", path)
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_IOERR")):
        return NativegenError("NGEN4001", path, detail=str(error))
    return NativegenError("NGEN4005", path, detail=str(error))


def _is_full(folder: str) -> bool:
    """Whether the file system has less room left than one transaction needs."""
    try:
        state = os.statvfs(folder)
    except (OSError, AttributeError):
        return False
    return state.f_bavail * state.f_frsize < _NEEDED_BYTES
