"""Builds the C part with cffi: the C files in `c/`, against no header and no library but those of C itself.

It is built once per kind of vectors, `c2_mkl._avx512`, `_avx2` and `_base`: c2_mkl.instructions says which is loaded.
"""

from pathlib import Path

from cffi import FFI

C = Path("src/c2_mkl/c")  # setuptools runs in the package's folder and wants relative paths
FLAGS = {
    "base": [],
    "avx2": ["-mavx2", "-mfma", "-mf16c"],
    "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mf16c"],
}


def builder(build: str) -> FFI:
    ffi = FFI()
    ffi.cdef((C / "shim.h").read_text(encoding="utf-8"))
    ffi.set_source(
        f"c2_mkl._{build}",
        '#include <stddef.h>\n#include <stdint.h>\n#include "shim.h"',
        sources=sorted(map(str, C.glob("*.c"))),
        include_dirs=[str(C)],
        depends=sorted(map(str, C.glob("*.h"))),
        libraries=["dl", "m", "pthread"],
        # Vectors without a change of meaning: no errno, no traps; NaN, infinities and denormals as written.
        extra_compile_args=[
            *("-O3", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-g0"),
            *FLAGS[build],
        ],
        py_limited_api=True,
    )
    return ffi


base, avx2, avx512 = (builder(build) for build in FLAGS)
