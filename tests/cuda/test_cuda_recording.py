"""When operators are captured, when a graph is started, and what happens where they cannot be captured."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from c2_cuda import graph
from c2_cuda.workspace import own_workspace, workspace


class Stream:
    """While it captures, calls are noted, not made; a call that waits breaks the capture."""

    def __init__(self):
        self.captured, self.done = None, []

    def begin_capture(self):
        self.captured = []

    def end_capture(self):
        found, self.captured = self.captured, None
        if "broken" in found:
            raise RuntimeError("capture invalidated")
        return SimpleNamespace(launch=lambda stream: stream.done.extend(found))

    def work(self, name):
        (self.done if self.captured is None else self.captured).append(name)

    def wait(self):
        if self.captured is not None:
            self.captured.append("broken")
            raise RuntimeError("operation not permitted when stream is capturing")
        self.done.append("waited")


@pytest.fixture
def stream(monkeypatch):
    stream = Stream()
    cuda = SimpleNamespace(
        get_current_stream=lambda: stream, using_allocator=lambda malloc: nullcontext(),
        MemoryPool=lambda: SimpleNamespace(malloc=None), runtime=SimpleNamespace(CUDARuntimeError=RuntimeError),
    )  # fmt: skip
    monkeypatch.setattr(graph, "cupy", lambda: SimpleNamespace(cuda=cuda))
    return stream


def test_the_second_run_captures_and_later_ones_start_the_graph(stream):
    made = []
    recording = graph.Recording(
        [lambda: (made.append(1), stream.work("a")), lambda: stream.work("b")]
    )
    for run in range(1, 5):
        recording()
        assert stream.done == ["a", "b"] * run
    assert len(made) == 2  # once to run, once to be captured
    assert recording.why_not is None


def test_calls_that_wait_go_on_one_by_one(stream):
    recording = graph.Recording([lambda: stream.work("a"), stream.wait])
    for run in range(1, 4):
        recording()
        assert stream.done == ["a", "waited"] * run
    assert "not permitted" in recording.why_not
    assert stream.captured is None


def test_a_failing_operator_fails_at_every_run(stream):
    def fail():
        raise ValueError("index 7 is no row")

    recording = graph.Recording([lambda: stream.work("a"), fail])
    for _ in range(3):
        with pytest.raises(ValueError, match="no row"):
            recording()
        assert stream.captured is None


def test_a_recording_has_a_workspace_of_its_own():
    import numpy as np

    xp = SimpleNamespace(
        empty=np.empty,
        uint8=np.uint8,
        cuda=SimpleNamespace(device=SimpleNamespace(get_device_id=lambda: 0)),
    )
    shared, own = workspace(xp, 10), {}
    with own_workspace(own):
        block = workspace(xp, 20)
        assert workspace(xp, 5) is block
    assert block is own[0]
    assert block is not shared
    assert workspace(xp, 10) is shared
