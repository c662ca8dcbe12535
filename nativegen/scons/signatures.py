"""xxh3-128 content signatures for SCons file nodes, and the decider that uses nothing else.

What: :func:`decider` is given to ``env.Decider``. It sets ``node.get_ninfo().csig``, the public attribute that SCons
stores in its database, to ``xxh3:`` and the 32 hex digits of the file's xxh3-128, and compares it with the stored one.

Why here: SCons' own decision may take a file's time stamp for its content (``max_drift``) and hashes with MD5; images
are decided by content alone (DESIGN.md 4).

Invariant: a file is hashed once per run, and once more after it was built (SCons drops a node's information then).
"""

from __future__ import annotations

from typing import Any

import xxhash

PREFIX = "xxh3:"
MISSING = PREFIX + "missing"
_CHUNK = 1 << 20


def file_signature(path: str) -> str:
    """``xxh3:`` and the xxh3-128 of a file's bytes in hex; :data:`MISSING` when there is no such file.

    Raises:
        OSError: the file exists but cannot be read.
    """
    digest = xxhash.xxh3_128()
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except FileNotFoundError:
        return MISSING
    return PREFIX + digest.hexdigest()


def decider(dependency: Any, target: Any, previous: Any, repo_node: Any = None) -> bool:
    """Whether the file ``dependency`` changed since ``target`` was built, by content alone (SCons' decider protocol).

    Args:
        dependency: the file node asked about.
        target: the node that would be rebuilt.
        previous: the information stored about the dependency when the target was last built, or None.
        repo_node: the target as found in a repository; plays no role here.
    """
    info = dependency.get_ninfo()
    if not getattr(info, "csig", "").startswith(PREFIX):
        info.csig = file_signature(dependency.rfile().get_abspath())
    return bool(getattr(previous, "csig", None) != info.csig)
