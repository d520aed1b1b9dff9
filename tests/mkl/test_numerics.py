"""Special numbers, accuracy, larger shapes and threads: compiled nets of c2-mkl against the simple net of the core."""

import threading

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry

CORE = core_registry()
ACTIVATIONS = {
    "Relu": {}, "LeakyRelu": {"alpha": 0.1}, "Clip": {"min": -0.5, "max": 6.0}, "Sigmoid": {}, "Tanh": {},
    "Elu": {"alpha": 0.7}, "Swish": {}, "HardSigmoid": {"alpha": 0.3}, "Gelu": {},
}  # fmt: skip
FUNCTIONS = {
    **{(type_, ""): args for type_, args in ACTIVATIONS.items()},
    **{(type_, ""): {} for type_ in ("Softplus", "Negative", "Sqr", "Sqrt", "Abs", "Exp", "Log", "Cube", "Reciprocal")},
    ("Scale", ""): {"scale": -0.3}, ("Pow", "root"): {"exponent": 0.5}, ("Pow", "cube"): {"exponent": 3.0},
}  # fmt: skip
SPECIAL = np.array(
    [
        np.nan,
        np.inf,
        -np.inf,
        0.0,
        -0.0,
        1e-40,
        -1e-40,
        1e-30,
        3e38,
        -3e38,
        88.7,
        89.5,
        -87.5,
        -103.5,
        -110,
    ],
    np.float32,
)


def simple(net, feeds):
    workspace = c2.Workspace(registry=CORE)
    for name, value in feeds.items():
        workspace.feed(name, value)
    net.proto.type = "simple"
    workspace.run(net)
    return workspace


def compile_net(registry, net, feeds, constants=(), threads=2):
    workspace = c2.Workspace(registry=registry)
    for name, value in feeds.items():
        workspace.feed(name, value)
    made = CompiledNet(
        check_net(net.proto, registry), workspace, registry, constants=constants, threads=threads
    )
    made.run()
    for name in net.proto.external_output:  # new memory may hold the very numbers that are expected
        workspace.blob(name).value[...] = np.nan
    made.run()
    assert all(s.engine in ("MKL", "reorder") for s in made.program().stages), [
        s.declined for s in made.program().stages
    ]
    return workspace, made


def one_op(type_, inputs, **args):
    net = c2.Net("one")
    net.op(type_, inputs, "y", **args)
    net.add_external_output("y")
    return net


@pytest.mark.parametrize(("type_", "form"), FUNCTIONS)
def test_functions_are_accurate_and_know_special_numbers(registry, type_, form):
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [
            SPECIAL,
            rng.uniform(-1, 1, 5000),
            rng.uniform(-100, 100, 5000),
            np.geomspace(1e-38, 1, 500),
        ]
    )
    x = np.concatenate([x, -x]).astype(np.float32)
    net = one_op(type_, "x", **FUNCTIONS[type_, form])
    found = compile_net(registry, net, {"x": x})[0]["y"]
    wide = simple(net, {"x": x.astype(np.float64)})["y"]
    own = simple(net, {"x": x})["y"]
    np.testing.assert_array_equal(np.isnan(found), np.isnan(own))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(own))
    finite = np.isfinite(own)
    error, own_error = (np.abs(y[finite].astype(np.float64) - wide[finite]) for y in (found, own))
    assert np.all(error <= 1e-6 * np.abs(wide[finite]) + 2 * own_error + 1e-44)


@pytest.mark.parametrize("type_", ["", *ACTIVATIONS])
@pytest.mark.parametrize("constant", [True, False])
def test_convolutions_with_activations_keep_nan_and_infinity(registry, type_, constant):
    rng = np.random.default_rng(1)
    feeds = {
        "x": rng.standard_normal((2, 6, 9, 11)).astype(np.float32),
        "w": rng.standard_normal((20, 6, 3, 3)).astype(np.float32),
        "b": rng.standard_normal(20).astype(np.float32),
    }
    feeds["x"][0, 1, 3, 4], feeds["x"][1, 2, 0, 0] = np.nan, np.inf
    net = one_op("Conv", ["x", "w", "b"], kernel=3, pad=1, stride=2)
    if type_:
        net.proto.op[0].output[0] = "c"
        net.op(type_, "c", "y", **ACTIVATIONS[type_])
    found, made = compile_net(registry, net, feeds, ["w", "b"] if constant else ())
    assert [s.engine for s in made.program().stages if s.engine != "reorder"] == ["MKL"]
    expected = simple(net, feeds)["y"]
    # Relu inside the convolution multiplies by 0 what is below zero: minus infinity gives NaN.
    infinite = np.isinf(
        simple(one_op("Conv", ["x", "w", "b"], kernel=3, pad=1, stride=2), feeds)["y"]
    )
    np.testing.assert_array_equal(np.isnan(found["y"])[~infinite], np.isnan(expected)[~infinite])
    usual = np.isfinite(expected) & ~infinite
    np.testing.assert_allclose(found["y"][usual], expected[usual], rtol=1e-4, atol=1e-5)


def test_denormals_are_numbers(registry):
    x = np.full((1, 3, 4, 4), 1e-39, np.float32)
    w = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    found = compile_net(registry, one_op("Conv", ["x", "w"], kernel=1), {"x": x, "w": w})[0]["y"]
    np.testing.assert_array_equal(found, x)
    for type_ in ("Add", "Sum", "Relu", "MaxPool"):
        args = {"kernel": 2} if type_ == "MaxPool" else {}
        inputs = ["x", "x"] if type_ in ("Add", "Sum") else ["x"]
        found = compile_net(registry, one_op(type_, inputs, **args), {"x": x})[0]["y"]
        np.testing.assert_array_equal(
            found, np.full(found.shape, len(inputs), np.float32) * np.float32(1e-39)
        )


@pytest.mark.parametrize("type_", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "args", [{"kernel": 3, "stride": 2}, {"kernel": 3, "stride": 2, "pad": 1}, {"kernel": 5}]
)
def test_pools_keep_nan_wherever_it_stands(registry, type_, args):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, 5, 23, 19)).astype(np.float32)
    x[rng.uniform(size=x.shape) < 0.02] = np.nan
    x[rng.uniform(size=x.shape) < 0.02] = -np.inf
    net = one_op(type_, "x", **args)
    expected = simple(net, {"x": x})["y"]
    np.testing.assert_allclose(
        compile_net(registry, net, {"x": x})[0]["y"], expected, rtol=1e-5, atol=1e-6
    )


CONVOLUTIONS = {
    "usual": ((2, 32, 28, 30), (48, 32, 3, 3), {"kernel": 3, "pad": 1}),
    "pointwise": ((1, 64, 14, 14), (40, 64, 1, 1), {"kernel": 1}),
    "first": ((1, 3, 40, 40), (64, 3, 7, 7), {"kernel": 7, "pad": 3, "stride": 2}),
    "depthwise": ((2, 32, 20, 20), (32, 1, 3, 3), {"kernel": 3, "pad": 1, "group": 32}),
    "grouped": ((2, 24, 12, 12), (36, 6, 3, 3), {"kernel": 3, "group": 4}),
    "dilated": ((1, 16, 20, 20), (16, 16, 3, 3), {"kernel": 3, "dilation": 3, "pad": 3}),
    "uneven pads": (
        (1, 7, 11, 13),
        (9, 7, 3, 2),
        {"kernels": [3, 2], "pads": [0, 1, 2, 0], "strides": [2, 1]},
    ),
    "transposed order": ((2, 20, 21, 8), (16, 3, 3, 8), {"kernel": 3, "order": "NHWC"}),
    "one axis": ((3, 16, 50), (24, 16, 5), {"kernels": [5], "pads": [2, 2]}),
    "three axes": ((1, 8, 6, 7, 8), (16, 8, 3, 3, 3), {"kernels": [3, 3, 3], "pads": [1] * 6}),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions_of_real_sizes(registry, case, threads):
    rng = np.random.default_rng(3)
    x, w, args = CONVOLUTIONS[case]
    feeds = {
        "x": rng.standard_normal(x).astype(np.float32),
        "w": (rng.standard_normal(w) / np.sqrt(np.prod(w[1:]))).astype(np.float32),
        "b": rng.standard_normal(w[0]).astype(np.float32),
    }
    net = one_op("Conv", ["x", "w", "b"], **args)
    expected = simple(net, feeds)["y"]
    for constants in ((), ("w", "b")):
        found, made = compile_net(registry, net, feeds, constants, threads)
        np.testing.assert_allclose(found["y"], expected, rtol=1e-4, atol=1e-4)
        first = found["y"].copy()
        made.run()
        np.testing.assert_array_equal(found["y"], first, "the same threads must give the same bits")


def test_a_change_of_shapes_keeps_packed_weights_and_bounds_programs(registry, onednn):
    from c2.compile.net import PROGRAMS
    from c2_mkl.packing import packings_of

    rng = np.random.default_rng(4)
    w = rng.standard_normal((16, 4, 3, 3)).astype(np.float32)
    net = one_op("Conv", ["x", "w"], kernel=3)
    workspace, made = compile_net(
        registry, net, {"x": np.ones((1, 4, 9, 9), np.float32), "w": w}, ["w"]
    )
    for size in range(10, 10 + 3 * PROGRAMS):
        x = rng.standard_normal((1, 4, size, size)).astype(np.float32)
        workspace.feed("x", x)
        made.run()
        np.testing.assert_allclose(
            workspace["y"], simple(net, {"x": x, "w": w})["y"], rtol=1e-4, atol=1e-4
        )
    assert len(made._programs) == PROGRAMS
    least = onednn.instructions.startswith("AVX-512")  # others read such filters as they are
    assert least <= len(packings_of(workspace.blob("w").value)) <= 2, (
        "one layout of the weights should serve nearly all sizes"
    )


def test_threads_share_one_predictor(registry):
    rng = np.random.default_rng(5)
    init, predict = c2.Net("init"), c2.Net("predict")
    for name, shape in {"w": (32, 8, 3, 3), "b": (32,), "fw": (10, 32), "fb": (10,)}.items():
        init.op(
            "GivenTensorFill",
            (),
            name,
            shape=list(shape),
            values=rng.standard_normal(shape).astype(np.float32) / 9,
        )
    predict.op("Conv", ["x", "w", "b"], "c", kernel=3, pad=1)
    predict.op("Relu", "c", "c")
    predict.op("AveragePool", "c", "p", global_pooling=1)
    predict.op("FC", ["p", "fw", "fb"], "f")
    predict.op("Softmax", "f", "y")
    predict.add_external_output("y")
    predictor = c2.Predictor(init, predict, registry=registry, threads=2)
    inputs = [rng.standard_normal((1 + k % 3, 8, 16, 16)).astype(np.float32) for k in range(12)]
    expected = [predictor(x=x)["y"] for x in inputs]
    wrong = []

    def work(start):
        for k in [*range(start, 12, 3)] * 10:
            if not np.array_equal(predictor(x=inputs[k])["y"], expected[k]):
                wrong.append(k)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.parametrize("type_", ["FC", "FCTransposed"])
@pytest.mark.parametrize(
    ("M", "K", "N"),
    [(1, 1, 1), (1, 300, 64), (2, 129, 83), (3, 37, 141), (4, 784, 10), (5, 64, 70)],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_few_rows_of_a_dense_layer(registry, onednn, type_, M, K, N, threads):
    rng = np.random.default_rng(M)
    x, w, b = (rng.standard_normal(s).astype(np.float32) for s in ((M, K), (N, K), (N,)))
    net = one_op(type_, ["x", "w", "b"])
    feeds = {"x": x, "w": w if type_ == "FC" else np.ascontiguousarray(w.T), "b": b}
    workspace, _ = compile_net(registry, net, feeds, ["w", "b"], threads)
    expected = x.astype(np.float64) @ w.astype(np.float64).T + b
    # The own kernel adds up in chunks; in one long sum of oneDNN's the partial sums grow too.
    in_chunks = M <= 4 and onednn.shim.c2_has_few_rows()
    growth = 1e-6 * K**0.5 if in_chunks else 2**-23 * K
    np.testing.assert_allclose(workspace["y"], expected, rtol=0, atol=growth + 1e-6)


@pytest.mark.parametrize(
    "type_", ["Relu", "LeakyRelu", "Clip", "Sigmoid", "Elu", "Swish", "HardSigmoid"]
)
@pytest.mark.parametrize(("size", "engine"), [(4095, "reference"), (4096, "MKL"), (50_000, "MKL")])
def test_activations_of_simple_nets(registry, type_, size, engine):
    x = np.random.default_rng(0).standard_normal(size).astype(np.float32) * 3
    x[: len(SPECIAL)] = SPECIAL
    net = one_op(type_, ["x"], **ACTIVATIONS[type_])
    net.proto.type = "simple"
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", x)
    made = workspace.create(net)
    made.run()
    assert made.binders[0].choice.kernel.label == engine
    expected = simple(net, {"x": x})["y"]
    np.testing.assert_allclose(workspace["y"], expected, rtol=2e-6, atol=3e-8)


def test_spatial_bn_of_simple_nets(registry):
    rng = np.random.default_rng(0)
    feeds = {n: rng.uniform(0.5, 2, 7).astype(np.float32) for n in ("s", "b", "m", "v")}
    feeds["x"] = rng.standard_normal((3, 7, 15, 14)).astype(np.float32)
    net = one_op("SpatialBN", ["x", "s", "b", "m", "v"], is_test=1)
    net.proto.type = "simple"
    workspace = c2.Workspace(registry=registry)
    for name, value in feeds.items():
        workspace.feed(name, value)
    made = workspace.create(net)
    made.run()
    assert made.binders[0].choice.kernel.label == "MKL"
    np.testing.assert_allclose(workspace["y"], simple(net, feeds)["y"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [2, 9], ids=["few rows", "many rows"])
def test_one_weight_read_by_row_and_by_column(registry, rows):
    """Both want the same layout, of another matrix."""
    rng = np.random.default_rng(3)
    x, w, b = (rng.standard_normal(s).astype(np.float32) for s in ((rows, 33), (33, 33), (33,)))
    net = c2.Net("both")
    net.op("FC", ["x", "w", "b"], "h")
    net.op("FCTransposed", ["h", "w", "b"], "y")
    net.add_external_output("y")
    workspace, _ = compile_net(registry, net, {"x": x, "w": w, "b": b}, ["w", "b"])
    expected = (x.astype(np.float64) @ w.T + b) @ w + b
    np.testing.assert_allclose(workspace["y"], expected, rtol=0, atol=1e-3)
