"""The shared cache on the command line: a toolchain that uses it when one is configured, and a line about it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nativegen.cli.output import Output
from nativegen.cli.switches import Parsed

if TYPE_CHECKING:
    from nativegen.operations.toolchain import Toolchain


@contextlib.contextmanager
def sharing(inner: Toolchain, parsed: Parsed, output: Output) -> Iterator[Toolchain]:
    """``inner``, behind the shared cache that switches or the environment name.

    A server that fails is one warning at the end; it never fails the command.

    Raises:
        NativegenError: NGEN4010 and NGEN4011, the settings cannot be used.
    """
    from nativegen.cache.remote_client import RemoteSettings

    settings = RemoteSettings.of(os.environ, parsed.value("remote-cache"), parsed.value("remote-cache-mode"))
    if settings is None:
        yield inner
        return
    from nativegen.diagnostics import NativegenError
    from nativegen.service.sharing import shared_toolchain

    toolchain = shared_toolchain(inner, settings)
    yield toolchain
    if toolchain.problem is not None and not output.silent:
        error = NativegenError("NGEN4012", settings.url, detail=toolchain.problem)
        output.warning(error)
    output.detail(toolchain.summary())
