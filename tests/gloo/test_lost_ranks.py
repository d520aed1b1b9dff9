"""Faults: every survivor gets an error within the deadline that says who, where and what the others did."""

import os
import re
import signal
import threading
import time

import numpy as np
import pytest

from c2.communicate import FileStore, PrefixStore, connect, joining
from c2.communicate.environment import open_store
from c2.errors import CommunicationError
from c2_gloo import communicator, library

DEADLINE = 2.0


def failing(work):
    """The text of the error, and whether it came in time: joining and connecting have a deadline each."""
    joining.communicator_class("GLOO")  # found and loaded before the clock starts
    start = time.monotonic()
    try:
        work()
    except CommunicationError as error:
        return str(error), time.monotonic() - start < 4 * DEADLINE
    return "no error", False


def dies_before(rank, size, store):
    if rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return failing(lambda: connect(rank, size, store, timeout=DEADLINE))


def kill_oneself(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def dies_as_ranks_say_where_they_are(rank, size, store):
    if rank == 1:
        communicator.address_of = kill_oneself
    return failing(lambda: connect(rank, size, store, timeout=DEADLINE))


def dies_as_ranks_exchange_addresses(rank, size, store):
    if rank == 1:
        library.StoreLink.guarded = kill_oneself
    return failing(lambda: connect(rank, size, store, timeout=DEADLINE))


def dies_within(rank, size, store):
    joined = connect(rank, size, store, timeout=DEADLINE)
    if rank == 1:
        threading.Timer(0.2, kill_oneself).start()
    x = np.ones(1_000_000, np.float32)
    while True:
        found = failing(lambda: joined.allreduce(x, "max"))
        if found[0] != "no error":
            return found


def dies_between(rank, size, store):
    joined = connect(rank, size, store, timeout=DEADLINE)
    x = np.ones(1000, np.float32)
    joined.allreduce(x)
    if rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return failing(lambda: [joined.allreduce(x) for _ in range(2)])


def stalls(rank, size, store):
    joined = connect(rank, size, store, timeout=DEADLINE)
    if rank == 1:
        time.sleep(3 * DEADLINE)
        return "stalled", True
    return failing(joined.barrier)


def is_stopped(rank, size, store):
    """Rank 1 stands still with all its threads, until rank 0 has its error."""
    joined = connect(rank, size, store, timeout=DEADLINE)
    x = np.ones(1000, np.float32)
    joined.allreduce(x)
    store.set(f"process/{rank}", str(os.getpid()).encode())
    if rank == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
        return "stopped", True
    found = failing(lambda: joined.allreduce(x))
    if rank == 0:
        store.wait(["told"], 30)
        os.kill(int(store.get("process/1")), signal.SIGCONT)
    else:
        store.set("told", b"")
    return found


@pytest.mark.parametrize(
    ("fault", "pattern"),
    [
        (dies_as_ranks_say_where_they_are, r"rank [02] of 3: .*nobody set 'host/1' within 2 s"),
        (
            dies_as_ranks_exchange_addresses,
            r"rank [02] of 3: Gloo could not connect all ranks within 2 s",
        ),
        (
            dies_within,
            r"rank [02] of 3: allreduce #\d+ of float32 \(1000000,\), max: .*rank 1 has not said",
        ),
        (
            is_stopped,
            r"rank [02] of 3: allreduce #2 of float32 \(1000,\), sum: .*rank 1 has not said",
        ),
        (dies_before, r"within 2 s there came no rank 1"),
        (dies_between, r"rank [02] of 3: allreduce #[23] of float32 \(1000,\), sum: .*"),
        (stalls, r"rank [02] of 3: barrier #1: .*\n(  rank .*\n)*  rank 1 has not said anything"),
    ],
)
def test_a_rank_is_lost(ranks, fault, pattern):
    results = ranks(fault, 3)
    for rank in (0, 2):
        text, in_time = results[rank]
        assert re.search(pattern, text, re.S), text
        assert in_time


def another_shape(rank, size, store):
    joined = connect(rank, size, store, timeout=DEADLINE)
    x = np.ones(10 + (rank == 1), np.float32)
    return failing(lambda: joined.allreduce(x))


def another_order(rank, size, store):
    joined = connect(rank, size, store, timeout=DEADLINE)
    x = np.ones(10, np.float32)
    return failing(lambda: joined.broadcast(x) if rank == 1 else joined.allreduce(x))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (another_shape, "rank 1 failed in allreduce #1 of float32 (11,), sum"),
        (another_order, "rank 1 failed in broadcast #1 of float32 (10,), 0"),
    ],
)
def test_ranks_that_disagree(ranks, fault, said):
    results = ranks(fault, 2)
    assert all(in_time for _, in_time in results)
    assert said in results[0][0]


def another_size(rank, size, store):
    return failing(lambda: connect(rank, size + rank, store, timeout=DEADLINE))


def another_run(rank, size, store):
    return failing(lambda: connect(rank, size, store, run_id=f"run{rank}", timeout=DEADLINE))


def test_another_world(ranks):
    results = ranks(another_size, 2)
    assert re.search("rank [01] is of a job of [23], rank [10] of a job of [32]", results[0][0])


def test_another_run_id(ranks):
    assert "there came no rank 1" in ranks(another_run, 2)[0][0]


def stale(rank, size, store):
    connect(rank, size, store, timeout=DEADLINE).close()
    again = failing(lambda: connect(rank, size, store, timeout=DEADLINE))
    connect(rank, size, store, run_id="2", timeout=DEADLINE).close()
    return again


def test_a_stale_store(ranks):
    for text, _ in ranks(stale, 2):
        assert "has joined this run before" in text
        assert "run_id=" in text


def survives(rank, size, store):
    joined = connect(rank, size, store, timeout=DEADLINE)
    if rank == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    text, _ = failing(joined.barrier)
    again = failing(joined.barrier)[0]
    joined.close()
    joined = connect(rank, 2, PrefixStore(store, "survivors"), timeout=DEADLINE)
    x = np.ones(3)
    joined.allreduce(x)
    return text, again, x.tolist()


def test_survivors_join_again(ranks):
    for text, again, x in ranks(survives, 3)[:2]:
        assert "barrier #1" in text
        assert "failed before: barrier #1" in again
        assert x == [2.0] * 3


def loses_redis(rank, size, store, server):
    meeting = open_store(server, serve=False, timeout=DEADLINE)
    joined = connect(rank, size, meeting, timeout=DEADLINE)
    store.set(f"joined/{rank}", b"")
    store.get("gone", 30)
    x = np.ones(10)
    joined.allreduce(x)
    found = failing(lambda: joined.barrier() if rank else joined.allreduce(x))
    joined = connect(rank, size, store, timeout=4 * DEADLINE)
    joined.allreduce(x)
    return *found, x[0]


def test_redis_is_gone(ranks, redis_server, tmp_path):
    """Collectives need no store; an error says that the others cannot be asked; ranks meet in another store."""

    def end():
        meeting = FileStore(tmp_path / "store")
        meeting.wait(("joined/0", "joined/1"), 30)
        redis_server.end()
        meeting.set("gone", b"")

    ending = threading.Thread(target=end)
    ending.start()
    results = ranks(loses_redis, 2, redis_server.address)
    ending.join()
    for (text, in_time, total), doing in zip(results, ("allreduce", "barrier"), strict=True):
        assert f"of 2: {doing} #2" in text
        assert "what the others do cannot be told: Redis store redis://" in text
        assert in_time
        assert total == 4.0
