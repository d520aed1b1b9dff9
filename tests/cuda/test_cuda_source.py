"""CUDA C of c2-cuda: compiled by NVRTC, which needs no GPU, and computed on the host against another formula."""

from importlib.resources import files

import numpy as np
import pytest
from cuda_on_host import start_on_host

from c2.ops.conv.geometry import image_shape, resolve_window
from c2_cuda.cuda_source import TYPES, options, text
from c2_cuda.kernels.max_pool_gradient import numbers

SOURCES = sorted(
    p.name.removesuffix(".cu") for p in files("c2_cuda.cu").iterdir() if p.name.endswith(".cu")
)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", SOURCES)
def test_nvrtc_compiles_it_for_hopper(name, dtype):
    nvrtc = pytest.importorskip("cupy_backends.cuda.libs.nvrtc")
    pathfinder = pytest.importorskip("cuda.pathfinder")
    include = pathfinder.find_nvidia_header_directory("cudart")
    if include is None:
        pytest.skip("CUDA's headers were not found: pip install nvidia-cuda-runtime-cu12")
    program = nvrtc.createProgram(text(name), f"{name}.cu", (), ())
    try:
        nvrtc.compileProgram(program, (*options(dtype), "-arch=sm_90", f"-I{include}"))
    except nvrtc.NVRTCError:
        pytest.fail(nvrtc.getProgramLog(program))
    assert len(nvrtc.getCUBIN(program)) > 500


@pytest.mark.parametrize("order", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    ("sizes", "args"),
    [
        ((9,), {"kernel": 3, "stride": 2}),
        ((7, 8), {"kernel": 3, "stride": 2, "pad": 1}),
        ((7, 8), {"kernel": 2}),
        ((5, 6), {"kernels": [3, 2], "strides": [1, 3], "pads": [1, 0, 0, 1]}),
        ((6, 6), {"kernel": 3, "stride": 2, "legacy_pad": 3}),
        ((4, 5, 6), {"kernel": 3, "stride": 2, "pad": 1}),
    ],
)
def test_gradient_of_max_pool(tmp_path, sizes, args, order):
    rng = np.random.default_rng(0)
    window = resolve_window(sizes, **args)
    # Few different numbers: windows hold their greatest several times.
    X = rng.integers(0, 4, (2, 3, *sizes)).astype(np.float32)
    Y = np.full((2, 3, *window.outputs), -np.inf, np.float32)
    dY = rng.standard_normal(Y.shape).astype(np.float32)
    taps = [
        (o, i)
        for o in np.ndindex(*window.outputs)
        for t in np.ndindex(*window.kernel)
        if all(
            0 <= (i := a * s + k - h) < n
            for a, s, k, h, n in zip(o, window.stride, t, window.head, sizes)
        )
        for i in [tuple(a * s + k - h for a, s, k, h in zip(o, window.stride, t, window.head))]
    ]
    for o, i in taps:
        Y[(..., *o)] = np.maximum(Y[(..., *o)], X[(..., *i)])
    expected = np.zeros_like(X)
    for o, i in taps:
        expected[(..., *i)] += dY[(..., *o)] * (X[(..., *i)] == Y[(..., *o)])
    if order == "NHWC":
        X, Y, dY = (np.ascontiguousarray(np.moveaxis(a, 1, -1)) for a in (X, Y, dY))
        expected = np.moveaxis(expected, 1, -1)
    assert X.shape == image_shape(2, 3, sizes, order)
    dX = np.full_like(X, 77)
    sizes_of = numbers(X.shape, order, window)
    start_on_host(
        tmp_path, "max_pool", "max_pool_gradient", np.float32, X.size, X, Y, dY, dX, *sizes_of
    )
    np.testing.assert_allclose(dX, expected, rtol=1e-5, atol=1e-6)
