"""Toolchains behind a shared cache; the worker's is behind the one that the environment names, as the commands' are.

The worker inherits the environment of the command that started it. Nobody watches it: what is wrong with the settings
or with the server becomes a line of the log, and the work is done without.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from nativegen.cache.store import UNITS
from nativegen.diagnostics import NativegenError
from nativegen.operations.toolchain import NativeToolchain, Toolchain
from nativegen.service.log import Log

if TYPE_CHECKING:
    from nativegen.cache.remote_client import RemoteSettings
    from nativegen.operations.shared import SharedToolchain


def shared_toolchain(inner: Toolchain, settings: RemoteSettings) -> SharedToolchain:
    """``inner``, behind a shared cache whose images are verified as downloads are."""
    from nativegen.cache.remote_client import RemoteClient
    from nativegen.operations.shared import SharedToolchain
    from nativegen.verify.download import check_download

    return SharedToolchain(inner, RemoteClient(settings), check_download)


@contextlib.contextmanager
def worker_toolchain(root: str, environment: Mapping[str, str]) -> Iterator[Toolchain]:
    """The compiler with the method store of the cache at ``root``, and the shared cache, if there is one."""
    from nativegen.cache.remote_client import RemoteSettings

    inner = NativeToolchain(os.path.join(root, UNITS))
    try:
        settings = RemoteSettings.of(environment)
    except NativegenError as error:
        Log(root).write(str(error))
        settings = None
    if settings is None:
        yield inner
        return
    toolchain = shared_toolchain(inner, settings)
    try:
        yield toolchain
    finally:
        Log(root).write(toolchain.summary())
