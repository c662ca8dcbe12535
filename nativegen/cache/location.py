"""Where the native image cache is, and whether it may be trusted.

Images from the cache run inside the user's processes, so a cache that somebody else could have written to is refused:
the folder must belong to the calling user and must not be writable by everybody. Nothing heavier than ``os`` is
imported here: light commands (``cache path``, ``display``) start with this module.

>>> cache_root({"NATIVEGEN_CACHE": "/var/cache/ng"})
'/var/cache/ng'
>>> cache_root({"HOME": "/home/me"}, platform="linux")
'/home/me/.cache/nativegen'
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping

INDEX_NAME = "index.sqlite3"
TAG_NAME = "CACHEDIR.TAG"
# https://bford.info/cachedir/: backup programs skip a folder whose tag file begins with this line.
_TAG_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file is a cache directory tag created by nativegen. Everything here can be made again.\n"
)


def cache_root(
    environment: Mapping[str, str] | None = None, explicit: str | None = None, platform: str = sys.platform
) -> str:
    """The cache folder: ``--cache DIR``, else ``$NATIVEGEN_CACHE``, else the platform's folder for user caches.

    Returns:
        An absolute path; the folder need not exist.
    """
    variables = os.environ if environment is None else environment
    if explicit:
        return os.path.abspath(explicit)
    configured = variables.get("NATIVEGEN_CACHE")
    if configured:
        return os.path.abspath(configured)
    home = variables.get("HOME") or os.path.expanduser("~")
    if platform == "win32":
        base = variables.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    else:
        base = variables.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.path.join(base, "nativegen")


def is_cache(folder: str) -> bool:
    """Whether a folder is a native image cache."""
    return os.path.isfile(os.path.join(folder, INDEX_NAME)) and os.path.isfile(os.path.join(folder, TAG_NAME))


def check_trust(root: str) -> bool:
    """Refuse a cache that others could have written to.

    Returns:
        Whether the folder exists.

    Raises:
        NativegenError: NGEN4001 (not a folder), NGEN4002 (owner), NGEN4003 (writable by everybody).
    """
    try:
        status = os.stat(root)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _refusal("NGEN4001", root, detail=error.strerror or str(error)) from error
    if not stat.S_ISDIR(status.st_mode):
        raise _refusal("NGEN4001", root, detail="not a folder")
    if hasattr(os, "geteuid"):
        if status.st_uid != os.geteuid():
            raise _refusal("NGEN4002", root, owner=status.st_uid)
        if status.st_mode & stat.S_IWOTH:
            raise _refusal("NGEN4003", root)
    return True


def create(root: str) -> None:
    """Make the cache folder (private to the user) with its tag file, or check the one that exists.

    Raises:
        NativegenError: as :func:`check_trust`, or NGEN4001 when it cannot be made.
    """
    if not check_trust(root):
        try:
            os.makedirs(os.path.dirname(root), exist_ok=True)
            os.mkdir(root, 0o700)
        except FileExistsError:
            check_trust(root)  # another process was faster
        except OSError as error:
            raise _refusal("NGEN4001", root, detail=error.strerror or str(error)) from error
    tag = os.path.join(root, TAG_NAME)
    if not os.path.exists(tag):
        try:
            with open(tag, "w", encoding="ascii") as file:
                file.write(_TAG_TEXT)
        except OSError as error:
            raise _refusal("NGEN4001", root, detail=error.strerror or str(error)) from error


def _refusal(code: str, root: str, **fields: object) -> Exception:
    # Imported here: the table of diagnostics costs more than everything else a light command does.
    from nativegen.diagnostics import NativegenError

    return NativegenError(code, root, **fields)
