"""What c2 believes of cuDNN's functions and numbers, compiled behind NVIDIA's own header."""

import enum
import subprocess
from importlib.resources import files
from shutil import which

import pytest

from c2_cuda.cudnn import numbers

HERE = files("c2_cuda.cudnn")
# What cudnn.h takes from CUDA's own headers, which are not beside it.
RUNTIME = """
#include <stddef.h>
#include <stdint.h>
typedef struct CUstream_st *cudaStream_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef int cudaError_t;
"""
ENUMS = [e for e in vars(numbers).values() if isinstance(e, type) and issubclass(e, enum.IntEnum)]


@pytest.fixture(scope="module")
def header():
    """The folder of cudnn.h."""
    pathfinder = pytest.importorskip("cuda.pathfinder")
    if which("gcc") is None:
        pytest.skip("gcc is not installed")
    found = pathfinder.find_nvidia_header_directory("cudnn")
    if found is None:
        pytest.skip("cudnn.h was not found: pip install nvidia-cudnn-cu12")
    return found


def compiles(source, header, folder):
    for name in ("cuda_runtime.h", "cuda_runtime_api.h"):
        (folder / name).write_text(RUNTIME)
    (folder / "library_types.h").write_text(
        "typedef int cudaDataType_t, cudaDataType, libraryPropertyType;\n"
    )
    (folder / "check.c").write_text(source)
    command = [
        "gcc",
        "-fsyntax-only",
        "-Wno-deprecated-declarations",
        f"-I{folder}",
        f"-I{header}",
        folder / "check.c",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_functions_are_declared_as_nvidia_declares_them(header, tmp_path):
    source = f"#include <cudnn.h>\n{HERE.joinpath('functions.h').read_text()}"
    result = compiles(source, header, tmp_path)
    assert result.returncode == 0, result.stderr


def test_a_wrong_declaration_is_found(header, tmp_path):
    source = f"#include <cudnn.h>\n{HERE.joinpath('functions.h').read_text()}"
    wrong = source.replace("int axes, const int pads[]", "long axes, const int pads[]")
    assert wrong != source
    assert "conflicting types" in compiles(wrong, header, tmp_path).stderr


@pytest.mark.parametrize("numbers_of", ENUMS, ids=lambda e: e.__name__)
def test_numbers_are_nvidia_s(header, tmp_path, numbers_of):
    checks = [
        f'_Static_assert(CUDNN_{one.name} == {one.value}, "{one.name}");' for one in numbers_of
    ]
    result = compiles("#include <cudnn.h>\n" + "\n".join(checks), header, tmp_path)
    assert result.returncode == 0, result.stderr


def test_results_of_a_search_have_nvidia_s_layout(header, tmp_path):
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(HERE.joinpath("types.h").read_text())
    checks = ["#include <cudnn.h>"]
    for direction in ("Fwd", "BwdData", "BwdFilter"):
        name = f"cudnnConvolution{direction}AlgoPerf_t"
        checks.append(f'_Static_assert(sizeof({name}) == {ffi.sizeof(name)}, "size");')
        for field, _ in ffi.typeof(name).fields:
            offset = ffi.offsetof(name, field)
            checks.append(f'_Static_assert(offsetof({name}, {field}) == {offset}, "{field}");')
    result = compiles("\n".join(checks), header, tmp_path)
    assert result.returncode == 0, result.stderr
