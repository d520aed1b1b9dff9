"""Reductions, distances and cross entropies: shapes that fill lanes, strips and threads, and special numbers."""

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net

REDUCE = {
    "Sum": np.sum, "Mean": np.mean, "Max": np.max, "Min": np.min,
    "L1": lambda X, axis: np.abs(X).sum(axis), "L2": lambda X, axis: np.sqrt((X * X).sum(axis)),
}  # fmt: skip
# Kept and folded axes in every order that there is a kernel for.
AXES = [
    ((3, 70, 90), (0,)), ((3, 70, 90), (2,)), ((3, 70, 90), (0, 2)), ((3, 70, 90), (1,)), ((2, 3, 70, 33), (1, 3)),
    ((40000,), (0,)), ((5, 7), ()), ((300, 3), (0,)),
]  # fmt: skip


def compiled(registry, net, feeds, keep, threads=2):
    workspace = c2.Workspace(registry=registry)
    for name, value in feeds.items():
        workspace.feed(name, value.astype(np.float32))
    made = CompiledNet(
        check_net(net.proto, registry), workspace, registry, keep=keep, threads=threads
    )
    made.run()
    assert {s.engine for s in made.program().stages} == {"MKL"}, [
        s.declined for s in made.program().stages
    ]
    return {name: workspace[name] for name in keep}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("shape", "axes"), AXES)
@pytest.mark.parametrize("what", REDUCE)
def test_reductions_and_their_gradients(registry, what, shape, axes, threads):
    rng = np.random.default_rng(len(shape))
    axes = axes or tuple(range(len(shape)))
    X, net = rng.standard_normal(shape).astype(np.float32), c2.Net("reduce")
    net.op(f"Reduce{what}", "X", "Y", axes=list(axes), keepdims=0)
    net.op(f"Reduce{what}Gradient", ["dY", "X", "Y"], "dX", axes=list(axes), keepdims=0)
    Y = REDUCE[what](X.astype(float), axis=axes)
    dY = np.asarray(rng.uniform(1, 2, Y.shape)).astype(np.float32)
    found = compiled(registry, net, {"X": X, "dY": dY}, ["Y", "dX"], threads)
    np.testing.assert_allclose(found["Y"], Y, rtol=2e-6, atol=2e-4 * (what == "Sum") + 1e-6)
    wide = tuple(1 if k in axes else size for k, size in enumerate(shape))
    y, dy = np.reshape(Y, wide), dY.reshape(wide).astype(float)
    slope = {
        "Sum": 1.0, "Mean": np.size(Y) / X.size, "Max": y == X, "Min": y == X, "L1": np.sign(X), "L2": X / y,
    }[what]  # fmt: skip
    np.testing.assert_allclose(
        found["dX"], np.broadcast_to(dy * slope, shape), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("what", ["Sum", "Max", "Min", "L2"])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("place", [0, 50, 99])
def test_nan_wherever_it_stands(registry, what, axis, place):
    X, net = np.ones((100, 100), np.float32), c2.Net("nan")
    X[place, 3] = np.nan
    X[3, 7] = np.inf
    net.op(f"Reduce{what}", "X", "Y", axes=[axis], keepdims=0)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(
            compiled(registry, net, {"X": X}, ["Y"])["Y"],
            REDUCE[what](X.astype(float), axis=axis),
            rtol=1e-6,
        )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (70, 33), (3, 9000)])
@pytest.mark.parametrize("mode", [{}, {"log_D_trick": 1}, {"unjoined_lr_loss": 1}])
def test_cross_entropy_and_distance(registry, rows, columns, mode, threads):
    rng = np.random.default_rng(rows)
    x, t = rng.standard_normal((2, rows, columns)).astype(np.float32).astype(float) * [
        [[30]],
        [[1]],
    ]
    dL, net = rng.uniform(1, 2, rows).astype(np.float32), c2.Net("losses")
    net.op("SigmoidCrossEntropyWithLogits", ["x", "t"], "L", **mode)
    net.op("SigmoidCrossEntropyWithLogitsGradient", ["dL", "x", "t"], "dx", **mode)
    net.op("SquaredL2Distance", ["x", "t"], "Z")
    net.op("SquaredL2DistanceGradient", ["x", "t", "dL"], ["da", "db"])
    found = compiled(
        registry, net, {"x": x, "t": t, "dL": dL}, ["L", "dx", "Z", "da", "db"], threads
    )
    s, above, below = 1 / (1 + np.exp(-x)), np.logaddexp(0, x), np.logaddexp(0, -x)
    losses, slope = {
        "": (t * below + (1 - t) * above, s - t),
        "log_D_trick": ((2 * t - 1) * below, (2 * t - 1) * (s - 1)),
        "unjoined_lr_loss": ((1 - t) * above - t * x, (1 - t) * s - t),
    }["".join(mode)]
    np.testing.assert_allclose(found["L"], losses.mean(1), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(found["dx"], dL[:, None] * slope / columns, rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(found["Z"], ((x - t) ** 2).sum(1) / 2, rtol=1e-5)
    np.testing.assert_allclose(found["da"], dL[:, None] * (x - t), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found["db"], -found["da"])
