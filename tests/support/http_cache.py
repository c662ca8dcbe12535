"""A small HTTP server in Bazel's remote-cache layout, in a thread, that can be told to misbehave.

>>> with HttpCache() as server:
...     server.url, server.blobs["/ac/..."]
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

Fault = Callable[[BaseHTTPRequestHandler, bytes], bool]
"""Answers a GET of existing data in its own way; False: answer properly after all."""


class HttpCache:
    """A server on a free port of this machine.

    Attributes:
        blobs: path -> bytes. requests: (method, path) in order. token: when set, others are refused.
        fault: how GETs misbehave. read_only: PUTs are refused.
    """

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.token: str | None = None
        self.fault: Fault | None = None
        self.read_only = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HttpCache:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, method: str) -> int:
        return sum(one == method for one, _ in self.requests)


def _handler(cache: HttpCache) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            cache.requests.append(("GET", self.path))
            data = cache.blobs.get(self.path)
            if not self._is_allowed():
                return
            if data is None:
                self._answer(404, b"")
            elif cache.fault is None or not cache.fault(self, data):
                self._answer(200, data)

        def do_PUT(self) -> None:
            cache.requests.append(("PUT", self.path))
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if not self._is_allowed():
                return
            if cache.read_only:
                self._answer(403, b"")
                return
            cache.blobs[self.path] = data
            self._answer(201, b"")

        def _is_allowed(self) -> bool:
            if cache.token is not None and self.headers.get("Authorization") != f"Bearer {cache.token}":
                self._answer(401, b"")
                return False
            return True

        def _answer(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def answering(status: int, headers: dict[str, str] | None = None) -> Fault:
    """Another status than 200, without a body."""

    def fault(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return fault


def truncating(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
    """The connection ends in the middle."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.close_connection = True
    return True


def truncating_quietly(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
    """Half of the data, and the header says that this is all."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data) // 2))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    return True


def corrupting(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
    """One bit in the middle is another one."""
    damaged = bytearray(data)
    damaged[len(damaged) // 2] ^= 0x10
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(damaged)))
    handler.end_headers()
    handler.wfile.write(damaged)
    return True


def endless(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
    """More data than was ever stored."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    try:
        for _ in range(1000):
            handler.wfile.write(data + bytes(1 << 16))
    except OSError:
        pass  # the client has had enough
    return True


def dripping(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
    """A byte now and then: no single read ever times out."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.close_connection = True
    try:
        for at in range(len(data)):
            handler.wfile.write(data[at : at + 1])
            handler.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass
    return True


def hanging(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
    """No answer."""
    time.sleep(3)
    handler.close_connection = True
    return True
