"""The NNPACK library itself, where the machine has one: a system's libnnpack, or the copy inside an installed PyTorch.

It serves instead of c2-nnpack's own kernels where `C2_NNPACK_PROVIDER=library` says so. It is found by its file and
loaded by its path: nothing of PyTorch is imported.
"""

from __future__ import annotations

import ctypes.util
import os
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from c2.errors import PluginError

PROVIDER, PATH = "C2_NNPACK_PROVIDER", "C2_NNPACK_LIBRARY"
PROVIDERS = ("own", "library")
IN_TORCH = ("libtorch_cpu.so", "libtorch_cpu.dylib")
NEEDED = (
    "nnp_initialize",
    "nnp_convolution_inference",
    "pthreadpool_create",
    "pthreadpool_destroy",
)
# What NNPACK's functions take, by its header nnpack.h; its enumerations are ints.
DECLARATIONS = """
typedef struct { size_t width, height; } nnp_size;
typedef struct { size_t top, right, bottom, left; } nnp_padding;
int nnp_initialize(void);
int nnp_convolution_inference(
    int algorithm, int strategy, size_t input_channels, size_t output_channels, nnp_size input, nnp_padding pads,
    nnp_size kernel, nnp_size stride, const float *X, const float *W, const float *b, float *Y, void *workspace,
    size_t *workspace_bytes, int activation, const void *parameters, void *pool, void *profile);
void *pthreadpool_create(size_t threads);
void pthreadpool_destroy(void *pool);
"""
STATUS = {
    10: "images without positions", 12: "pads must be smaller than the kernel",
    20: "it does not take images of this size", 22: "it does not take these pads",
    23: "it does not take kernels of this size", 26: "the algorithm takes no such kernel or stride",
    27: "the algorithm has no filters transformed beforehand", 51: "it has no kernels for this CPU",
    52: "it got no memory", 53: "too small a workspace", 54: "a workspace that is not aligned",
}  # fmt: skip


@dataclass(frozen=True)
class Library:
    """NNPACK, loaded and initialized: its path, and its functions by cffi."""

    path: str
    ffi: Any
    lib: Any

    def pool(self, threads: int) -> Any:
        """Threads of NNPACK, which end with this object; NULL: the caller's alone."""
        if threads < 2:
            return self.ffi.NULL
        process = os.getpid()

        def end(pool: Any) -> None:
            if os.getpid() == process:  # a child of fork has the pool, but not its threads
                self.lib.pthreadpool_destroy(pool)

        return self.ffi.gc(self.lib.pthreadpool_create(threads), end)


def provider() -> str:
    """Who serves convolutions of engine NNPACK: "own" or "library", as C2_NNPACK_PROVIDER says.

    Raises:
        PluginError: it says something else.
    """
    given = os.environ.get(PROVIDER) or PROVIDERS[0]
    if given not in PROVIDERS:
        raise PluginError(f"{PROVIDER} must be one of {', '.join(PROVIDERS)}, got '{given}'")
    return given


def find_library() -> str:
    """The path of NNPACK: $C2_NNPACK_LIBRARY, else the system's, else an installed PyTorch's.

    Raises:
        PluginError: there is none.
    """
    given = os.environ.get(PATH)
    if given:
        if not Path(given).is_file():
            raise PluginError(f"{PATH} names '{given}', which is no file")
        return given
    system = ctypes.util.find_library("nnpack")
    if system:
        return system
    torch = find_spec("torch")
    for folder in (torch.submodule_search_locations or ()) if torch else ():
        for name in IN_TORCH:
            if (path := Path(folder) / "lib" / name).is_file():
                return str(path)
    raise PluginError(
        "no NNPACK library was found: no libnnpack of the system, no PyTorch that has one. "
        f"Name the file in {PATH}, or leave {PROVIDER} unset"
    )


def library() -> Library:
    """NNPACK, loaded at first use.

    Raises:
        PluginError: it is not there, cannot be loaded, or does not work on this CPU.
    """
    return _loaded(find_library())


@cache
def _loaded(path: str) -> Library:
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    try:
        lib: Any = ffi.dlopen(path)
    except OSError as error:
        raise PluginError(f"NNPACK cannot be loaded: {error}") from error
    missing = [name for name in NEEDED if not hasattr(lib, name)]
    if missing:
        raise PluginError(f"'{path}' is no NNPACK: it lacks {', '.join(missing)}")
    status = lib.nnp_initialize()
    if status:
        raise PluginError(f"NNPACK of '{path}' does not work here: {reason(status)}")
    return Library(path, ffi, lib)


def reason(status: int) -> str:
    """What a status of NNPACK other than 0 means."""
    return STATUS.get(status, f"status {status}")
