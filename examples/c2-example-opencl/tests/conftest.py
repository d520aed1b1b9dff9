"""`backend` and `--require-backend`; a registry with c2-core and this package alone."""

import pytest

import c2_example_opencl.kernels
from c2.registry import core_registry
from c2.testing import conformance_cases
from c2_example_opencl.device import OPENCL

pytest_plugins = ["c2.testing.pytest_plugin"]

REGISTRY = core_registry()
REGISTRY.add_device(OPENCL, "c2-example-opencl")
REGISTRY.add_package(c2_example_opencl.kernels, "c2-example-opencl")


@pytest.fixture
def registry():
    return REGISTRY


@pytest.fixture
def opencl(backend):
    """The device; tests that need it are skipped, with the reason, where there is none."""
    return backend("OPENCL")


def pytest_generate_tests(metafunc):
    if "one" in metafunc.fixturenames:
        metafunc.parametrize("one", list(cases()), ids=lambda one: one.id)
    if "own_type" in metafunc.fixturenames:
        metafunc.parametrize("own_type", own_types())


def own_types():
    """The operators that have a kernel for OPENCL."""
    return [t for t in REGISTRY.types() if any(k.device == "OPENCL" for k in REGISTRY.kernels(t))]


def cases():
    """In float32 and float64; Conv2D and the like, which share a kernel with Conv, in float32."""
    for type_ in own_types():
        same = type_.removesuffix("Gradient")[-2:] in ("1D", "2D", "3D")
        dtypes = ("float32",) if same else ("float32", "float64")
        yield from conformance_cases(REGISTRY, dtypes, types=[type_])
