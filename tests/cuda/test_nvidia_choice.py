"""Which kernel serves an operator on CUDA, told without a GPU."""

import numpy as np
import pytest

from c2.errors import PluginError
from c2.place.choose import choose_kernel
from c2.registry import TensorSpec, default
from c2_cuda.cudnn.library import library
from c2_cuda.kernels import softmax


@pytest.fixture(scope="module")
def registry():
    return default()


def chosen(registry, type_, specs, args):
    args = {**{a.name: a.default for a in registry.schema(type_).args}, **args}
    return choose_kernel(
        registry, type_, "CUDA", "", specs, {k: v for k, v in args.items() if v is not None}
    )


@pytest.mark.parametrize(
    "type_",
    ["Conv", "ConvGradient", "Conv3D", "ConvTranspose", "ConvTransposeGradient", "MaxPool", "AveragePool2D",
     "AveragePoolGradient", "SpatialBN", "SpatialBNGradient", "LRN", "LRNGradient", "Softmax", "SoftmaxGradient"],
)  # fmt: skip
def test_cudnn_is_asked_before_the_portable_kernel(registry, type_):
    engines = [k.engine for k in registry.candidates(type_, "CUDA")]
    assert "CUDNN" in engines
    assert registry.engine_order(type_, "CUDA", "")[0] == "CUDNN"


def test_softmax_needs_no_gpu_to_be_chosen(registry):
    try:
        library()
    except PluginError as error:
        pytest.skip(str(error))
    assert chosen(registry, "Softmax", [TensorSpec((2, 3), "float32")], {}).kernel.engine == "CUDNN"


def test_what_cudnn_declines_says_why(registry):
    found = chosen(registry, "Softmax", [TensorSpec((0, 3), "float32")], {})
    assert found.kernel.engine == ""
    assert any("take no empty tensors" in why for _, why in found.passed_over)


def test_without_the_library_the_portable_kernel_serves(registry, monkeypatch):
    def missing():
        raise PluginError("cuDNN was not found: pip install nvidia-cudnn-cu12")

    monkeypatch.setattr(softmax, "library", missing)
    found = chosen(registry, "Softmax", [TensorSpec((2, 3), np.float32)], {})
    assert found.kernel.engine == ""
    assert any("was not found" in why for _, why in found.passed_over)
