"""cuBLASLt, loaded at first use."""

from __future__ import annotations

from functools import cache
from typing import Any

from c2_cuda.nvidia import NvidiaLibrary

INSTALL = "pip install nvidia-cublas-cu12 (nvidia-cublas beside cupy-cuda13x)"
MAJORS = (12, 13)


class CuBLASLt(NvidiaLibrary):
    """The functions of cuBLASLt, named without `cublasLt`."""

    def __init__(self) -> None:
        super().__init__("c2_cuda.cublas", "cublasLt", "cublasLt", INSTALL)
        self.require_major(self._number() // 10000, *MAJORS)

    def _number(self) -> int:
        number: int = self.functions.cublasLtGetVersion()
        return number

    def version(self) -> str:
        """`12.9.1`."""
        number = self._number()
        return f"{number // 10000}.{number // 100 % 100}.{number % 100}"

    def why(self, status: int) -> str:
        return self.text(self.functions.cublasLtGetStatusString(status))


@cache
def library() -> Any:
    """cuBLASLt of the nvidia-cublas package beside CuPy, or of the system.

    Raises:
        PluginError: there is none, or it is of another major version.
    """
    return CuBLASLt()
