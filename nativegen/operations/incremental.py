"""``compile --incremental``: for build systems that cannot compare contents, like MSBuild with its time stamps.

Beside each image lies ``<image>.key``: the key of everything that its bytes depend on (:func:`shared_key`) and the
image's checksum. An image is current when both are as they were; it is not touched then, so that tools which go by
time stamps have nothing to do. Assemblies without code have the file alone.

Invariant: while an image is being made there is no key, so a build that is interrupted starts it again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence

from nativegen.cache.manifests import file_checksum
from nativegen.diagnostics import NativegenError
from nativegen.files import replacing
from nativegen.operations.shared_key import SharedKeys, shared_key
from nativegen.operations.toolchain import CompileFailure, Progress, Toolchain
from nativegen.pipeline.request import CompileReport, CompileRequest

SUFFIX = ".key"
SCHEMA = 1


class Incremental:
    """One run. ``current``: the requests whose images are as they should be."""

    def __init__(self, toolchain: Toolchain, requests: Sequence[CompileRequest]) -> None:
        self._toolchain = toolchain
        self._keys: dict[str, str] = {}
        self.current: list[CompileRequest] = []
        self.stale: list[CompileRequest] = []
        keys = SharedKeys(toolchain.fingerprint())
        for request in requests:
            try:
                key = self._keys[request.output] = shared_key(keys.manifest(request))
                is_current = _is_current(request.output, key)
            except NativegenError:
                is_current = False  # the compiler will say what is wrong
            (self.current if is_current else self.stale).append(request)

    def compile(self, jobs: int, progress: Progress) -> Iterator[CompileReport | CompileFailure]:
        """Make what is stale; one outcome for each.

        Raises:
            NativegenError: NGEN7004, a key cannot be written.
        """
        for request in self.stale:
            _remove(request.output + SUFFIX)
        for outcome in self._toolchain.compile(self.stale, jobs, progress):
            if isinstance(outcome, CompileReport):
                self._record(outcome)
            else:
                _remove(outcome.request.output)  # that of an earlier input
            yield outcome

    def _record(self, report: CompileReport) -> None:
        if report.kind == "image":
            checksum = file_checksum(report.output)
        else:
            checksum = ""
            _remove(report.output)  # it had code once
        path = report.output + SUFFIX
        try:
            with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as stream:
                json.dump({"schema": SCHEMA, "key": self._keys[report.output], "checksum": checksum}, stream)
        except OSError as error:
            raise NativegenError("NGEN7004", path, detail=error.strerror or str(error)) from error


def forget(output: str) -> None:
    """Remove an image that an earlier run made here, because its input is none any more."""
    if os.path.exists(output + SUFFIX):
        _remove(output)
        _remove(output + SUFFIX)


def _is_current(output: str, key: str) -> bool:
    try:
        with open(output + SUFFIX, encoding="utf-8") as stream:
            known = json.load(stream)
        if known["schema"] != SCHEMA or known["key"] != key:
            return False
        return bool(known["checksum"] == file_checksum(output)) if known["checksum"] else not os.path.exists(output)
    except (OSError, ValueError, KeyError, TypeError, NativegenError):
        return False


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
