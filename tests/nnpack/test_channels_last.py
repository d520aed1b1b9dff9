"""Order NHWC in compiled nets: convolutions, their gradients and what stands between them, against float64 formulas."""

import numpy as np
import pytest

import c2
from c2 import brew
from c2.compile.layout import PLAIN
from c2.compile.runner import make_runner
from c2.compile.stage import build_reorder
from c2.registry import TensorSpec
from c2_nnpack.layout import C16, C16_LAST, FIRST
from c2_nnpack.weights import packed_bytes

ONE = (1, 1, 1, 1)
NONE = (0, 0, 0, 0)


def last(X):
    """(N, C, H, W) as (N, H, W, C)."""
    return np.ascontiguousarray(np.moveaxis(X, 1, -1))


def drawn(N, C, K, size, kernel, group=1):
    rng = np.random.default_rng(0)
    shapes = {"X": (N, *size, C), "W": (K, *kernel, C // group), "b": (K,)}
    return {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}


def padded(X, pads):
    top, left, bottom, right = pads
    return np.pad(X.astype(np.float64), ((0, 0), (top, bottom), (left, right), (0, 0)))


def windows(X, kernel, strides=(1, 1), pads=NONE, dilations=(1, 1)):
    """float64 (N, H, W, C, rows, columns) of a blob with its channels last."""
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    found = np.lib.stride_tricks.sliding_window_view(padded(X, pads), spans, (1, 2))
    found = found[:, :: strides[0], :: strides[1]]
    return found[..., :: dilations[0], :: dilations[1]]


def by_definition(X, W, b, group=1, **args):
    """Products of windows with the filters, group by group."""
    parts = zip(
        np.split(windows(X, W.shape[1:3], **args), group, 3), np.split(W.astype(np.float64), group)
    )
    return np.concatenate([np.einsum("nyxcij,kijc->nyxk", x, w) for x, w in parts], -1) + b


CONVOLUTIONS = {  # what is asked for, the way that serves it, and the bound of its error
    "winograd 3x3": ((2, 20, 40, (13, 11), (3, 3)), {"pads": ONE, "algo": "WINOGRAD"}, "F(", 1e-4),
    "winograd 5x5": ((1, 16, 33, (9, 14), (5, 5)), {"algo": "WINOGRAD"}, "F(", 1e-4),
    "FT8": ((1, 18, 16, (13, 17), (5, 7)), {"algo": "FT8", "pads": (2, 0, 1, 2)}, "FT8", 3e-6),
    "FT16": ((1, 16, 20, (23, 17), (11, 9)), {"algo": "FT16"}, "FT16", 5e-6),
    "1x1": ((2, 32, 48, (5, 9), (1, 1)), {}, "1x1", 2e-6),
    "strided": ((2, 32, 17, (12, 9), (3, 3)), {"strides": (2, 1), "pads": ONE}, "DIRECT", 2e-6),
    "dilated": ((1, 16, 16, (9, 9), (3, 2)), {"dilations": (2, 3), "pads": ONE}, "DIRECT", 2e-6),
    "groups": ((1, 32, 64, (6, 7), (3, 3)), {"group": 2, "pads": ONE}, "DIRECT", 2e-6),
    "first layer": ((2, 3, 24, (15, 16), (7, 7)), {"strides": (2, 2)}, "DIRECT", 2e-6),
    "one channel": ((1, 1, 5, (8, 9), (3, 3)), {}, "DIRECT", 2e-6),
    "depthwise": ((2, 20, 20, (9, 8), (3, 3)), {"group": 20, "pads": ONE}, "DEPTHWISE 3x3", 2e-6),
}  # fmt: skip


def compiled_conv(registry, compiled, blobs, after=(), threads=1, constants=("W", "b"), **args):
    """The net of a Conv of order NHWC and of the operators `after` it, compiled and run twice."""
    net = c2.Net("one")
    given = {k: list(v) if isinstance(v, tuple) else v for k, v in args.items()}
    result = "between" if after else "Y"
    net.Conv(["X", "W", "b"], [result], kernels=list(blobs["W"].shape[1:3]), order="NHWC", **given)
    if after == "sum":
        net.Sum(["S", "between"], ["sum"])
        net.Relu(["sum"], ["Y"])
    net.proto.external_output.append("Y")
    made, workspace = compiled(registry, net, blobs, constants, threads)
    made.run()
    made.run()  # what the first run left in scratch memory must not matter
    return workspace["Y"], made


def native_stages(made):
    return [s for s in made.program().stages if s.engine == "NNPACK"]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("one", CONVOLUTIONS)
def test_convolution(registry, compiled, one, threads):
    shape, args, way, bound = CONVOLUTIONS[one]
    blobs = drawn(*shape, group=args.get("group", 1))
    Y, made = compiled_conv(registry, compiled, blobs, threads=threads, **args)
    expected = by_definition(**blobs, **{k: v for k, v in args.items() if k != "algo"})
    assert np.abs(Y - expected).max() <= bound * np.abs(expected).max()
    (conv,) = native_stages(made)
    assert way in conv.native.label


@pytest.mark.parametrize("one", ["winograd 3x3", "first layer", "depthwise"])
def test_a_sum_and_an_activation_are_done_along(registry, compiled, one):
    shape, args, _, bound = CONVOLUTIONS[one]
    blobs = drawn(*shape, group=args.get("group", 1))
    plain = by_definition(**blobs, **{k: v for k, v in args.items() if k != "algo"})
    S = np.random.default_rng(1).standard_normal(plain.shape).astype(np.float32)
    Y, made = compiled_conv(registry, compiled, {**blobs, "S": S}, "sum", **args)
    expected = np.maximum(plain + S, 0)
    assert np.abs(Y - expected).max() <= bound * np.abs(expected).max()
    (conv,) = native_stages(made)
    assert conv.node.label == "Conv+Sum+Relu"


def test_filters_that_change(registry, compiled):
    blobs = drawn(1, 32, 48, (14, 14), (3, 3))
    _, made = compiled_conv(registry, compiled, blobs, constants=(), pads=ONE, algo="WINOGRAD")
    (conv,) = native_stages(made)
    assert conv.native.input_layouts[1] == FIRST
    assert "reorder 'W' from plain to nchw" in "\n".join(made.program().graph.log)


def test_filters_of_several_programs_are_packed_once(registry, compiled):
    blobs = drawn(1, 32, 48, (14, 14), (3, 3))
    net = c2.Net("one")
    net.Conv(["X", "W", "b"], ["Y"], kernels=[3, 3], order="NHWC", pads=[1, 1, 1, 1])
    net.proto.external_output.append("Y")
    made, workspace = compiled(registry, net, blobs, ("W", "b"))
    made.run()
    before = packed_bytes()
    workspace.feed("X", np.concatenate([blobs["X"]] * 2))
    made.run()
    assert packed_bytes() == before > 0


def test_gradients(registry, compiled):
    N, C, K = 2, 32, 48
    blobs = drawn(N, C, K, (14, 15), (3, 3))
    dY = np.random.default_rng(1).standard_normal((N, 14, 15, K)).astype(np.float32)
    net = c2.Net("gradient")
    net.ConvGradient(["X", "W", "dY"], ["dW", "db", "dX"], kernel=3, pad=1, order="NHWC")
    net.proto.external_output.extend(["dW", "db", "dX"])
    made, workspace = compiled(
        registry, net, {"X": blobs["X"], "W": blobs["W"], "dY": dY}, (), keep=["dW", "db", "dX"]
    )
    made.run()
    made.run()
    assert native_stages(made)
    turned = blobs["W"][:, ::-1, ::-1].astype(np.float64)
    expected = {
        "dW": np.einsum("nyxcij,nyxk->kijc", windows(blobs["X"], (3, 3), pads=ONE), dY),
        "db": dY.sum((0, 1, 2), np.float64),
        "dX": np.einsum("nyxkij,kijc->nyxc", windows(dY, (3, 3), pads=ONE), turned),
    }
    for name, one in expected.items():
        assert np.abs(workspace[name] - one).max() <= 1e-4 * np.abs(one).max(), name


def net_of_layers(order):
    """Convolutions, a concatenation along the channels, normalization, pools and a sum."""
    channel = 3 if order == "NHWC" else 1
    model = c2.ModelHelper("layers", arg_scope={"order": order})
    brew.conv(model, "X", "a", 3, 32, kernel=3, pad=1)
    brew.relu(model, "a", "a")
    brew.conv(model, "a", "b", 32, 48, kernel=1)
    brew.concat(model, ["a", "b"], "ab", axis=channel)
    brew.spatial_bn(model, "ab", "n", 80, is_test=True)
    brew.max_pool(model, "n", "p", kernel=2, stride=2)
    brew.conv(model, "p", "q", 80, 80, kernel=3, pad=1)
    model.net.Sum(["p", "q"], ["s"])
    brew.average_pool(model, "s", "pooled", global_pooling=True)
    brew.fc(model, "pooled", "Y", 80, 10)
    model.net.proto.external_output.append("Y")
    return model


def run_layers(registry, compiled):
    """The stages of the net of order NHWC, what it gives, and what c2-core gives for the one of order NCHW."""
    X = np.random.default_rng(0).standard_normal((2, 3, 20, 18)).astype(np.float32)
    plain, other = net_of_layers("NCHW"), net_of_layers("NHWC")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("X", X)
    workspace.run(plain.param_init_net)
    workspace.run(plain.net)  # one operator after another, by c2-core's kernels, order NCHW
    names = [n for n in other.net.proto.external_input if n != "X"]
    params = {n: workspace[n] for n in names}
    fed = {n: last(v) if v.ndim == 4 else v for n, v in params.items()}
    made, ours = compiled(registry, other.net, {"X": last(X), **fed}, names)
    made.run()
    return made.program().stages, ours["Y"], workspace["Y"]


def test_a_net_is_reordered_at_its_ends_alone(registry, compiled):
    stages, found, expected = run_layers(registry, compiled)
    np.testing.assert_allclose(found, expected, 1e-4, 1e-5)
    assert {s.engine for s in stages} == {"NNPACK", "reorder"}
    assert {s.node.inputs[0] for s in stages if s.engine == "reorder"} == {"X"}


def test_other_engines_read_blobs_in_their_own_layouts(both, compiled):
    stages, found, expected = run_layers(both, compiled)
    np.testing.assert_allclose(found, expected, 1e-4, 1e-5)
    assert {"MKL", "NNPACK"} <= {s.engine for s in stages}


@pytest.mark.parametrize("count", [1, 2])
def test_a_change_of_order_between_blocks_moves_nothing(registry, compiled, count):
    """NCHW to NHWC and back, between convolutions."""
    blobs = drawn(2, 16, 32, (7, 6), (1, 1))
    W2 = np.random.default_rng(2).standard_normal((16, 1, 1, 32)).astype(np.float32)
    net = c2.Net("orders")
    X = np.moveaxis(blobs["X"], -1, 1)
    net.Conv(["X", "W", "b"], ["a"], kernel=1)
    net.NCHW2NHWC(["a"], ["c"])
    net.Conv(["c", "W2"], ["d"], kernel=1, order="NHWC", no_bias=1)
    net.NHWC2NCHW(["d"], ["Y"])
    net.proto.external_output.append("Y")
    W = np.moveaxis(blobs["W"], -1, 1)
    fed = {"X": np.ascontiguousarray(X), "W": np.ascontiguousarray(W), "b": blobs["b"], "W2": W2}
    made, workspace = compiled(registry, net, fed, ("W", "W2", "b"), threads=count)
    made.run()
    between = by_definition(**blobs)
    expected = np.moveaxis(by_definition(between, W2, 0), -1, 1)
    np.testing.assert_allclose(workspace["Y"], expected, 1e-4, 1e-4)
    engines = [s.engine for s in made.program().stages]
    assert engines == ["reorder", *["NNPACK"] * 4, "reorder"]


def run_reorder(spec, source, target, values):
    """The bytes of a blob in the layout `target`, as float32."""
    kernel = build_reorder(spec, source, target, 1)
    held = np.empty(target.nbytes(spec) // 4, np.float32)
    given = np.ascontiguousarray(values)
    step = (kernel.function, kernel.context, [given.ctypes.data, held.ctypes.data])
    make_runner([step])[0]()
    return held


@pytest.mark.parametrize("channels", [1, 3, 16, 35])
@pytest.mark.parametrize("size", [(1, 1), (9, 13)])
def test_reorders(channels, size):
    X = np.random.default_rng(0).random((2, channels, *size), np.float32)
    blocks = -(-channels // 16)
    padded = np.zeros((2, blocks * 16, *size), np.float32)
    padded[:, :channels] = X
    split = padded.reshape(2, blocks, 16, *size)
    first = TensorSpec(X.shape, X.dtype)
    at_end = TensorSpec(last(X).shape, X.dtype)
    cases = {first: {PLAIN: X, C16: np.moveaxis(split, 2, -1)}}
    cases[at_end] = {PLAIN: last(X), FIRST: X, C16_LAST: np.moveaxis(split, 2, -1)}
    for spec, forms in cases.items():
        for source, given in forms.items():
            for target, expected in forms.items():
                if source != target:
                    found = run_reorder(spec, source, target, given)
                    np.testing.assert_array_equal(found, expected.ravel())


@pytest.mark.parametrize(
    ("source", "target", "dtype"),
    [(C16, C16_LAST, "float32"), (C16, FIRST, "float32"), (PLAIN, C16_LAST, "float64")],
)
def test_other_reorders_are_declined(source, target, dtype):
    made = target.reorder(TensorSpec((1, 2, 3, 4), np.dtype(dtype)), source, target, 1)
    assert made == f"no reorder of {dtype} from {source.name} to {target.name}"
