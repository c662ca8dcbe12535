"""xxh3-128 content signatures for SCons file nodes, and the decider that uses nothing else.

What: :func:`decider` is given to ``env.Decider``. It sets ``node.get_ninfo().csig``, the public attribute that SCons
stores in its database, to ``xxh3:`` and the 32 hex digits of the file's xxh3-128, and compares it with the stored one.

Why here: SCons' own decision may take a file's time stamp for its content (``max_drift``) and hashes with MD5; images
are decided by content alone (DESIGN.md 4). Reading everything again is affordable: 80 MB take 30 ms.

Invariant: a file is hashed once per run, and once more after it was built (SCons drops a node's information then).
Sizes and times of files are never looked at.
"""

from __future__ import annotations

import mmap
import os
from typing import Any

import xxhash

PREFIX = "xxh3:"
MISSING = PREFIX + "missing"
_SMALL = 1 << 16  # below, reading costs less than mapping


def file_signature(path: str) -> str:
    """``xxh3:`` and the xxh3-128 of a file's bytes in hex; :data:`MISSING` when there is no such file.

    Raises:
        OSError: the file exists but cannot be read.
    """
    try:
        with open(path, "rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size < _SMALL:
                return PREFIX + xxhash.xxh3_128_hexdigest(stream.read())
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return PREFIX + xxhash.xxh3_128_hexdigest(data)
    except FileNotFoundError:
        return MISSING


def real_path(node: Any) -> str:
    """Where the node's file is: in its own folder, a repository, or (variant directories) the source folder."""
    path = str(node.rfile().get_abspath())
    if not node.has_builder() and not os.path.exists(path):
        source = node.srcnode()
        if source is not node:
            return str(source.rfile().get_abspath())
    return path


def signature_of(node: Any) -> str:
    """The content signature of a file node, kept in its information.

    What is there already is not trusted: SCons fills it from its database when size and time of a file are those of an
    earlier run (``max_drift``). So this module remembers which information it has filled; SCons makes a new one when it
    has built the file.
    """
    info = node.get_ninfo()
    filled, known = getattr(node.attributes, "nativegen_signature", (None, ""))
    if filled is not info:
        known = file_signature(real_path(node))
        node.attributes.nativegen_signature = (info, known)
    info.csig = known
    return str(known)


def forget(node: Any) -> None:
    """The file may be made later in this run, without SCons saying so."""
    node.attributes.nativegen_signature = (None, "")
    node.get_ninfo().csig = ""


def decider(dependency: Any, target: Any, previous: Any, repo_node: Any = None) -> bool:
    """Whether the file ``dependency`` changed since ``target`` was built, by content alone (SCons' decider protocol).

    Args:
        dependency: the file node asked about.
        target: the node that would be rebuilt.
        previous: the information stored about the dependency when the target was last built, or None.
        repo_node: the target as found in a repository; plays no role here.
    """
    return bool(getattr(previous, "csig", None) != signature_of(dependency))
