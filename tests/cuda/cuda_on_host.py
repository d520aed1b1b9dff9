"""CUDA C compiled as C++ for the host, thread after thread: it shows what the arithmetic does, not what a GPU does."""

import ctypes
import subprocess
from shutil import which

import numpy as np
import pytest

from c2_cuda.cuda_source import THREADS, text

HEAD = """
#include <cmath>
struct Index { int x; };
static Index blockIdx, threadIdx, blockDim;
#define __global__ static
#define __device__ static
#define __restrict__
"""
LAUNCH = """
extern "C" void launch(int blocks, int threads, void **p) {
  blockDim.x = threads;
  for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
    for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) FUNCTION(ARGUMENTS);
}
"""


def start_on_host(folder, name, function, dtype, size, *args):
    """As c2_cuda.cuda_source.start, on NumPy arrays."""
    if which("g++") is None:
        pytest.skip("g++ is not installed")
    real = {"float32": "float", "float64": "double"}[np.dtype(dtype).name]
    kinds = [
        f"({real} *)p[{k}]" if isinstance(a, np.ndarray) else f"*(int *)p[{k}]"
        for k, a in enumerate(args)
    ]
    source = HEAD + text(name).replace('extern "C" ', "") + LAUNCH
    source = source.replace("FUNCTION", function).replace(
        "ARGUMENTS", ", ".join([*kinds, str(size)])
    )
    (folder / "kernel.cc").write_text(source)
    library = folder / f"{function}.so"
    command = [
        "g++",
        "-O1",
        "-shared",
        "-fPIC",
        f"-DSTORED={real}",
        f"-DREAL={real}",
        folder / "kernel.cc",
        "-o",
        library,
    ]
    subprocess.run(command, check=True)
    held = [a if isinstance(a, np.ndarray) else np.array(a, np.int32) for a in args]
    pointers = (ctypes.c_void_p * len(held))(*(a.ctypes.data for a in held))
    ctypes.CDLL(library).launch(-(-size // THREADS), THREADS, pointers)
