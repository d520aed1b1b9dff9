"""Layer, group, instance and local response normalization in sizes that fill vectors, blocks and threads."""

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net


def compiled(registry, net, feeds, keep, threads=2):
    workspace = c2.Workspace(registry=registry)
    for name, value in feeds.items():
        workspace.feed(name, value.astype(np.float32))
    made = CompiledNet(
        check_net(net.proto, registry), workspace, registry, keep=keep, threads=threads
    )
    made.run()
    assert {s.engine for s in made.program().stages} <= {"MKL", "reorder"}, [
        s.declined for s in made.program().stages
    ]
    return {name: workspace[name] for name in keep}, made


def close(found, expected, relative=2e-4):
    assert np.abs(found - expected).max() <= relative * max(np.abs(expected).max(), 1e-3)


def normalized(X, axes, epsilon):
    mean = X.mean(axes, keepdims=True)
    return mean, np.sqrt(X.var(axes, keepdims=True) + epsilon)


def gradient(D, Z, deviation, axes):
    """By the chain rule through mean and variance, in float64."""
    return (D - D.mean(axes, keepdims=True) - Z * (D * Z).mean(axes, keepdims=True)) / deviation


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("affine", [0, 1])
@pytest.mark.parametrize(("rows", "columns"), [(7, 5), (300, 130), (2, 5000), (1, 64)])
def test_layer_norm_and_its_gradient(registry, rows, columns, affine, threads):
    rng = np.random.default_rng(columns)
    X, dY = rng.standard_normal((2, rows, columns)) * 3 + 10
    gamma, beta = rng.uniform(0.5, 2, columns), rng.standard_normal(columns)
    net, args = c2.Net("layer"), {"axis": 1, "epsilon": 1e-3, "elementwise_affine": affine}
    net.op(
        "LayerNorm",
        ["X", *["gamma", "beta"] * affine][: 1 + 2 * affine],
        ["Y", "mean", "deviation"],
        **args,
    )
    outputs = ["dX", *["dgamma", "dbeta"] * affine]
    net.op(
        "LayerNormGradient",
        ["dY", "Y", "mean", "deviation", "X", *["gamma"] * affine],
        outputs,
        **args,
    )
    feeds = {"X": X, "dY": dY, **({"gamma": gamma, "beta": beta} if affine else {})}
    found, _ = compiled(registry, net, feeds, ["Y", "mean", "deviation", *outputs], threads)
    mean, deviation = normalized(X, 1, 1e-3)
    Z, g = (X - mean) / deviation, gamma if affine else 1.0
    close(found["Y"], Z * g + (beta if affine else 0))
    close(found["mean"], mean)
    close(found["deviation"], deviation)
    close(found["dX"], gradient(dY * g, Z, deviation, 1))
    if affine:
        close(found["dgamma"], (dY * Z).sum(0))
        close(found["dbeta"], dY.sum(0))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("shape", "group"),
    [((3, 12, 9, 11), 4), ((2, 6, 50, 60), 3), ((5, 8, 7), 8), ((2, 16, 1, 1), 2)],
)
def test_group_norm_and_its_gradient(registry, shape, group, threads):
    rng = np.random.default_rng(group)
    X, dY = rng.standard_normal((2, *shape)) * 2 - 3
    gamma, beta = rng.uniform(0.5, 2, shape[1]), rng.standard_normal(shape[1])
    net, args = c2.Net("group"), {"group": group, "is_test": 0}
    net.op("GroupNorm", ["X", "gamma", "beta"], ["Y", "mean", "inverse"], **args)
    net.op(
        "GroupNormGradient",
        ["dY", "X", "gamma", "beta", "mean", "inverse"],
        ["dX", "dgamma", "dbeta"],
        **args,
    )
    feeds = {"X": X, "dY": dY, "gamma": gamma, "beta": beta}
    found, _ = compiled(
        registry, net, feeds, ["Y", "mean", "inverse", "dX", "dgamma", "dbeta"], threads
    )
    grouped, column = (shape[0], group, -1), (-1, *(1,) * (len(shape) - 2))
    mean, deviation = normalized(X.reshape(grouped), 2, 1e-5)
    Z = ((X.reshape(grouped) - mean) / deviation).reshape(shape)
    close(found["Y"], Z * gamma.reshape(column) + beta.reshape(column))
    close(found["mean"], mean[..., 0])
    close(found["inverse"], 1 / deviation[..., 0])
    D = (dY * gamma.reshape(column)).reshape(grouped)
    close(found["dX"], gradient(D, Z.reshape(grouped), deviation, 2).reshape(shape))
    others = (0, *range(2, len(shape)))
    close(found["dgamma"], (dY * Z).sum(others))
    close(found["dbeta"], dY.sum(others))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("order", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    ("shape", "size", "beta"),
    [((2, 96, 13, 11), 5, 0.75), ((2, 20, 40, 7), 3, 0.5), ((1, 7, 5, 5), 4, 0.6)],
)
def test_lrn_and_its_gradient(registry, shape, size, beta, order, threads):
    rng = np.random.default_rng(size)
    X, dY = rng.standard_normal((2, *shape))
    alpha, bias, C = 0.3, 1.2, shape[1]
    near = np.zeros((C, C))  # 1 where channel k counts for channel c
    for c in range(C):
        near[c, max(0, c - (size - 1) // 2) : c + size // 2 + 1] = 1
    S = bias + alpha / size * np.einsum("ck,nkhw->nchw", near, X**2)
    Y = X * S**-beta
    inner = np.einsum("ck,nchw->nkhw", near, dY * X * -beta * S ** (-beta - 1))
    dX = dY * S**-beta + 2 * alpha / size * X * inner
    turned = (
        (lambda a: np.ascontiguousarray(np.moveaxis(a, 1, -1)))
        if order == "NHWC"
        else (lambda a: a)
    )
    net, args = (
        c2.Net("lrn"),
        {"size": size, "alpha": alpha, "beta": beta, "bias": bias, "order": order},
    )
    net.op("LRN", "X", ["Y", "S"], **args)
    net.op("LRNGradient", ["X", "Y", "dY"], "dX", **args)
    found, _ = compiled(
        registry, net, {"X": turned(X), "dY": turned(dY)}, ["Y", "S", "dX"], threads
    )
    for name, expected in (("Y", Y), ("S", S), ("dX", dX)):
        close(found[name], turned(expected), 1e-5)


@pytest.mark.parametrize("C", [20, 32])
def test_lrn_and_its_gradient_between_convolutions(registry, C):
    """In the layout of the convolutions, with channels that fill a block and with others."""
    rng = np.random.default_rng(C)
    model = c2.ModelHelper("lrn_between")
    h = c2.brew.conv(model, "data", "c1", dim_in=3, dim_out=C, kernel=3, no_gradient_to_input=True)
    h = model.LRN(model.Relu(h, "r"), "n", size=5, alpha=0.3, beta=0.75)
    h = c2.brew.conv(model, h, "c2", dim_in=C, dim_out=16, kernel=3)
    model.net.proto.op[-1].output[0] = "out"
    model.AveragedLoss(model.Sqr("out", "square"), "loss")
    model.add_gradients("loss")
    X = rng.standard_normal((2, 3, 14, 14)).astype(np.float32)
    workspaces = []
    for kind in ("simple", "compiled"):
        workspace = c2.Workspace(
            registry=registry if kind == "compiled" else c2.registry.core_registry()
        )
        feed = np.random.default_rng(1)
        for name, shape in (
            ("c1_w", (C, 3, 3, 3)),
            ("c1_b", (C,)),
            ("c2_w", (16, C, 3, 3)),
            ("c2_b", (16,)),
        ):
            workspace.feed(name, feed.standard_normal(shape).astype(np.float32))
        workspace.feed("data", X)
        if kind == "simple":
            workspace.create(model.net).run()
        else:
            made = CompiledNet(
                check_net(model.net.proto, registry),
                workspace,
                registry,
                keep=["c1_w_grad", "c1_b_grad", "loss"],
            )
            made.run()
            assert {s.engine for s in made.program().stages} <= {"MKL", "reorder"}
        workspaces.append(workspace)
    for name in ("loss", "c1_w_grad", "c1_b_grad"):
        close(workspaces[1][name], workspaces[0][name], 1e-4)
