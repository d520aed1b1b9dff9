"""Work in the background of a communicator: in order, through a clone, with its results and its errors."""

import gc
import threading

import pytest

from c2.communicate.alone import Alone

SECONDS = 20


def test_order_results_and_waiting():
    ranks, go, seen = Alone(), threading.Event(), []

    def work(number):
        def run(clone):
            assert clone is not ranks
            assert go.wait(SECONDS)
            seen.append(number)
            return 10 * number

        return run

    tickets = [ranks.begin(work(k)) for k in range(4)]
    assert seen == []
    assert ranks.waited == 0
    threading.Timer(0.05, go.set).start()
    assert ranks.finish(tickets[3]) == 30
    assert [ranks.finish(t) for t in tickets[:3]] == [0, 10, 20]
    assert seen == [0, 1, 2, 3]
    assert ranks.waited > 0.01


def test_an_error_comes_to_who_waits_for_it():
    ranks = Alone()
    first, second = ranks.begin(lambda clone: 1 / 0), ranks.begin(lambda clone: "done")
    with pytest.raises(ZeroDivisionError):
        ranks.finish(first)
    assert ranks.finish(second) == "done"


def test_the_thread_ends_with_its_communicator():
    before, ranks = set(threading.enumerate()), Alone()
    ranks.finish(ranks.begin(lambda clone: None))
    (thread,) = set(threading.enumerate()) - before
    del ranks
    gc.collect()
    thread.join(SECONDS)
    assert not thread.is_alive()
