"""Stores: values, counters, waiting, many clients, faults."""

import socket
import threading
import time

import pytest

from c2.communicate import FileStore, MemoryStore, PrefixStore, TCPStore
from c2.communicate.environment import open_store
from c2.errors import CommunicationError, DeadlineError, StoreError


@pytest.fixture(params=["file", "memory", "prefix", "tcp"])
def store(request, tmp_path):
    made = {
        "file": lambda: FileStore(tmp_path / "new" / "store"),
        "memory": MemoryStore,
        "prefix": lambda: PrefixStore(FileStore(tmp_path), "run/1"),
        "tcp": lambda: TCPStore("127.0.0.1", 0, serve=True),
    }[request.param]()
    yield made
    made.close()


def test_values(store):
    assert store.find("a/b %") is None
    store.set("a/b %", b"\x00one")
    store.set("empty", b"")
    store.set("a/b %", b"\x00two")
    assert store.get("a/b %", 0) == b"\x00two"
    assert store.find("empty") == b""


def test_a_counter_gives_no_number_twice(store):
    found = []

    def count():
        found.extend(store.add("n", 1) for _ in range(50))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == list(range(1, 201))
    assert store.add("n", -200) == 0


def test_waits_for_what_comes(store):
    late = threading.Timer(0.1, lambda: store.set("late", b"x"))
    late.start()
    store.wait(["late"], 10)
    late.join()


def test_a_deadline_names_key_and_store(store):
    start = time.monotonic()
    with pytest.raises(DeadlineError, match=r"store.*: nobody set 'never' within 0\.1 s"):
        store.get("never", 0.1)
    assert time.monotonic() - start < 5


def test_prefixes_keep_runs_apart(tmp_path):
    one, two = (PrefixStore(FileStore(tmp_path), name) for name in ("1", "2"))
    one.set("k", b"1")
    assert two.find("k") is None


def test_clients_of_a_tcp_store():
    server = TCPStore("127.0.0.1", 0, serve=True)
    clients = [TCPStore("127.0.0.1", server.port) for _ in range(3)]
    clients[0].set("k", b"v" * 100_000)
    assert [c.get("k", 1) for c in (server, *clients)] == [b"v" * 100_000] * 4
    for one in (*clients, server):
        one.close()
    with pytest.raises(StoreError, match="it is closed"):
        clients[0].find("k")


def test_a_taken_port_and_a_stranger_behind_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StoreError, match="cannot be served here"):
            TCPStore("127.0.0.1", port, serve=True)

        def answer():
            client, _ = taken.accept()
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            client.close()

        threading.Thread(target=answer).start()
        with pytest.raises(StoreError, match="no store of c2"):
            TCPStore("127.0.0.1", port, timeout=2)


def test_nobody_serves():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StoreError, match=f"127.0.0.1:{port}: cannot be reached"):
        TCPStore("127.0.0.1", port, timeout=0.1)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="the folder cannot be made"):
        FileStore(tmp_path / "file" / "store")


@pytest.mark.parametrize("address", ["tcp://host", "file://", "http://x:1", "x"])
def test_addresses_of_no_store(address):
    with pytest.raises(CommunicationError, match=r"tcp://HOST:PORT, file:///FOLDER"):
        open_store(address, serve=False)
