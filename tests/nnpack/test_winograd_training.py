"""Winograd where filters change: forward, and the gradients of filters, bias and images, against float64."""

import numpy as np
import pytest

import c2
from c2 import brew
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry
from c2.testing.conformance import conformance_cases, operator_of
from c2_nnpack.algorithms import direct, tiled, winograd, winograd_changing, winograd_gradient
from c2_nnpack.convolution import Convolution
from c2_nnpack.kernels import vector_lanes

TILES = sorted(winograd_gradient.ERRORS)
LANES = [n for n in (16, 8, 4) if n <= vector_lanes()]
SHAPES = [
    ((1, 16, 16, 6, 6), (1, 1, 1, 1)),
    ((2, 20, 40, 13, 11), (1, 1, 1, 1)),
    ((3, 3, 5, 7, 4), (0, 0, 0, 0)),
    ((1, 48, 33, 5, 17), (2, 0, 1, 3)),
    ((1, 33, 80, 1, 1), (1, 1, 1, 1)),
    ((2, 17, 16, 4, 5), (3, 4, 3, 2)),
]
REASONS = (
    "empty tensors", "images (N, C, H, W) only", "one group only", "kernel 3x3, stride 1 and dilation 1 only",
    "pads that crop",
)  # fmt: skip


@pytest.fixture
def use(monkeypatch):
    """use(m, lanes): the algorithm and the vectors of what is built from now on."""

    def use(m, lanes=None):
        monkeypatch.setattr(winograd, "tilings", lambda kernel: [winograd.tiling(m, 3)])
        monkeypatch.setattr(tiled, "FEW", 1)
        monkeypatch.setattr(direct, "direct_cycles", lambda one: np.inf)
        if lanes:
            monkeypatch.setattr(tiled, "vector_lanes", lambda: lanes)

    return use


def drawn(N, C, K, H, W, pads=(1, 1, 1, 1), seed=0):
    rng = np.random.default_rng(seed)
    top, left, bottom, right = pads
    shapes = {
        "X": (N, C, H, W), "W": (K, C, 3, 3), "b": (K,),
        "dY": (N, K, H + top + bottom - 2, W + left + right - 2),
    }  # fmt: skip
    return {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}


def taps(X, pads, shape):
    """(i, j, the part of the padded X that tap i, j reads)."""
    top, left, bottom, right = pads
    padded = np.pad(X, ((0, 0), (0, 0), (top, bottom), (left, right)))
    for i in range(3):
        for j in range(3):
            yield i, j, padded, np.s_[:, :, i : i + shape[2], j : j + shape[3]]


def convolution(X, W, b, pads):
    Y = b.reshape(1, -1, 1, 1).astype(np.float64)
    size = [len(X), len(W), X.shape[2] + pads[0] + pads[2] - 2, X.shape[3] + pads[1] + pads[3] - 2]
    for i, j, padded, part in taps(X.astype(np.float64), pads, size):
        Y = Y + np.einsum("nchw,kc->nkhw", padded[part], W[:, :, i, j].astype(np.float64))
    return Y


def gradients(X, W, dY, pads):
    """dW, db, dX, tap by tap in float64."""
    X, W, dY = (one.astype(np.float64) for one in (X, W, dY))
    dW, dX = np.zeros_like(W), None
    for i, j, padded, part in taps(X, pads, dY.shape):
        dX = np.zeros_like(padded) if dX is None else dX
        dW[:, :, i, j] = np.einsum("nkhw,nchw->kc", dY, padded[part], optimize=True)
        dX[part] += np.einsum("nkhw,kc->nchw", dY, W[:, :, i, j], optimize=True)
    top, left = pads[:2]
    return {
        "dW": dW, "db": dY.sum((0, 2, 3)),
        "dX": dX[:, :, top : top + X.shape[2], left : left + X.shape[3]],
    }  # fmt: skip


@pytest.fixture
def differentiated(registry, compiled):
    def differentiated(blobs, pads=(1, 1, 1, 1), wanted=("dW", "db", "dX"), threads=1, **args):
        """What a ConvGradient gives by name, and the engines of the program's stages."""
        net = c2.Net("gradient")
        net.ConvGradient(["X", "W", "dY"], list(wanted), kernel=3, pads=list(pads), **args)
        net.proto.external_output.extend(wanted)
        made, workspace = compiled(registry, net, blobs, (), threads)
        made.run()
        made.run()  # sums must begin anew
        return {n: workspace[n] for n in wanted}, [s.engine for s in made.program().stages], made

    return differentiated


def assert_near(found, expected, m):
    bounds = {
        "dW": winograd_gradient.ERRORS[m], "db": winograd_gradient.ERRORS[2], "dX": winograd_changing.ERRORS[m],
    }  # fmt: skip
    for name, one in found.items():
        error = np.abs(one - expected[name]).max() / np.abs(expected[name]).max()
        assert error <= bounds[name], f"{name}: {error}"


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("m", TILES)
@pytest.mark.parametrize(("shape", "pads"), SHAPES)
def test_gradients(differentiated, use, shape, pads, m, lanes):
    use(m, lanes)
    blobs = drawn(*shape, pads)
    found, engines, _ = differentiated(blobs, pads)
    assert "NNPACK" in engines
    assert_near(found, gradients(blobs["X"], blobs["W"], blobs["dY"], pads), m)


@pytest.mark.parametrize("m", TILES)
def test_gradients_are_difference_quotients(differentiated, use, m):
    """Of sum(Y * dY), which is linear in X, W and b each: the quotient is exact for any step."""
    use(m)
    pads = (1, 0, 2, 1)
    blobs, steps = drawn(2, 18, 20, 9, 8, pads), drawn(2, 18, 20, 9, 8, pads, seed=1)
    found, _, _ = differentiated(blobs, pads)
    inputs = [blobs["X"], blobs["W"], blobs["b"]]
    for k, (name, gradient) in enumerate([("X", "dX"), ("W", "dW"), ("b", "db")]):
        moved = list(inputs)
        moved[k] = inputs[k] + steps[name].astype(np.float64)
        change = convolution(*moved, pads) - convolution(*inputs, pads)
        quotient = (change * blobs["dY"]).sum()
        along = (found[gradient] * steps[name].astype(np.float64)).sum()
        scale = np.linalg.norm(found[gradient]) * np.linalg.norm(steps[name])
        assert abs(along - quotient) <= 1e-4 * scale


@pytest.mark.parametrize("m", TILES)
@pytest.mark.parametrize("mean", [0.0, 3.0])
@pytest.mark.parametrize("shape", [(16, 32, 16, 40, 40), (2, 256, 256, 14, 14)])
def test_error_bound(differentiated, use, m, mean, shape):
    """Sums over many tiles, and over many channels."""
    use(m)
    blobs = drawn(*shape)
    blobs["X"] += np.float32(mean)
    blobs["dY"] += np.float32(mean)
    found, _, _ = differentiated(blobs)
    assert_near(found, gradients(blobs["X"], blobs["W"], blobs["dY"], (1, 1, 1, 1)), m)


@pytest.mark.parametrize(
    ("wanted", "no_bias"),
    [(["dW"], 1), (["dW", "dX"], 1), (["dW"], 0), (["dW", "db"], 0), (["dW", "db", "dX"], 0)],
)
def test_outputs(differentiated, use, wanted, no_bias):
    use(4)
    blobs = drawn(2, 16, 32, 9, 10)
    found, engines, _ = differentiated(blobs, wanted=wanted, no_bias=no_bias)
    assert "NNPACK" in engines
    assert_near(found, gradients(blobs["X"], blobs["W"], blobs["dY"], (1, 1, 1, 1)), 4)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("m", TILES)
@pytest.mark.parametrize("shape", [(4, 32, 72, 40, 31), (1, 48, 72, 8, 7)])
def test_same_bits_for_any_number_of_threads(differentiated, use, shape, m, lanes):
    use(m, lanes)
    blobs = drawn(*shape)
    one = differentiated(blobs)[0]
    for threads in (2, 3, 5):
        for name, other in differentiated(blobs, threads=threads)[0].items():
            np.testing.assert_array_equal(one[name], other)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("m", TILES)
@pytest.mark.parametrize("shape", [(1, 40, 210, 4, 5), (2, 210, 24, 7, 6)])
def test_filters_in_pieces(differentiated, use, monkeypatch, shape, m, lanes):
    """Several pieces of inputs and of outputs, shared by threads; sums go in the order of filters that come at once."""
    use(m, lanes)
    blobs = drawn(*shape)
    at_once = differentiated(blobs)[0]["dX"]
    monkeypatch.setattr(winograd_changing, "in_pieces", lambda one, tiling: True)
    for threads in (1, 2, 3):
        found = differentiated(blobs, threads=threads)[0]
        np.testing.assert_array_equal(found["dX"], at_once)
    assert_near(found, gradients(blobs["X"], blobs["W"], blobs["dY"], (1, 1, 1, 1)), m)


@pytest.mark.parametrize("m", TILES)
def test_nan_and_infinity(differentiated, use, m):
    """In dW, all taps of the channel that a NaN is in are NaN; the other channels keep their numbers."""
    use(m)
    blobs = drawn(1, 20, 24, 17, 18)
    clean = gradients(blobs["X"], blobs["W"], blobs["dY"], (1, 1, 1, 1))
    blobs["X"][0, 3, 0, 5] = blobs["dY"][0, 7, 9, 9] = np.nan
    blobs["X"][0, 18, 8, 8] = np.inf
    found, _, _ = differentiated(blobs)
    lost = np.zeros((24, 20), bool)
    lost[7], lost[:, [3, 18]] = True, True
    assert np.isnan(found["dW"][:, 3]).all()
    assert np.isnan(found["dW"][7]).all()
    assert not np.isfinite(found["dW"][:, 18]).any()
    kept = {"dW": found["dW"][~lost], "db": np.delete(found["db"], 7)}
    assert_near(kept, {"dW": clean["dW"][~lost], "db": np.delete(clean["db"], 7)}, m)
    assert np.isnan(found["db"][7])
    assert np.isnan(found["dX"][:, :, 8:11, 8:11]).all()


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("m", TILES)
@pytest.mark.parametrize(("shape", "pads"), SHAPES)
@pytest.mark.parametrize("in_pieces", [False, True])
def test_filters_that_change(
    registry, compiled, use, monkeypatch, shape, pads, m, lanes, in_pieces
):
    """Every run takes the filters that are there, whether they were fed or written in place."""
    use(m, lanes)
    monkeypatch.setattr(winograd_changing, "in_pieces", lambda one, tiling: in_pieces)
    net = c2.Net("forward")
    net.Conv(["X", "W", "b"], ["Y"], kernel=3, pads=list(pads))
    net.proto.external_output.append("Y")
    blobs = drawn(*shape, pads)
    made, workspace = compiled(registry, net, blobs, ["b"], threads=2)
    for step in range(3):
        if step == 1:
            workspace.feed("W", drawn(*shape, pads, seed=7)["W"])
        if step == 2:
            workspace["W"][...] *= -0.5
        made.run()
        assert "NNPACK" in [s.engine for s in made.program().stages]
        expected = convolution(blobs["X"], workspace["W"], blobs["b"], pads)
        error = np.abs(workspace["Y"] - expected).max() / np.abs(expected).max()
        assert error <= winograd_changing.ERRORS[m]


@pytest.mark.parametrize(
    ("args", "shape", "reason"),
    [
        ({"stride": 2}, (1, 16, 16, 8, 8), "kernel 3x3, stride 1 and dilation 1 only"),
        ({"group": 2}, (1, 32, 16, 8, 8), "one group only"),
        ({}, (1, 3, 64, 16, 16), "fewer than 16 channels"),
        ({}, (1, 64, 64, 1, 1), "Winograd would not be faster than direct gradients here"),
        ({}, (1, 128, 128, 3, 3), "Winograd would not be faster than direct gradients here"),
    ],
)
def test_declines(registry, compiled, args, shape, reason):
    blobs = drawn(*shape)
    stride, group = args.get("stride", 1), args.get("group", 1)
    blobs["dY"] = blobs["dY"][:, :, ::stride, ::stride].copy()
    blobs["W"] = blobs["W"][:, : shape[1] // group].copy()
    net = c2.Net("gradient")
    net.ConvGradient(["X", "W", "dY"], ["dW", "db"], kernel=3, pad=1, **args)
    net.proto.external_output.append("dW")
    made, _ = compiled(registry, net, blobs, ())
    declined = [d for s in made.program().stages for d in s.declined]
    assert ("NNPACK", reason) in declined


def test_cost_model_prefers_winograd_where_it_measured_faster():
    """Gradients of VGG-16 and ResNet-50; in batches also forward with filters that change."""
    for C, K, size in [(64, 64, 224), (128, 128, 112), (256, 256, 56), (512, 512, 28), (512, 512, 14), (64, 64, 56),
                       (128, 128, 28), (256, 256, 14), (512, 512, 7)]:  # fmt: skip
        for N in (1, 8, 16):
            one = Convolution(N, C, K, (size, size), (size, size), constant=False)
            limit, ways = winograd_changing.direct_cycles(one), winograd.tilings((3, 3))
            images = min(winograd_changing.cycles(one, tiling) for tiling in ways)
            filters = min(winograd_gradient.filter_cycles(one, tiling) for tiling in ways)
            assert images + filters < 2 * limit
            assert N == 1 or images < tiled.GAIN * limit


CORE = core_registry()
CASES = list(conformance_cases(CORE, ("float32",), types=["ConvGradient", "Conv2DGradient"]))


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_cases_of_the_core(registry, compiled, use, one):
    use(4)
    op, blobs = operator_of(CORE, one, "NNPACK")
    net = c2.Net("one")
    net.proto.op.add().CopyFrom(op)
    net.proto.external_output.extend(op.output)
    made, workspace = compiled(registry, net, blobs, (), threads=2)
    made.run()
    for name, expected in zip(op.output, one.case.expect.values()):
        scale = max(np.abs(expected).max(initial=0), 1)
        np.testing.assert_allclose(workspace[name], expected, 0, 1e-5 * scale)
    for reason in (r for s in made.program().stages for e, r in s.declined if e == "NNPACK"):
        assert reason in REASONS


def training_model():
    """Two convolutions with batch norm, a sum over both, a 1x1 convolution."""
    model = c2.ModelHelper("small")
    h = brew.conv(model, "data", "stem", dim_in=16, dim_out=32, kernel=3, pad=1)
    x = h = brew.relu(model, h, h)
    for k in range(2):
        h = brew.conv(model, h, f"c{k}", dim_in=32, dim_out=32, kernel=3, pad=1, no_bias=1)
        h = brew.spatial_bn(model, h, f"n{k}", dim_in=32)
        h = brew.relu(model, h, h)
    h = brew.conv(model, brew.sum(model, [h, x], "sum"), "last", dim_in=32, dim_out=16, kernel=1)
    h = brew.average_pool(model, h, "mean", global_pooling=1)
    model.SoftmaxWithLoss(
        [brew.fc(model, h, "pred", dim_in=16, dim_out=10), "label"], ["softmax", "loss"]
    )
    model.add_gradients("loss")
    c2.optimizer.build_sgd(model, 0.05, momentum=0.9)
    return model


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("plugins", ["registry", "both"])
def test_training_steps_equal_those_of_the_simple_net(request, use, plugins, threads):
    use(4)
    registry, model = request.getfixturevalue(plugins), training_model()
    reference, workspace = c2.Workspace(registry=CORE), c2.Workspace(registry=registry)
    for one in (reference, workspace):
        one.run(model.param_init_net)
    for name in reference.blobs():
        if isinstance(reference.blob(name).value, np.ndarray):
            workspace.feed(name, reference[name])
    rng = np.random.default_rng(0)
    data, label = rng.standard_normal((4, 16, 20, 18)), np.arange(4, dtype=np.int32)
    for one in (reference, workspace):
        one.feed("data", data.astype(np.float32))
        one.feed("label", label)
    simple = reference.create(model.net)
    checked = check_net(model.net.proto, registry)
    net = CompiledNet(checked, workspace, registry, keep=["loss"], threads=threads)
    for _ in range(4):
        simple.run()
        net.run()
        np.testing.assert_allclose(workspace["loss"], reference["loss"], rtol=1e-3)
    engines = [s.engine for s in net.program().stages if s.node.type in ("Conv", "ConvGradient")]
    if plugins == "both":  # the layout of both is one: only what is fed is reordered
        assert engines.count("NNPACK") == 6
        stages = net.program().stages
        assert {s.node.inputs[0] for s in stages if s.engine == "reorder"} == {"data"}
    else:  # the gradients read what only a run tells, as the loss is no native kernel
        assert engines.count("NNPACK") == 3
    for name in map(str, model.get_all_params()):
        error = np.abs(workspace[name] - reference[name]).max()
        assert error <= 1e-2 * np.abs(reference[name]).max(), name  # rounding turns single Relus
