"""The shared cache on a server that people have: nginx with DAV, configured as docs/shared-cache.md says."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.test_shared import Made, machine, made  # noqa: F401

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light")

CONFIGURATION = """
daemon off; pid FOLDER/nginx.pid; error_log FOLDER/error.log; worker_processes 1;
events { worker_connections 32; }
http {
    access_log off; client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/p; fastcgi_temp_path FOLDER/f;
    uwsgi_temp_path FOLDER/u; scgi_temp_path FOLDER/s;
    server {
        listen 127.0.0.1:PORT;
        location / {
            root FOLDER/www; client_max_body_size 1g; dav_methods PUT; create_full_put_path on;
            if ($http_authorization != "Bearer t0ken") { return 401; }
        }
    }
}
"""


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """(address, folder of the stored files)."""
    assert NGINX is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path / "nginx"
    (home / "www").mkdir(parents=True)
    # Its workers run as another user when it is started by root.
    for folder in (*home.parents, home):
        if os.geteuid() == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    (home / "www").chmod(0o777)
    configuration = home / "nginx.conf"
    configuration.write_text(CONFIGURATION.replace("FOLDER", str(home)).replace("PORT", str(port)))
    process = subprocess.Popen([NGINX, "-c", str(configuration), "-e", str(home / "error.log")])
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (home / "error.log").read_text()
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", home / "www"
    finally:
        process.terminate()
        process.wait(20)


def test_two_machines_and_a_stranger(nginx: tuple[str, Path], made: Made, tmp_path: Path) -> None:  # noqa: F811
    url, stored = nginx
    writer = machine(made, url, True, token="t0ken", secret=b"s")
    assert not writer.build(made, tmp_path / "writer").downloaded
    assert writer.toolchain.stored == 1, writer.toolchain.problem
    assert {path.name for path in stored.iterdir()} == {"ac", "cas"} and len(list(stored.rglob("*/*"))) == 3
    reader = machine(made, url, token="t0ken", secret=b"s")
    assert reader.build(made, tmp_path / "reader").downloaded and reader.compiler.compiled == 0
    stranger = machine(made, url, True)
    assert not stranger.build(made, tmp_path / "stranger").downloaded
    assert stranger.toolchain.problem == "it answers 401" and stranger.toolchain.stored == 0
