"""Builds `c2_nnpack._kernels` with cffi from the C files in `c/`, whose calls stand in `c/calls/`.

It needs no library but C's own: threads.c stands between gcc's OpenMP and a libgomp that is found at run time.
"""

import platform
from pathlib import Path

from cffi import FFI

C = Path("src/c2_nnpack/c")  # setuptools runs in the package's folder and wants relative paths
OPENMP = ["-fopenmp"] if platform.system() == "Linux" else []  # elsewhere: one thread

ffibuilder = FFI()
CALLS = sorted((C / "calls").glob("*.h"))
ffibuilder.cdef("".join(h.read_text(encoding="utf-8") for h in CALLS))
ffibuilder.set_source(
    "c2_nnpack._kernels",
    "#include <stddef.h>\n#include <stdint.h>\n"
    + "".join(f'#include "calls/{h.name}"\n' for h in CALLS),
    sources=sorted(map(str, C.glob("*.c"))),
    include_dirs=[str(C)],
    depends=sorted(map(str, C.rglob("*.h"))),
    # Vectors without a change of meaning: no errno, no traps; NaN, infinities and denormals as written; products and
    # sums in one instruction where the CPU has it.
    extra_compile_args=[
        *("-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
        *("-fvisibility=hidden", "-Wno-psabi", "-g0"),
        *OPENMP,
    ],
    # As needed: clang's runtime is linked, gcc's is not.
    extra_link_args=[*(["-Wl,--as-needed"] if OPENMP else []), *OPENMP],
    py_limited_api=True,
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
