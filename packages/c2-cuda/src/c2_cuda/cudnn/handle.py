"""Per device and thread: cuDNN's handle, on CuPy's current stream, and the memory that its algorithms work in."""

from __future__ import annotations

import threading
from typing import Any

from c2_cuda.cudnn.library import Library, ffi, library

_held = threading.local()


class Handle:
    """A cuDNN handle of one device and thread."""

    def __init__(self, xp: Any) -> None:
        self.xp, self.library = xp, library()
        made = ffi.new("cudnnHandle_t *")
        self.library.call("Create", made)
        self._stream = 0
        self._workspace: Any = None
        self.value = made[0]

    def on_current_stream(self) -> Any:
        """The handle, for calls that wait for what was started on CuPy's current stream."""
        stream = self.xp.cuda.get_current_stream().ptr
        if stream != self._stream:
            self.library.call("SetStream", self.value, ffi.cast("cudaStream_t", stream))
            self._stream = stream
        return self.value

    def workspace(self, nbytes: int) -> Any:
        """Memory of this size or more (a CuPy array of bytes), shared by calls, which follow one another."""
        if self._workspace is None or self._workspace.nbytes < nbytes:
            self._workspace = self.xp.empty(max(nbytes, 1), self.xp.uint8)
        return self._workspace


def handle(xp: Any) -> Handle:
    """The handle of CuPy's current device and this thread, made at first use."""
    held: dict[int, Handle] = _held.__dict__.setdefault("handles", {})
    device = xp.cuda.device.get_device_id()
    if device not in held:
        held[device] = Handle(xp)
    return held[device]


def address(array: Any) -> Any:
    """The pointer of a CuPy array; NULL of None."""
    return ffi.NULL if array is None else ffi.cast("void *", array.data.ptr)


__all__ = ["Handle", "Library", "address", "handle"]
