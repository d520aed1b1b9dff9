"""CUDA graphs: operators that write into the same arrays at every run, captured once and started as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from c2_cuda.library import cupy
from c2_cuda.workspace import own_workspace


class Recording:
    """Calls of one GPU. The first run makes them one by one, the second captures them, later ones start the graph.

    What they allocate on the way comes from a memory pool of the recording's own, so that nobody else is given memory
    that the graph writes to. Calls that cannot be captured, such as those that wait for a result, go on one by one.

    Attributes:
        why_not: why they could not be captured; None: they were, or have not run twice yet.
    """

    def __init__(self, calls: Sequence[Callable[[], Any]]) -> None:
        self._calls = list(calls)
        self._pool: Any = None
        self._workspace: dict[int, Any] = {}
        self._graph: Any = None
        self.why_not: str | None = None

    def __call__(self) -> None:
        if self._graph is not None:
            self._graph.launch(cupy().cuda.get_current_stream())
        elif self.why_not is not None:
            self._run()
        elif self._pool is None:
            self._pool = cupy().cuda.MemoryPool()
            self._run_apart()
        else:
            self._capture()

    def _run(self) -> None:
        for call in self._calls:
            call()

    def _run_apart(self) -> None:
        """With memory of its own."""
        with cupy().cuda.using_allocator(self._pool.malloc), own_workspace(self._workspace):
            self._run()

    def _capture(self) -> None:
        cuda = cupy().cuda
        stream = cuda.get_current_stream()
        stream.begin_capture()
        try:
            self._run_apart()
        except Exception as error:  # which of CUDA's or CuPy's errors it is depends on the operator
            self._give_up(stream, error)
            return
        try:
            graph = stream.end_capture()
        except cuda.runtime.CUDARuntimeError as error:
            self._give_up(None, error)
            return
        self._graph = graph
        graph.launch(stream)

    def _give_up(self, stream: Any, error: Exception) -> None:
        """Ends a capture that failed and makes the calls one by one, now and later; an error that is left is theirs."""
        self.why_not = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        if stream is not None:
            try:
                stream.end_capture()
            except cupy().cuda.runtime.CUDARuntimeError:
                pass  # it was invalid already, and is over now
        self._run()
