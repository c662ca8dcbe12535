"""HTTP access to a shared cache in Bazel's layout: ``GET`` and ``PUT`` of ``/ac/<sha256>`` and ``/cas/<sha256>``.

Any server for that layout will do (bazel-remote, nginx with DAV, an artifact store). What it answers is never trusted
here: the caller gets bytes or nothing; every byte is counted and hashed by whoever asked.

Invariants: a server that is away, slow, or answers nonsense costs a bounded time. After :data:`FAILURES_ALLOWED`
failures of the transport in one run it is not asked again. Redirects are not followed, so the token goes to the
configured server only. Nothing here raises for what a server does; :attr:`RemoteClient.problem` says in words what
went wrong first.

>>> client = RemoteClient(RemoteSettings("http://cache.example:8080"))        # doctest: +SKIP
>>> client.get("cas", digest, max_bytes=1000)                                 # doctest: +SKIP
b'...'
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from nativegen.diagnostics import NativegenError

Kind = Literal["ac", "cas"]

URL = "NATIVEGEN_REMOTE_CACHE"
MODE = "NATIVEGEN_REMOTE_CACHE_MODE"
TOKEN = "NATIVEGEN_REMOTE_CACHE_TOKEN"
TIMEOUT = "NATIVEGEN_REMOTE_CACHE_TIMEOUT"
SECRET = "NATIVEGEN_CACHE_SECRET"
MODES = ("read-only", "read-write")

#: Failures of the transport after which a run goes on without the server.
FAILURES_ALLOWED = 3
_CONNECT_SECONDS = 3.0
_READ_SECONDS = 10.0
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """Which shared cache, and how.

    Args:
        url: of the folder that has ``ac/`` and ``cas/``.
        writes: new entries are stored there. token: for ``Authorization: Bearer``.
        seconds: greatest time for one transfer as a whole.
        secret: key of the entries' HMAC; None: entries are not authenticated.
    """

    url: str
    writes: bool = False
    token: str | None = None
    seconds: float = 60.0
    secret: bytes | None = None

    @classmethod
    def of(
        cls, environment: Mapping[str, str], url: str | None = None, mode: str | None = None
    ) -> RemoteSettings | None:
        """The settings of the environment's variables; ``url`` and ``mode`` stand before them. None: no shared cache.

        Raises:
            NativegenError: NGEN4010, they cannot be used.
        """
        url = url or environment.get(URL)
        if not url:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NativegenError("NGEN4010", url, detail="not an http or https address")
        if parts.username or parts.password:
            raise NativegenError("NGEN4010", parts.hostname, detail=f"no passwords in addresses; {TOKEN} is for that")
        mode = mode or environment.get(MODE) or MODES[0]
        if mode not in MODES:
            raise NativegenError("NGEN4010", url, detail=f"{MODE} is one of {', '.join(MODES)}, not {mode!r}")
        try:
            seconds = float(environment.get(TIMEOUT) or 60.0)
        except ValueError:
            seconds = 0.0
        if not seconds > 0:
            raise NativegenError("NGEN4010", url, detail=f"{TIMEOUT} is not a number of seconds")
        secret = environment.get(SECRET)
        token = environment.get(TOKEN) or None
        return cls(url.rstrip("/"), mode == MODES[1], token, seconds, secret.encode() if secret else None)


class RemoteClient:
    """One run's connection to a server; threads may share it.

    Raises:
        NativegenError: NGEN4011, the HTTP library is not installed.
    """

    def __init__(self, settings: RemoteSettings) -> None:
        try:
            import urllib3
        except ImportError as error:
            raise NativegenError("NGEN4011") from error
        self.settings = settings
        self.problem: str | None = None
        headers = {"User-Agent": "nativegen"}
        if settings.token:
            headers["Authorization"] = f"Bearer {settings.token}"
        self._errors = (urllib3.exceptions.HTTPError, OSError, ValueError)
        limits = urllib3.Timeout(
            connect=min(_CONNECT_SECONDS, settings.seconds), read=min(_READ_SECONDS, settings.seconds)
        )
        self._pool: Any = urllib3.PoolManager(num_pools=1, maxsize=8, headers=headers, timeout=limits, retries=False)
        self._lock = threading.Lock()
        self._failures = 0

    @property
    def is_usable(self) -> bool:
        """False once the server failed too often."""
        return self._failures < FAILURES_ALLOWED

    def get(self, kind: Kind, digest: str, max_bytes: int) -> bytes | None:
        """A blob, or None when it is not there, is larger than ``max_bytes``, or cannot be had."""
        if not self.is_usable:
            return None
        deadline = time.monotonic() + self.settings.seconds
        try:
            response = self._pool.request("GET", self._address(kind, digest), preload_content=False, redirect=False)
            try:
                if response.status == 404:
                    return None
                if response.status != 200:
                    self._failed(f"it answers {response.status}", counts=response.status >= 500)
                    return None
                return self._read(response, max_bytes, deadline)
            finally:
                response.close()
        except self._errors as error:
            self._failed(_words(error))
            return None

    def put(self, kind: Kind, digest: str, data: bytes) -> bool:
        """Store a blob; whether the server took it."""
        if not self.is_usable:
            return False
        try:
            response = self._pool.request(
                "PUT",
                self._address(kind, digest),
                body=data,
                redirect=False,
                headers={**self._pool.headers, "Content-Type": "application/octet-stream"},
            )
        except self._errors as error:
            self._failed(_words(error))
            return False
        if 200 <= response.status < 300:
            return True
        self._failed(f"it answers {response.status} to writing", counts=response.status >= 500)
        return False

    def _read(self, response: Any, max_bytes: int, deadline: float) -> bytes | None:
        parts: list[bytes] = []
        size = 0
        # One read of a slow server returns what is there; the deadline is for the whole.
        while chunk := response.read1(_CHUNK):
            size += len(chunk)
            if size > max_bytes:
                self._failed(f"an answer is larger than {max_bytes} bytes", counts=False)
                return None
            if time.monotonic() > deadline:
                self._failed(f"a transfer took longer than {self.settings.seconds:g} s")
                return None
            parts.append(chunk)
        return b"".join(parts)

    def _address(self, kind: Kind, digest: str) -> str:
        return f"{self.settings.url}/{kind}/{digest}"

    def _failed(self, detail: str, counts: bool = True) -> None:
        with self._lock:
            self._failures += counts
            self.problem = self.problem or detail


def _words(error: Exception) -> str:
    """The library's messages contain addresses of objects."""
    return type(error).__name__
