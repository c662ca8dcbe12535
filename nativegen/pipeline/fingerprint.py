"""The compiler's identity: part of every key manifest, so that a changed compiler makes every image stale.

It covers the bytes of each of our modules that can influence an image, and the versions of llvmlite and of its LLVM.
The command line, the cache and the build plug-ins are left out: they cannot.
"""

from __future__ import annotations

import os
from functools import cache

import xxhash

#: Packages whose code shapes the bytes of an image.
SHAPING_PACKAGES = ("metadata", "typesystem", "compiler", "backend", "readytorun", "pipeline")


@cache
def compiler_fingerprint() -> str:
    """32 hex digits; equal for equal source and equal LLVM, wherever the package is installed."""
    import llvmlite

    import nativegen

    root = os.path.dirname(os.path.abspath(nativegen.__file__))
    digest = xxhash.xxh3_128()
    for package in SHAPING_PACKAGES:
        for folder, folders, files in os.walk(os.path.join(root, package)):
            folders.sort()
            for name in sorted(files):
                if name.endswith(".py"):
                    path = os.path.join(folder, name)
                    digest.update(os.path.relpath(path, root).encode())
                    with open(path, "rb") as stream:
                        digest.update(xxhash.xxh3_128_digest(stream.read()))
    digest.update(f"llvmlite {llvmlite.__version__}".encode())
    return digest.hexdigest()
