"""Builds `c2_nnpack._kernels` with cffi: the C files in `c/`, against no library but C's own and OpenMP's."""

import platform
from pathlib import Path

from cffi import FFI

C = Path("src/c2_nnpack/c")  # setuptools runs in the package's folder and wants relative paths
OPENMP = ["-fopenmp"] if platform.system() == "Linux" else []  # elsewhere: one thread

ffibuilder = FFI()
ffibuilder.cdef((C / "kernels.h").read_text(encoding="utf-8"))
ffibuilder.set_source(
    "c2_nnpack._kernels",
    '#include <stddef.h>\n#include <stdint.h>\n#include "kernels.h"',
    sources=sorted(map(str, C.glob("*.c"))),
    include_dirs=[str(C)],
    depends=sorted(map(str, C.glob("*.h"))),
    # Vectors without a change of meaning: no errno, no traps; NaN, infinities and denormals as written.
    extra_compile_args=[
        *("-O3", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-Wno-psabi"),
        *OPENMP,
    ],
    extra_link_args=OPENMP,
    py_limited_api=True,
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
