"""cuDNN: found, loaded at first use, its version checked, its errors raised with their texts."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from cffi import FFI

from c2.errors import KernelError, PluginError
from c2_cuda.cudnn.numbers import Status

MAJOR = 9
INSTALL = "pip install nvidia-cudnn-cu12 (nvidia-cudnn-cu13 beside cupy-cuda13x)"

ffi = FFI()


class Library:
    """The functions of cuDNN. Each raises KernelError where cuDNN gives another status than success."""

    def __init__(self, path: str) -> None:
        """
        Args:
            path: of libcudnn.so.9.

        Raises:
            PluginError: it cannot be loaded, or is of another major version.
        """
        try:
            functions: Any = ffi.dlopen(path)
        except OSError as error:
            raise PluginError(f"cuDNN cannot be loaded: {error}; {INSTALL}") from error
        self._functions = functions
        self.version: int = functions.cudnnGetVersion()
        if self.version // 10000 != MAJOR:
            raise PluginError(
                f"{path} is cuDNN {version_text(self.version)}, expected version {MAJOR}; {INSTALL}"
            )

    def call(self, name: str, *args: Any) -> None:
        """Calls a function whose name goes on after `cudnn`."""
        status = getattr(self._functions, f"cudnn{name}")(*args)
        if status != Status.STATUS_SUCCESS:
            raise KernelError(
                f"cuDNN {version_text(self.version)}: cudnn{name}: {self._why(status)}"
            )

    def status(self, name: str, *args: Any) -> str | None:
        """Calls a function; None, or what cuDNN says where it declines."""
        status = getattr(self._functions, f"cudnn{name}")(*args)
        return None if status == Status.STATUS_SUCCESS else self._why(status)

    def _why(self, status: int) -> str:
        message = ffi.new("char[1024]")
        self._functions.cudnnGetLastErrorString(message, len(message))
        short = _text(self._functions.cudnnGetErrorString(status))
        long = _text(message)
        return f"{short} ({long})" if long and long != short else short


def _text(chars: Any) -> str:
    raw: Any = ffi.string(chars)
    return str(raw.decode(errors="replace")).strip()


def version_text(version: int) -> str:
    """`9.28.0` of 92800."""
    return f"{version // 10000}.{version // 100 % 100}.{version % 100}"


@cache
def library() -> Library:
    """cuDNN of the nvidia-cudnn package beside CuPy, or of the system.

    Raises:
        PluginError: there is none, or it is of another major version.
    """
    here = files("c2_cuda.cudnn")
    ffi.cdef("".join(here.joinpath(name).read_text("utf-8") for name in ("types.h", "functions.h")))
    return Library(_path())


def _path() -> str:
    try:
        pathfinder: Any = import_module("cuda.pathfinder")
        return str(pathfinder.load_nvidia_dynamic_lib("cudnn").abs_path)
    except (ImportError, RuntimeError) as error:  # what pathfinder raises is a RuntimeError
        first = str(error).strip().splitlines()[0]
        raise PluginError(f"cuDNN was not found: {first}; {INSTALL}") from error
