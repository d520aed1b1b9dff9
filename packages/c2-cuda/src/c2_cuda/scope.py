"""The current GPU and stream of a thread: each thread has a stream of its own on each GPU."""

from __future__ import annotations

import threading
from typing import Any

from c2.errors import DeviceError
from c2_cuda.library import cupy
from c2_cuda.probing import first_line


class _Lease:
    """A stream lent to a thread. It goes back when the thread ends, so that its memory pool finds users again."""

    def __init__(self, stream: Any, free: list[Any]) -> None:
        self.stream, self._free = stream, free

    def __del__(self) -> None:
        self._free.append(self.stream)


class Scope:
    """`with` it, one GPU and this thread's stream on it are the current ones. Leaving the outermost waits.

    So what a run has written is there when the run returns, whichever thread looks, and an error of a kernel is
    raised by the run that made it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._thread = threading.local()
        self._free: list[Any] = []

    def stream(self) -> Any:
        """This thread's stream on the GPU, which must be the current one."""
        lease: _Lease | None = getattr(self._thread, "lease", None)
        if lease is None:
            try:
                stream = self._free.pop()
            except IndexError:
                stream = cupy().cuda.Stream(non_blocking=True)
            lease = self._thread.lease = _Lease(stream, self._free)
        return lease.stream

    def __enter__(self) -> Any:
        cuda = cupy().cuda
        before = cuda.runtime.getDevice()
        if before != self.number:
            cuda.runtime.setDevice(self.number)
        stream, outer = self.stream(), cuda.get_current_stream()
        stream.use()
        self._outers().append((before, outer))
        return stream

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        runtime, outers = cupy().cuda.runtime, self._outers()
        before, outer = outers.pop()
        try:
            if not outers:
                self.stream().synchronize()
        except runtime.CUDARuntimeError as failed:
            if error is None:
                raise DeviceError(
                    f"GPU {self.number}: a kernel that was started earlier failed: {first_line(failed)}. "
                    "CUDA_LAUNCH_BLOCKING=1 shows which operator it was; the process must be started again"
                ) from failed
        finally:
            outer.use()
            if before != self.number:
                runtime.setDevice(before)

    def _outers(self) -> list[Any]:
        if not hasattr(self._thread, "outers"):
            self._thread.outers = []
        outers: list[Any] = self._thread.outers
        return outers
