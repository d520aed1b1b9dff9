"""The device CUDA of tests, with c2-core and c2-cuda alone; tests that run something there ask for `cuda`."""

import pytest

from c2.registry import core_registry

CUDA = pytest.importorskip("c2_cuda.device", reason="c2-cuda is not installed").CUDA

REGISTRY = core_registry()
REGISTRY.add_device(CUDA, "c2-cuda")


@pytest.fixture
def registry():
    return REGISTRY


@pytest.fixture
def cuda(backend):
    """The first GPU; tests that need it are skipped, with the reason, where there is none."""
    return backend("CUDA")
