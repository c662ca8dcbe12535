"""A CacheDir class for SCons: path-independent, checksummed, with a log.

What: ``env.NativeCacheDir('/srv/build-cache')``, or ``env.CacheDir(path, NativeCacheDir)``. SCons' options of caches
work: ``--cache-disable``, ``--cache-force``, ``--cache-readonly``, ``--cache-show``, ``--cache-debug``, and ``-n``
writes nothing.

Why here: SCons mixes a target's path into its key, so two checkouts share nothing, and takes whatever lies under a key
for the target. Here a key is made from the names and content signatures of what a target is built from and of the
action that builds it; entries are :mod:`nativegen.cache.entries`.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import SCons.Action
import SCons.CacheDir
import SCons.Node.FS
import SCons.Warnings
import xxhash

from nativegen.cache.entries import Entries
from nativegen.files import replacing
from nativegen.scons.signatures import signature_of


class NativeCacheDir(SCons.CacheDir.CacheDir):  # type: ignore[misc]
    """See the module docstring; made by SCons."""

    def __init__(self, path: Any) -> None:
        super().__init__(None if path is None else str(path))
        self._count = threading.Lock()

    def key(self, node: Any) -> str:
        """32 hex digits; the same wherever the build's folder is."""
        digest = xxhash.xxh3_128(f"{node.name}\n{node.get_contents_sig()}\n".encode())
        for child in node.children():
            is_file = isinstance(child, SCons.Node.FS.File)
            name = child.name if is_file else type(child).__name__
            digest.update(f"{name} {signature_of(child) if is_file else child.get_csig()}\n".encode())
        return digest.hexdigest()

    def cachepath(self, node: Any) -> tuple[str | None, str | None]:
        """SCons' protocol: folder and file of an entry."""
        if not self.is_enabled():
            return None, None
        path = self._entries().path(self.key(node))
        return os.path.dirname(path), path

    def retrieve(self, node: Any) -> bool:
        """SCons' protocol: make the target from its entry. Called from several threads."""
        if not self.is_enabled():
            return False
        key = self.key(node)
        entry = self._entries().get(key, node.name)
        with self._count:
            self.requests += 1
            self.hits += entry is not None
        path = self._entries().path(key)
        self.CacheDebug(
            f"CacheRetrieve(%s):  {'not in cache' if entry is None else 'retrieving from'} %s\n", node, path
        )
        if entry is None:
            return False
        if SCons.CacheDir.cache_show:
            node.build(presub=0, execute=0)
        elif SCons.Action.print_actions:
            sys.stdout.write(f"Retrieved `{node.get_internal_path()}' from cache\n")
        if SCons.Action.execute_actions:
            target = node.get_abspath()
            with replacing(target) as temporary:
                with open(temporary, "wb") as stream:
                    stream.write(entry.data)
                os.chmod(temporary, entry.mode | 0o200)
        return True

    def push(self, node: Any) -> None:
        """SCons' protocol: remember a target that was built."""
        if not self.is_enabled() or self.is_readonly() or node.nocache or not SCons.Action.execute_actions:
            return
        path, key = node.get_abspath(), self.key(node)
        if not os.path.isfile(path) or os.path.islink(path):
            return
        self.CacheDebug("CachePush(%s):  pushing to %s\n", node, self._entries().path(key))
        try:
            with open(path, "rb") as stream:
                self._entries().put(key, stream.read(), os.stat(path).st_mode & 0o777, node.name)
        except OSError as error:
            # Not being able to write to the cache does not affect the build.
            message = f"cannot put {node} into the cache {self.path}: {error.strerror or error}"
            SCons.Warnings.warn(SCons.Warnings.CacheWriteErrorWarning, message)

    def _entries(self) -> Entries:
        return Entries(self.path, read_only=self.is_readonly() or not SCons.Action.execute_actions)
