"""A back end of small C kernels, compiled for the tests: engine "TEST" on the CPU."""

import ctypes
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from c2.compile.native import NativeKernel
from c2.registry import core_registry, native

SOURCE = Path(__file__).parent / "native_kernels.c"


class Elementwise(ctypes.Structure):
    _fields_ = [("n", ctypes.c_ssize_t)]


class Dense(ctypes.Structure):
    _fields_ = [
        ("m", ctypes.c_ssize_t),
        ("n", ctypes.c_ssize_t),
        ("k", ctypes.c_ssize_t),
        ("relu", ctypes.c_int),
    ]


class Patient(ctypes.Structure):
    _fields_ = [("n", ctypes.c_ssize_t), ("turns", ctypes.c_ssize_t), ("inputs", ctypes.c_int)]


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the test kernels with")
    target = tmp_path_factory.mktemp("native") / "kernels.so"
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", str(SOURCE), "-o", str(target)], check=True
    )
    return ctypes.CDLL(str(target))


def made(library, name, context, scratch=0):
    function = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    return NativeKernel(
        function, ctypes.addressof(context), keep=(library, context), scratch=scratch
    )


@pytest.fixture
def waiting(library):
    """waiting(size, turns, inputs, **more): a native kernel of known cost; see native_kernels.c."""

    def waiting(size, turns, inputs=1, **more):
        return replace(made(library, "waits", Patient(size, turns, inputs)), **more)

    return waiting


@pytest.fixture
def registry(library):
    """c2-core's operators, with native kernels for some of them, preferred."""

    def only_float(*specs, **args):
        return None if all(s.dtype == "float32" for s in specs) else "float32 only"

    @native("Relu", engine="TEST", supports=only_float)
    def build_relu(request):
        if request.post:
            return "fuses nothing"
        return made(library, "relu", Elementwise(request.inputs[0].size))

    @native("Add", engine="TEST", supports=only_float)
    def build_add(request):
        if request.inputs[0] != request.inputs[1]:
            return "no broadcast"
        return (
            "fuses nothing"
            if request.post
            else made(library, "add", Elementwise(request.inputs[0].size))
        )

    @native("FC", engine="TEST", supports=only_float)
    def build_fc(request):
        if [p for p, _ in request.post] not in ([], ["Relu"]):
            return "fuses Relu alone"
        if request.inputs[0].ndim != 2 or request.outputs[0].ndim != 2:
            return "matrices only"
        (m, k), n = request.inputs[0].shape, request.outputs[0].shape[1]
        return made(library, "fc", Dense(m, n, k, len(request.post)), scratch=4 * n * k)

    @native("Sub", engine="TEST")
    def build_failing_sub(request):
        return made(library, "fails", Elementwise(0))

    module = ModuleType("native_test_back_end")
    for builder in (build_relu, build_add, build_fc, build_failing_sub):
        builder.__module__ = module.__name__
        setattr(module, builder.__name__, builder)
    registry = core_registry()
    registry.add_module(module, "tests")
    registry.prefer_engines(["TEST"])
    return registry
