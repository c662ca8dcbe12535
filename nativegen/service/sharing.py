"""The worker's toolchain: behind the shared cache that the environment names, as for the commands themselves.

The worker inherits the environment of the command that started it. Nobody watches it: what is wrong with the settings
or with the server becomes a line of the log, and the work is done without.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from nativegen.cache.store import UNITS
from nativegen.diagnostics import NativegenError
from nativegen.operations.toolchain import NativeToolchain, Toolchain
from nativegen.service.log import Log


@contextlib.contextmanager
def worker_toolchain(root: str, environment: Mapping[str, str]) -> Iterator[Toolchain]:
    """The compiler with the method store of the cache at ``root``, and the shared cache, if there is one."""
    from nativegen.cache.remote_client import RemoteClient, RemoteSettings

    inner = NativeToolchain(os.path.join(root, UNITS))
    try:
        settings = RemoteSettings.of(environment)
    except NativegenError as error:
        Log(root).write(str(error))
        settings = None
    if settings is None:
        yield inner
        return
    from nativegen.operations.shared import SharedToolchain
    from nativegen.verify.download import check_download

    toolchain = SharedToolchain(inner, RemoteClient(settings), check_download)
    try:
        yield toolchain
    finally:
        Log(root).write(toolchain.summary())
