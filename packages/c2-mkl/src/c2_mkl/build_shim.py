"""Builds `c2_mkl._shim` with cffi: the C files in `c/`, against no header and no library but those of C itself."""

from pathlib import Path

from cffi import FFI

C = Path("src/c2_mkl/c")  # setuptools runs in the package's folder and wants relative paths

ffibuilder = FFI()
ffibuilder.cdef((C / "shim.h").read_text(encoding="utf-8"))
ffibuilder.set_source(
    "c2_mkl._shim",
    '#include <stddef.h>\n#include <stdint.h>\n#include "shim.h"',
    sources=sorted(map(str, C.glob("*.c"))),
    include_dirs=[str(C)],
    depends=sorted(map(str, C.glob("*.h"))),
    libraries=["dl", "m", "pthread"],
    # Vectors without a change of meaning: no errno, no traps; NaN, infinities and denormals as written.
    extra_compile_args=[
        *("-O3", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-g0"),
    ],
    py_limited_api=True,
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
