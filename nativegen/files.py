"""Files that appear at their path whole or not at all.

Images, contracts, records and compiled methods are read by other processes at any time, and any process may be killed
at any time. So each file is written under a temporary name in the same file system and renamed, which POSIX makes
atomic.

>>> with replacing("out/App.ni.dll", durable=True) as temporary:
...     pathlib.Path(temporary).write_bytes(image)
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from nativegen.diagnostics import NativegenError


@contextlib.contextmanager
def replacing(path: str, *, durable: bool = False, folder: str | None = None) -> Iterator[str]:
    """The name of a temporary file to write; at the end of the block it replaces ``path``, after an error it is gone.

    Args:
        durable: wait until the bytes are on the disk before they get their name, so that a crash of the machine leaves
            the old file or the new one.
        folder: where the temporary file lives; default: beside ``path``. It must be on the same file system.

    Raises:
        OSError: whatever the block, the flush or the rename raises; nothing is left behind.
    """
    # Not the process id alone: two containers that share a folder have processes of the same number.
    unique = f"{os.getpid()}-{os.urandom(4).hex()}.tmp"
    temporary = f"{path}.{unique}" if folder is None else os.path.join(folder, unique)
    try:
        yield temporary
        if durable:
            with open(temporary, "rb") as stream:
                os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_atomically(path: str, data: bytes) -> None:
    """Write a file that a user asked for, durably.

    Raises:
        NativegenError: NGEN3001, the directory is missing, read-only or full; nothing is left behind.
    """
    try:
        with replacing(path, durable=True) as temporary, open(temporary, "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise NativegenError("NGEN3001", path, detail=error.strerror or str(error)) from error


@contextlib.contextmanager
def locked(path: str, *, shared: bool = False, wait: bool = True, create: bool = False) -> Iterator[bool]:
    """Hold the lock of a file or folder, which the kernel frees when the process dies; yields whether it was got.

    Args:
        path: of a folder or file. create: make the file when it does not exist.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = lock(path, shared=shared, wait=wait, create=create)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def lock(path: str, *, shared: bool = False, wait: bool = True, create: bool = False) -> int | None:
    """An open file descriptor that holds the lock of :func:`locked` until it is closed; None: somebody else has it.

    The lock is one of what stands at ``path`` *now*: a lock belongs to a file, not to its name, and between opening and
    locking another process may remove the file and a third one make and lock a new one.

    Raises:
        OSError: it cannot be opened; FileNotFoundError also when it was removed meanwhile and is not to be made.
    """
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    while True:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        keep = False
        try:
            fcntl.flock(descriptor, kind)
            with contextlib.suppress(FileNotFoundError):  # the next round says so, or makes it
                keep = os.path.samestat(os.fstat(descriptor), os.stat(path))
            if keep:
                return descriptor
        except BlockingIOError:
            return None
        finally:
            if not keep:
                os.close(descriptor)
