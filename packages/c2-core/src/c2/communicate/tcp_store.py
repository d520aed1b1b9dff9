"""A store that one process of the job serves to the others over TCP; no other program is needed."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
import time
from typing import Any

from c2.communicate.store import TIMEOUT, Store
from c2.errors import StoreError

SET, FIND, ADD = b"s", b"f", b"a"
GREETING = b"c2 store 1\n"
LARGEST = 64 << 20  # bytes of a key or a value


class TCPStore(Store):
    """Keys held by the process that serves at (host, port). A connection that was lost is made anew by the next call.

    Args:
        serve: whether this is that process; the others wait until it is there.
        port: 0 where it serves: any free one, then found in `port`.
        timeout: seconds, for reaching it and for each answer.
    """

    def __init__(self, host: str, port: int, serve: bool = False, timeout: float = TIMEOUT) -> None:
        self._host, self.port, self._timeout = host, port, timeout
        self._closed = False
        self._lock = threading.Lock()
        self._server = _Server(self) if serve else None
        self._socket: socket.socket | None = None
        self._socket = self._connected()

    @property
    def host(self) -> str:
        return self._host

    def __str__(self) -> str:
        return f"TCP store {self.host}:{self.port}"

    def set(self, key: str, value: bytes) -> None:
        self._ask(SET, key, value)

    def find(self, key: str) -> bytes | None:
        answer = self._ask(FIND, key)
        return answer[1:] if answer else None

    def add(self, key: str, amount: int) -> int:
        return int(self._ask(ADD, key, str(amount).encode()))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._hang_up()
        if self._server is not None:
            self._server.stop()

    def _connected(self) -> socket.socket:
        end, host = time.monotonic() + self._timeout, "127.0.0.1" if self._server else self.host
        while True:
            try:
                connected = socket.create_connection((host, self.port), max(0.1, self._timeout))
                break
            except OSError as error:
                if time.monotonic() >= end:
                    raise StoreError(f"{self}: cannot be reached: {error}") from error
                time.sleep(0.02)
        try:
            greeting = _receive(connected, len(GREETING))
        except (OSError, EOFError):
            greeting = b""
        if greeting != GREETING:
            connected.close()
            raise StoreError(f"{self}: what answers there is no store of c2. Is the port taken?")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, command: bytes, key: str, value: bytes = b"") -> bytes:
        with self._lock:
            if self._closed:
                raise StoreError(f"{self}: it is closed")
            try:
                if self._socket is None:
                    self._socket = self._connected()
                self._socket.sendall(command + _packed(key.encode()) + _packed(value))
                return _message(self._socket)
            except (OSError, EOFError) as error:
                self._hang_up()  # an answer that comes late would be taken for that to the next question
                raise StoreError(
                    f"{self}: lost while asking for '{key}': {error or 'the connection ended'}. The process that "
                    "serves it (rank 0) may have ended"
                ) from error


class _Server:
    """Answers in a thread per client."""

    def __init__(self, store: TCPStore) -> None:
        values: dict[str, bytes] = {}
        lock = threading.Lock()

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, EOFError, StoreError):
                    self.request.sendall(GREETING)
                    while True:
                        _answer(self.request, values, lock)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        try:
            self._server = Server(("", store.port), Handler)
        except OSError as error:
            raise StoreError(
                f"{store}: cannot be served here: {error}. Choose another port, or 0 for any"
            ) from error
        store.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _answer(client: Any, values: dict[str, bytes], lock: threading.Lock) -> None:
    command = _receive(client, 1)
    key, value = _message(client).decode(), _message(client)
    with lock:
        if command == SET:
            values[key], answer = value, b""
        elif command == ADD:
            values[key] = answer = str(int(values.get(key, 0)) + int(value)).encode()
        else:
            answer = b"=" + values[key] if key in values else b""
    client.sendall(_packed(answer))


def _packed(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data


def _message(connected: socket.socket) -> bytes:
    (size,) = struct.unpack("!I", _receive(connected, 4))
    if size > LARGEST:
        raise StoreError(f"a message of {size} bytes; at most {LARGEST} are allowed")
    return _receive(connected, size)


def _receive(connected: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = connected.recv(min(size, 1 << 16))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
