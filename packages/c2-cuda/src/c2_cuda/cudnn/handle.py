"""cuDNN's handle per device and thread, on CuPy's current stream."""

from __future__ import annotations

import threading
from typing import Any

from c2_cuda.cudnn.library import CuDNN, library

_held = threading.local()


class Handle:
    """A cuDNN handle of one device and thread."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.library: CuDNN = library()
        made = self.library.ffi.new("cudnnHandle_t *")
        self.library.call("Create", made)
        self._value: Any = made[0]
        self._stream = 0

    def on_current_stream(self) -> Any:
        """The handle, for calls that wait for what was started on CuPy's current stream."""
        stream = self.xp.cuda.get_current_stream().ptr
        if stream != self._stream:
            self.library.call(
                "SetStream", self._value, self.library.ffi.cast("cudaStream_t", stream)
            )
            self._stream = stream
        return self._value


def handle(xp: Any) -> Handle:
    """The handle of CuPy's current device and this thread, made at first use."""
    held: dict[int, Handle] = _held.__dict__.setdefault("handles", {})
    device = xp.cuda.device.get_device_id()
    if device not in held:
        held[device] = Handle(xp)
    return held[device]
