"""Descriptors, which need no GPU: cuDNN itself says what comes out of them."""

import re
from importlib.resources import files

import numpy as np
import pytest

from c2.errors import KernelError
from c2.ops.conv.geometry import image_shape, resolve_window
from c2.registry import TensorSpec
from c2_cuda.cudnn.numbers import Math, Pooling
from c2_cuda.kernels import limits

cudnn = pytest.importorskip("c2_cuda.cudnn.library")
descriptors = pytest.importorskip("c2_cuda.cudnn.descriptors")


@pytest.fixture(scope="module", autouse=True)
def _library():
    try:
        cudnn.library()
    except Exception as error:
        pytest.skip(f"cuDNN is not here: {error}")


def shape_of(name, *args):
    sizes = cudnn.library().ffi.new("int[]", 8)
    axes = args[-1]
    cudnn.library().call(name, *args, sizes)
    return tuple(sizes[0:axes])


WINDOWS = [
    ((9,), {"kernel": 3}),
    ((9, 8), {"kernel": 3, "pad": 1}),
    ((9, 8), {"kernel": 5, "stride": 2, "pad": 2}),
    ((11, 12), {"kernels": [3, 2], "dilations": [2, 3], "strides": [2, 1]}),
    ((7, 7), {"kernel": 1, "stride": 2}),
    ((6, 7, 8), {"kernel": 3, "pad": 1, "stride": 2}),
]


@pytest.mark.parametrize("order", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("sizes", "args"), WINDOWS)
def test_cudnn_sees_the_convolution_that_c2_means(sizes, args, order):
    window = resolve_window(sizes, **args)
    x = descriptors.tensor(image_shape(2, 6, sizes, order), np.float32, order)
    w = descriptors.filters(image_shape(4, 3, window.kernel, order), np.float32, order)
    convolution = descriptors.convolution(window, np.float32, 2, Math.FMA_MATH)
    axes = max(4, len(sizes) + 2)
    found = shape_of("GetConvolutionNdForwardOutputDim", convolution, x, w, axes)
    assert found == (2, 4, *window.outputs, *(1,) * (axes - 2 - len(sizes)))


@pytest.mark.parametrize(("sizes", "args"), [w for w in WINDOWS if "dilations" not in w[1]])
def test_cudnn_sees_the_pool_that_c2_means(sizes, args):
    window = resolve_window(sizes, **args)
    x = descriptors.tensor((2, 6, *sizes), np.float32)
    pooling = descriptors.pooling(window, Pooling.POOLING_MAX)
    axes = max(4, len(sizes) + 2)
    found = shape_of("GetPoolingNdForwardOutputDim", pooling, x, axes)
    assert found == (2, 6, *window.outputs, *(1,) * (axes - 2 - len(sizes)))


@pytest.mark.parametrize("order", ["NCHW", "NHWC"])
@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 5, 7), (2, 3, 5, 7, 4)])
def test_strides_are_those_of_contiguous_images(shape, order):
    array = np.zeros(shape)
    expected = np.array(array.strides) // array.itemsize
    first = np.moveaxis(array, -1, 1) if order == "NHWC" else array  # a view, channels first
    strides = descriptors._strides(first.shape, order)
    assert strides == list(np.array(first.strides) // array.itemsize)
    assert sorted(strides) == sorted(expected)


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        ({"kernel": 3, "pads": [0, 0, 1, 1]}, "pads both ends alike"),
        ({"kernel": 3, "pads": [1, 1, 0, 0], "stride": 2}, None),  # the odd end is not read
        ({"kernel": 1, "pads": [-1, 0, 0, 0]}, "cannot crop"),
        ({"kernel": 3, "pad": 1}, None),
    ],
)
def test_pads_that_cudnn_cannot_say_are_declined(window, reason):
    found = limits.image(TensorSpec((1, 2, 8, 8), "float32"), resolve_window((8, 8), **window))
    assert found is None if reason is None else reason in found


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (((2, 3), "int32"), "not int32"),
        (((0, 3), "float32"), "no empty tensors"),
        (((1 << 16, 1 << 15), "float16"), "int counts"),
        (((2, 3), "float64"), None),
    ],
)
def test_tensors_that_cudnn_does_not_take_are_declined(spec, reason):
    found = limits.plain(lambda: None, TensorSpec(*spec))
    assert found is None if reason is None else reason in found


def test_a_refused_call_is_an_error_with_cudnn_s_text():
    with pytest.raises(
        KernelError, match=r"cudnn 9\.\d+\.\d+: cudnnSetTensorNdDescriptor: .*BAD_PARAM"
    ):
        descriptors.tensor((0, 1, 1, 1), np.float32)


def test_every_declared_function_is_in_the_library():
    text = files("c2_cuda.cudnn").joinpath("functions.h").read_text()
    declared = re.findall(r"\b(cudnn[A-Z]\w+)\(", text)
    assert len(declared) > 40
    for name in declared:
        assert getattr(cudnn.library().functions, name)
