"""The store in Redis, against a real server."""

import threading
import time

import pytest

from c2.communicate import PrefixStore
from c2.communicate.environment import open_store
from c2.errors import DeadlineError, StoreError


def test_values_of_two_clients(redis_server):
    one, two = (open_store(redis_server.address, serve=False) for _ in range(2))
    assert one.find("k") is None
    PrefixStore(one, "run/1").set("k", b"\x00v")
    assert two.get("run/1/k", 1) == b"\x00v"
    assert (one.host, PrefixStore(two, "x").host) == ("127.0.0.1", "127.0.0.1")
    one.close()
    two.close()


def test_a_counter_gives_no_number_twice(redis_server):
    stores, found = [open_store(redis_server.address, serve=False) for _ in range(4)], []
    threads = [
        threading.Thread(target=lambda s=s: found.extend(s.add("n", 1) for _ in range(25)))
        for s in stores
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == list(range(1, 101))
    for one in stores:
        one.close()


def test_a_deadline_names_the_store(redis_server):
    store = open_store(redis_server.address, serve=False)
    with pytest.raises(
        DeadlineError, match=r"Redis store redis://.* nobody set 'never' within 0.1 s"
    ):
        store.get("never", 0.1)
    store.close()


@pytest.mark.parametrize("fault", ["end", "hang"])
def test_a_server_that_is_gone(redis_server, fault):
    store = open_store(redis_server.address, serve=False, timeout=0.5)
    getattr(redis_server, fault)()
    start = time.monotonic()
    with pytest.raises(StoreError, match=r"Redis store redis://127.0.0.1.*: 'k': "):
        store.set("k", b"")
    with pytest.raises(StoreError, match=r"Redis store redis://127.0.0.1"):
        open_store(redis_server.address, serve=False, timeout=0.5)
    assert time.monotonic() - start < 5
    store.close()
