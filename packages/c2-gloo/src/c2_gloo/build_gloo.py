"""Builds `c2_gloo._gloo` with cffi: Gloo as C functions (`cc/*.h`), over libgloo and its headers."""

from pathlib import Path

from cffi import FFI

CC = Path("src/c2_gloo/cc")  # setuptools runs in the package's folder and wants relative paths

CALLS = ("gloo.h", "shared.h")

ffibuilder = FFI()
ffibuilder.cdef(
    "".join((CC / name).read_text(encoding="utf-8") for name in CALLS)
    + """
extern "Python" int c2_python_set(void *store, const char *key, const char *value, size_t size);
extern "Python" ptrdiff_t c2_python_get(void *store, const char *key, char *value, size_t room, int milliseconds);
"""
)
ffibuilder.set_source(
    "c2_gloo._gloo",
    '#include <stddef.h>\n#include <stdint.h>\nextern "C" {\n#include "gloo.h"\n#include "shared.h"\n}',
    source_extension=".cc",
    sources=sorted(map(str, CC.glob("*.cc"))),
    include_dirs=[str(CC)],
    depends=sorted(map(str, CC.glob("*.h"))),
    libraries=["gloo", "rt"],
    extra_compile_args=["-std=c++17", "-O3", "-fvisibility=hidden"],
    py_limited_api=True,
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
