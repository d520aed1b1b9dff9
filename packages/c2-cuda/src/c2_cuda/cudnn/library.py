"""cuDNN 9, loaded at first use."""

from __future__ import annotations

from functools import cache
from typing import Any

from c2_cuda.nvidia import NvidiaLibrary

MAJOR = 9
INSTALL = "pip install nvidia-cudnn-cu12 (nvidia-cudnn-cu13 beside cupy-cuda13x)"


class CuDNN(NvidiaLibrary):
    """The functions of cuDNN, named without `cudnn`."""

    def __init__(self) -> None:
        super().__init__("c2_cuda.cudnn", "cudnn", "cudnn", INSTALL)
        self.require_major(self.functions.cudnnGetVersion() // 10000, MAJOR)

    def version(self) -> str:
        """`9.28.0`."""
        number: int = self.functions.cudnnGetVersion()
        return f"{number // 10000}.{number // 100 % 100}.{number % 100}"

    def why(self, status: int) -> str:
        message = self.ffi.new("char[1024]")
        self.functions.cudnnGetLastErrorString(message, len(message))
        short, long = self.text(self.functions.cudnnGetErrorString(status)), self.text(message)
        return f"{short} ({long})" if long and long != short else short


@cache
def library() -> Any:
    """cuDNN of the nvidia-cudnn package beside CuPy, or of the system.

    Raises:
        PluginError: there is none, or it is of another major version.
    """
    return CuDNN()
