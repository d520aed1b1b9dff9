"""Convolutions in many blocks, in both layouts, from run to run."""

import tracemalloc
from functools import cache
from itertools import product

import numpy as np
import pytest

import c2
from c2.ops.conv import convolution
from c2.ops.conv.conv import Conv
from c2.ops.conv.conv_gradient import ConvGradient
from c2.ops.conv.conv_transpose import ConvTranspose, ConvTransposeGradient
from c2.ops.conv.direct import channels_last, direct_conv, direct_gradients
from c2.ops.conv.geometry import resolve_window
from c2.registry import Mismatch
from c2.registry.spec import spec_of

GEOMETRY = {"stride": (2, 1), "dilation": (1, 2), "head": (1, 2), "tail": (1, 2), "group": 2}
ARGS = {"kernels": (3, 2), "strides": (2, 1), "dilations": (1, 2), "pads": (1, 2, 1, 2), "group": 2}
TRANSPOSED = {**GEOMETRY, "dilation": (1, 1), "head": (1, 1), "tail": (1, 1)}
LAYOUTS = list(product(("NCHW", "NHWC"), (1, 200, 1 << 20), (0, 1 << 20), (0, 1 << 20)))


@pytest.fixture(params=LAYOUTS, ids=lambda p: f"{p[0]}-{p[1]} bytes-{p[2]}-{p[3]}")
def order(request, monkeypatch):
    """Both orders, with blocks from one row of one image to everything, images alone and side by side."""
    order, block_bytes, positions, filters = request.param
    monkeypatch.setattr(convolution, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(convolution, "FEW_POSITIONS", positions)
    monkeypatch.setattr(convolution, "FEW_FILTERS", filters)
    return order


@cache
def problem(batch=3):
    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((batch, 4, 7, 5)), rng.standard_normal((6, 2, 3, 2))
    return X, W, direct_conv(X, W, **GEOMETRY)


@cache
def adjoint_problem():
    X, W, Y = problem()
    dY = np.random.default_rng(1).standard_normal(Y.shape)
    return X, W, dY, *direct_gradients(X, W, dY, **GEOMETRY)


@cache
def transposed_problem():
    X, W, _ = problem()
    Y = np.random.default_rng(2).standard_normal(direct_conv(X, W, **TRANSPOSED).shape)
    return X, W, Y, *direct_gradients(X, W, Y, **TRANSPOSED)


def laid(order, *arrays):
    return [channels_last(a) if order == "NHWC" else a for a in arrays]


def made(kernel_class, /, *arrays, **args):
    return kernel_class(np, *map(spec_of, arrays), **args)


def test_forward(order):
    X, W, Y = laid(order, *problem())
    conv = made(Conv, X, W, order=order, **ARGS)
    np.testing.assert_allclose(conv(X, W), Y, 1e-10, 1e-12)
    np.testing.assert_allclose(conv(2 * X, W), 2 * Y, 1e-10, 1e-12)


def test_gradients(order):
    X, W, dY, *expected = laid(order, *adjoint_problem())
    gradient = made(ConvGradient, X, W, dY, order=order, no_bias=1, n_outputs=2, **ARGS)
    for factor in (1, 2):
        dW, dX = gradient(X, W, factor * dY)
        np.testing.assert_allclose(dX, factor * expected[0], 1e-10, 1e-12)
        np.testing.assert_allclose(dW, factor * expected[1], 1e-10, 1e-12)


def test_transposed_is_the_adjoint(order):
    X, W, Y, images, dW = laid(order, *transposed_problem())
    args = {"kernels": (3, 2), "strides": (2, 1), "pads": (1, 1, 1, 1), "group": 2}
    transposed = made(ConvTranspose, Y, W, order=order, **args)
    np.testing.assert_allclose(transposed(Y, W), images, 1e-10, 1e-12)
    gradient = made(ConvTransposeGradient, Y, W, X, order=order, no_bias=1, n_outputs=1, **args)
    np.testing.assert_allclose(gradient(Y, W, X)[0], dW, 1e-10, 1e-12)


def test_a_steady_run_allocates_next_to_nothing():
    X, W = np.ones((4, 16, 20, 20), np.float32), np.ones((16, 16, 3, 3), np.float32)
    args = {"order": "NCHW", "group": 1, "kernel": 3, "pad": 1}
    conv = made(Conv, X, W, **args)
    Y = conv(X, W)
    gradient = made(ConvGradient, X, W, Y, no_bias=1, n_outputs=2, **args)
    out = gradient(X, W, Y)
    tracemalloc.start()
    conv(X, W, out=Y)
    gradient(X, W, Y, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000  # NumPy buffers 8192 elements per operand; the columns alone are 900 kB


def test_window_arguments_in_any_form():
    forms = [{"kernel": 3}, {"kernels": (3, 3)}, {"kernel_h": 3, "kernel_w": 3}]
    assert len({resolve_window((5, 5), **form) for form in forms}) == 1
    assert resolve_window((5, 5), kernel=3, pad_t=1).head == (0, 0)  # all four pads or none
    with pytest.raises(Mismatch, match="kernels must have one entry per spatial axis"):
        resolve_window((5,), kernels=(3, 3))
    with pytest.raises(Mismatch, match="the window must fit into the padded image"):
        resolve_window((2, 2), kernel=3)


def test_a_wrong_filter_is_told_in_the_users_names():
    workspace = c2.Workspace()
    workspace.feed("data", np.ones((1, 64, 56, 56), np.float32))
    workspace.feed("conv1_w", np.ones((64, 32, 3, 3), np.float32))
    net = c2.Net("resnet50")
    net.op("Conv", ["data", "conv1_w"], "conv1", name="conv1", kernel=3)
    with pytest.raises(c2.SchemaError) as caught:
        workspace.run_once(net)
    assert "filter.shape[1] * group must equal X.shape[1]" in str(caught.value)
    assert "expected 64, got 32 * 1 = 32" in str(caught.value)
    assert "Conv 'conv1'" in str(caught.value)
