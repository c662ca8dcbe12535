"""Compile with a shared cache: ask it before compiling, store there afterwards.

So ``install``, ``update``, ``compile`` and the SCons builders all share in the same way. What is shared are whole
images. Their key covers everything by content (:mod:`nativegen.operations.shared_key`), so a hit is exactly what
compiling would give. Units of single methods stay on the machine that compiled them.

Invariants: nothing that a server sends is used before its digest, the key manifest inside it, the signature (when
there is a secret) and the structure of the image have been checked; whatever does not pass is a miss. A server's
failure never fails a build.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields, replace
from typing import Any

from nativegen.cache.index import Index
from nativegen.cache.remote_client import RemoteClient
from nativegen.cache.remote_entry import MAX_BYTES, Entry, Output
from nativegen.compiler.exclusions import Reason
from nativegen.diagnostics import NativegenError
from nativegen.files import replacing
from nativegen.operations.closure import Closure
from nativegen.operations.perfmap import write_perf_map
from nativegen.operations.request import InstallRequest
from nativegen.operations.shared_key import SharedKeys, shared_key
from nativegen.operations.toolchain import CompileFailure, Progress, Toolchain
from nativegen.pipeline.request import CompileReport, CompileRequest, ExcludedMethod, GenericInstance
from nativegen.plan.decide import Contracts
from nativegen.readytorun.unit import ForeignUse

SCHEMA = 1
IMAGE, DESCRIPTION = "image", "description.json"
_MAX_DESCRIPTION = 64 << 20
_MAX_IMAGE = 1 << 30
_DOWNLOADS = 8

CheckImage = Callable[[CompileRequest], str | None]
"""Looks at the image at a request's output; why it must not be used, or None."""


class _Refused(Exception):
    """What a server sent is not used."""


class SharedToolchain:
    """See the module's text.

    Args:
        inner: compiles. client: of the server. check: of downloaded images.

    Attributes:
        downloaded, missed, refused, stored: how many images.
    """

    def __init__(self, inner: Toolchain, client: RemoteClient, check: CheckImage) -> None:
        self._inner = inner
        self._client = client
        self._check = check
        self.downloaded = self.missed = self.refused = self.stored = 0

    def fingerprint(self) -> str:
        return self._inner.fingerprint()

    def bind(self, request: InstallRequest) -> Closure:
        return self._inner.bind(request)

    def contracts(self, index: Index) -> Contracts:
        return self._inner.contracts(index)

    def code(self, request: CompileRequest) -> str:
        return self._inner.code(request)

    def compile(
        self, requests: Sequence[CompileRequest], jobs: int, progress: Progress
    ) -> Iterator[CompileReport | CompileFailure]:
        """As :meth:`Toolchain.compile`; images from the server come first."""
        keys = SharedKeys(self.fingerprint())
        manifests: dict[str, bytes] = {}
        for request in requests:
            with contextlib.suppress(NativegenError):  # the compiler will say what is wrong with it
                manifests[request.output] = keys.manifest(request)
        missing: list[CompileRequest] = []
        with ThreadPoolExecutor(_DOWNLOADS) as pool:
            downloads = [pool.submit(self._download, manifests.get(request.output)) for request in requests]
            for request, download in zip(requests, downloads, strict=True):
                try:
                    files = download.result()
                    report = None if files is None else self._accept(request, manifests[request.output], *files)
                except _Refused:
                    self.refused += 1
                    report = None
                if report is None:
                    # What is stored under a key must be made from what the key was.
                    missing.append(replace(request, contents={**keys.contents, **request.contents}))
                else:
                    self.downloaded += 1
                    yield report
        for outcome in self._inner.compile(missing, jobs, progress) if missing else ():
            if isinstance(outcome, CompileReport):
                self._store(outcome, manifests.get(outcome.output))
            yield outcome

    def summary(self) -> str:
        """One line for the user."""
        counts = f"{self.downloaded} images downloaded, {self.missed} not there, {self.refused} refused"
        problem = f"; first problem: {self._client.problem}" if self._client.problem else ""
        return f"shared cache {self._client.settings.url}: {counts}, {self.stored} stored{problem}"

    @property
    def problem(self) -> str | None:
        """What went wrong first, or None."""
        return self._client.problem

    def _download(self, manifest: bytes | None) -> tuple[bytes, bytes] | None:
        """(image, description) whose digests and signature are right; None: not there.

        Raises:
            _Refused: something is there that must not be used.
        """
        if manifest is None:
            return None
        key = shared_key(manifest)
        value = self._client.get("ac", key, MAX_BYTES)
        if value is None:
            self.missed += 1
            return None
        try:
            entry = Entry.decode(value)
        except ValueError as error:
            raise _Refused from error
        secret = self._client.settings.secret
        if secret is not None and not entry.is_signed_for(key, secret):
            raise _Refused
        description, image = entry.output(DESCRIPTION), entry.output(IMAGE)
        if description is None or image is None or description.size > _MAX_DESCRIPTION or image.size > _MAX_IMAGE:
            raise _Refused
        blobs = []
        for output in (description, image):
            data = self._client.get("cas", output.digest, output.size)
            if data is None or not output.matches(data):
                raise _Refused
            blobs.append(data)
        return blobs[1], blobs[0]

    def _accept(
        self, request: CompileRequest, manifest: bytes, image: bytes, description: bytes
    ) -> CompileReport:
        """The report of a downloaded image, which is at the request's output then.

        Raises:
            _Refused: it must not be used.
        """
        try:
            document = json.loads(description)
            if document["schema"] != SCHEMA or document["manifest"].encode() != manifest:
                raise _Refused
            report = _report(request, document["report"], len(image))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _Refused from error
        with replacing(request.output) as temporary, open(temporary, "wb") as stream:
            stream.write(image)
        wrong = self._check(request)
        if wrong is not None:
            os.unlink(request.output)
            raise _Refused
        if request.options.profile:
            write_perf_map(request.output)
        return report

    def _store(self, report: CompileReport, manifest: bytes | None) -> None:
        if manifest is None or not self._client.settings.writes or report.kind != "image":
            return
        if any(excluded.code == Reason.INTERNAL.code for excluded in report.exclusions):
            return  # says more about this run than about the assembly
        with open(report.output, "rb") as stream:
            image = stream.read()
        document = {"schema": SCHEMA, "manifest": manifest.decode(), "report": shared_fields(report)}
        description = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        key = shared_key(manifest)
        outputs = Output.of(IMAGE, image), Output.of(DESCRIPTION, description)
        value = Entry(outputs).encode(key, self._client.settings.secret)
        # The blobs first: an entry must never be seen before what it names.
        blobs = zip(outputs, (image, description), strict=True)
        if all(self._client.put("cas", output.digest, data) for output, data in blobs):
            self.stored += self._client.put("ac", key, value)


_LOCAL_FIELDS = frozenset(
    {
        "input",
        "output",
        "content_signature",
        "image_size",
        "input_size",
        "seconds",
        "units_reused",
        "units_compiled",
        "downloaded",
    }
)


def shared_fields(report: CompileReport) -> dict[str, Any]:
    """What of a report is true on every machine."""
    values = asdict(report)
    return {name: value for name, value in values.items() if name not in _LOCAL_FIELDS}


def _report(request: CompileRequest, shared: dict[str, Any], size: int) -> CompileReport:
    """What compiling would have reported.

    Raises:
        ValueError, KeyError, TypeError: the description is not one.
    """
    from nativegen.metadata import Assembly

    assembly = Assembly.open(request.input)
    known = {field.name for field in fields(CompileReport)}
    if not shared.keys() <= known or shared["kind"] != "image" or shared["name"] != assembly.name:
        raise ValueError("not a report")
    excluded = {str(code): int(count) for code, count in shared["excluded"].items()}
    report = CompileReport(
        input=request.input,
        output=request.output,
        name=assembly.name,
        content_signature=assembly.content_signature,
        kind="image",
        methods=int(shared["methods"]),
        native=int(shared["native"]),
        excluded=excluded,
        exclusions=tuple(ExcludedMethod(**one) for one in shared["exclusions"]),
        image_size=size,
        input_size=len(assembly.data),
        seconds={},
        downloaded=True,
    )
    return replace(
        report,
        instances=tuple(GenericInstance(**one) for one in shared["instances"]),
        foreign=tuple(ForeignUse(*map(str, one)) for one in shared["foreign"]),
        code=str(shared["code"]),
    )
