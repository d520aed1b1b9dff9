"""What c2 believes of NVIDIA's functions and numbers, compiled behind NVIDIA's own headers."""

import enum
import subprocess
from importlib.resources import files
from shutil import which

import pytest
from cffi import FFI

import c2_cuda.cublas.numbers
import c2_cuda.cudnn.numbers

# What the headers take from CUDA's own, which are not beside them.
RUNTIME = """
#include <stddef.h>
#include <stdint.h>
typedef struct CUstream_st *cudaStream_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef int cudaError_t;
"""
TYPES = """
typedef enum { CUDA_R_32F = 0, CUDA_R_64F = 1, CUDA_R_16F = 2, CUDA_R_16BF = 14 } cudaDataType_t;
typedef cudaDataType_t cudaDataType;
typedef int libraryPropertyType, cudaEmulationStrategy, cudaEmulationMantissaControl, cudaEmulationSpecialValuesSupport;
typedef struct { float x, y; } cuComplex;
typedef struct { double x, y; } cuDoubleComplex;
typedef short __half, __nv_bfloat16;
"""
MADE = {
    **dict.fromkeys(["cuda_runtime.h", "cuda_runtime_api.h", "driver_types.h"], RUNTIME),
    "library_types.h": f"#pragma once\n{TYPES}",
    **dict.fromkeys(["cuComplex.h", "cuda_fp16.h", "cuda_bf16.h"], '#include "library_types.h"\n'),
}
LIBRARIES = {"cudnn": "cudnn.h", "cublas": "cublasLt.h"}
PREFIX = {"cudnn": "CUDNN_", "cublas": ""}
ENUMS = [
    (package, found)
    for package, module in (("cudnn", c2_cuda.cudnn.numbers), ("cublas", c2_cuda.cublas.numbers))
    for found in vars(module).values()
    if isinstance(found, type) and issubclass(found, enum.IntEnum) and found is not enum.IntEnum
]


def declared(package, name="functions.h"):
    return files(f"c2_cuda.{package}").joinpath(name).read_text()


@pytest.fixture
def compiled(tmp_path):
    """What gcc says of C behind a library's header."""
    pathfinder = pytest.importorskip("cuda.pathfinder")
    if which("gcc") is None:
        pytest.skip("gcc is not installed")
    for name, text in MADE.items():
        (tmp_path / name).write_text(text)

    def compiled(package, source):
        folder = pathfinder.find_nvidia_header_directory(package)
        if folder is None:
            pytest.skip(f"{LIBRARIES[package]} was not found: pip install nvidia-{package}-cu12")
        (tmp_path / "check.c").write_text(f"#include <{LIBRARIES[package]}>\n{source}")
        command = [
            "gcc",
            "-fsyntax-only",
            "-w",
            f"-I{tmp_path}",
            f"-I{folder}",
            tmp_path / "check.c",
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    return compiled


@pytest.mark.parametrize("package", LIBRARIES)
def test_functions_are_declared_as_nvidia_declares_them(compiled, package):
    assert compiled(package, declared(package)) == ""


@pytest.mark.parametrize(
    ("package", "right", "wrong"),
    [
        ("cudnn", "int axes, const int pads[]", "long axes, const int pads[]"),
        ("cublas", "int64_t step", "int step"),
    ],
)
def test_a_wrong_declaration_is_found(compiled, package, right, wrong):
    assert right in declared(package)
    assert "conflicting types" in compiled(package, declared(package).replace(right, wrong))


@pytest.mark.parametrize(("package", "numbers"), ENUMS, ids=lambda v: getattr(v, "__name__", v))
def test_numbers_are_nvidia_s(compiled, package, numbers):
    checks = [
        f'_Static_assert({PREFIX[package]}{n.name} == {n.value}, "{n.name}");' for n in numbers
    ]
    assert compiled(package, "\n".join(checks)) == ""


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("cudnn", "cudnnConvolutionFwdAlgoPerf_t"),
        ("cudnn", "cudnnConvolutionBwdDataAlgoPerf_t"),
        ("cudnn", "cudnnConvolutionBwdFilterAlgoPerf_t"),
        ("cublas", "cublasLtMatmulAlgo_t"),
        ("cublas", "cublasLtMatmulHeuristicResult_t"),
    ],
)
def test_structures_have_nvidia_s_layout(compiled, package, name):
    ffi = FFI()
    ffi.cdef(declared(package, "types.h"))
    checks = [f'_Static_assert(sizeof({name}) == {ffi.sizeof(name)}, "size");']
    for field, _ in ffi.typeof(name).fields:
        checks.append(
            f'_Static_assert(offsetof({name}, {field}) == {ffi.offsetof(name, field)}, "{field}");'
        )
    assert compiled(package, "\n".join(checks)) == ""
