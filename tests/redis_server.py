"""A real redis-server of our own, for tests of stores; skipped where it is not installed."""

import shutil
import signal
import socket
import subprocess
import time

import pytest


class RedisServer:
    """A server on loopback that keeps nothing."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"redis://127.0.0.1:{port}/0"
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert time.monotonic() < end, "redis-server does not answer"
                time.sleep(0.02)

    def hang(self):
        """It keeps its connections and answers no more."""
        self._process.send_signal(signal.SIGSTOP)

    def end(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def redis_server(tmp_path):
    pytest.importorskip("redis", reason="the package redis is not installed")
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server here (Debian: apt install redis-server)")
    server = RedisServer(tmp_path)
    yield server
    server.end()
