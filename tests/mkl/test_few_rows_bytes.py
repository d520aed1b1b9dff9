"""FC of few rows in int8 by the own kernel, beside products of integers in NumPy."""

import numpy as np
import pytest
from reduced_nets import run, skip_without

import c2


@pytest.fixture(scope="module", autouse=True)
def own_kernel(onednn):
    skip_without("int8")
    from c2_mkl.library import onednn as loaded

    if not loaded().has_own_vnni:
        pytest.skip("no AVX-512 VNNI: oneDNN does it")


@pytest.mark.parametrize("after", [[], ["Relu"]])
@pytest.mark.parametrize("signed", [False, True], ids=["u8", "s8"])
@pytest.mark.parametrize(
    ("M", "K", "N"), [(1, 1, 1), (1, 303, 64), (2, 130, 83), (3, 16, 129), (4, 785, 10)]
)
def test_products_are_exact_where_numbers_fit_the_steps(registry, M, K, N, signed, after):
    rng = np.random.default_rng(K)
    low, high = (-127, 127) if signed else (0, 255)
    x, w = rng.integers(low, high, (M, K), endpoint=True), rng.integers(-127, 128, (N, K))
    w[:, 0] = 127
    step = 2.0 ** rng.integers(-3, 3, (N, 1))
    b = rng.integers(-999, 999, N)
    net = c2.Net("rows")
    net.op("FC", ["x", "w", "b"], "f" if after else "y")
    for type_ in after:
        net.op(type_, "f", "y")
    net.add_external_output("y")
    feeds = {"x": x, "w": w * step, "b": b}
    feeds = {name: value.astype(np.float32) for name, value in feeds.items()}
    ranges = {"x": (float(low), float(high))}
    made, (found,) = run(registry, net, feeds, ["y"], None, ["w", "b"], ranges)
    library, _, calls, _ = made.program().stages[-1].native.keep
    assert library.ffi.typeof(calls[0].context).cname == "c2_few_rows_bytes *"
    expected = (x @ w.T) * step.ravel() + b
    np.testing.assert_array_equal(found, np.maximum(expected, 0) if after else expected)
