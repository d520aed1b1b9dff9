"""Convolutions by the NNPACK library, in simple nets and compiled ones, against the definition in float64."""

import os
import signal

import numpy as np
import pytest

import c2
from c2.compile.native import NativeRequest
from c2.errors import PluginError
from c2.graph.check import check_net
from c2.graph.infer import infer_net
from c2.registry import TensorSpec
from c2_nnpack.library import PROVIDER, library
from c2_nnpack.library_convolution import ALGOS, plan

ERROR = 1e-4  # relative to the largest output; F(6x6, 3x3) in float32
FLOAT = np.dtype(np.float32)


@pytest.fixture(autouse=True)
def by_library(monkeypatch):
    try:
        library()
    except PluginError as error:
        pytest.skip(str(error))
    monkeypatch.setenv(PROVIDER, "library")


def drawn(N, C, K, H, W, kernel, group=1):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, C, H, W)).astype(np.float32)
    filters = rng.standard_normal((K, C // group, *kernel)).astype(np.float32)
    return {"X": X, "W": filters, "b": rng.standard_normal(K).astype(np.float32)}


def by_definition(X, W, b, pads=(0, 0, 0, 0), stride=(1, 1), group=1):
    """pads are top, left, bottom, right."""
    X = np.pad(X.astype(np.float64), ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    windows = np.lib.stride_tricks.sliding_window_view(X, W.shape[2:], (2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1]]
    parts = zip(np.split(windows, group, axis=1), np.split(W.astype(np.float64), group))
    Y = [np.einsum("nchwij,kcij->nkhw", x, w, optimize=True) for x, w in parts]
    return np.concatenate(Y, axis=1) + b.reshape(1, -1, 1, 1)


CASES = {
    "AUTO 3x3": ((2, 16, 24, 13, 17), (3, 3), {"pads": [1, 1, 1, 1]}),
    "AUTO 1x1": ((2, 16, 24, 7, 9), (1, 1), {}),
    "AUTO strided": ((1, 16, 24, 13, 17), (3, 3), {"strides": [2, 1], "pads": [1, 0, 2, 1]}),
    "AUTO groups": ((2, 16, 24, 13, 17), (3, 3), {"pads": [1, 1, 1, 1], "group": 4}),
    "AUTO 17x2": ((1, 3, 5, 30, 31), (17, 2), {}),
    "WINOGRAD": ((1, 5, 7, 6, 5), (3, 3), {"algo": "WINOGRAD"}),
    "FT8": ((1, 16, 20, 13, 17), (5, 7), {"algo": "FT8", "pads": [4, 0, 1, 2]}),
    "FT16": ((1, 16, 20, 23, 17), (11, 2), {"algo": "FT16", "pads": [4, 0, 1, 1]}),
    "DIRECT": ((2, 4, 6, 9, 10), (3, 2), {"algo": "DIRECT", "strides": [1, 2]}),
    "1x1": ((2, 4, 6, 9, 10), (1, 1), {"algo": "1x1"}),
}


def stated(args):
    """What by_definition takes."""
    pads, strides = args.get("pads", (0, 0, 0, 0)), args.get("strides", (1, 1))
    return {"pads": pads, "stride": strides, "group": args.get("group", 1)}


def net_of(kernel, args, engine="NNPACK"):
    net = c2.Net("one")
    net.Conv(["X", "W", "b"], ["Y"], kernels=list(kernel), engine=engine, **args)
    net.proto.external_output.append("Y")
    return net


def assert_near(found, expected):
    assert np.abs(found - expected).max() <= ERROR * np.abs(expected).max()


@pytest.mark.parametrize("case", CASES)
def test_simple_net(registry, case):
    shape, kernel, args = CASES[case]
    blobs = drawn(*shape, kernel, args.get("group", 1))
    net, workspace = net_of(kernel, args), c2.Workspace(registry=registry)
    for name, value in blobs.items():
        workspace.feed(name, value)
    made = workspace.create(net)
    for scale in (1, 2):  # what may change is read at every run
        workspace.feed("W", blobs["W"] * scale)
        made.run()
        expected = by_definition(blobs["X"], blobs["W"] * scale, blobs["b"], **stated(args))
        assert_near(workspace["Y"], expected)


@pytest.mark.parametrize("type_", ["simple", "compiled"])
@pytest.mark.parametrize("case", CASES)
def test_order_nhwc(registry, compiled, case, type_):
    shape, kernel, args = CASES[case]
    blobs = drawn(*shape, kernel, args.get("group", 1))
    expected = np.moveaxis(by_definition(**blobs, **stated(args)), 1, -1)
    fed = {n: np.moveaxis(v, 1, -1).copy() if v.ndim == 4 else v for n, v in blobs.items()}
    net = net_of(kernel, {**args, "order": "NHWC"})
    if type_ == "compiled":
        made, workspace = compiled(registry, net, fed, ("W", "b"))
        made.run()
        assert made.program().stages[-2].native.label == "NNPACK library"
    else:
        workspace = c2.Workspace(registry=registry)
        for name, value in fed.items():
            workspace.feed(name, value)
        workspace.run(net)
        workspace.run(net)  # into the buffer of the first run
    assert_near(workspace["Y"], expected)


@pytest.mark.parametrize("strategy", ["COMPUTE", "PRECOMPUTE"])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_compiled_net(registry, compiled, case, threads, relu, strategy):
    shape, kernel, args = CASES[case]
    blobs = drawn(*shape, kernel, args.get("group", 1))
    net = net_of(kernel, {**args, "convolution_transform_strategy": strategy})
    if relu:
        net.Relu(["Y"], ["Y"])
    made, workspace = compiled(registry, net, blobs, ["W", "b"], threads)
    made.run()
    made.run()
    assert [s.engine for s in made.program().stages] == ["NNPACK"]
    expected = by_definition(**blobs, **stated(args))
    assert_near(workspace["Y"], np.maximum(expected, 0) if relu else expected)


def test_without_bias_and_with_filters_that_change(registry, compiled):
    blobs = drawn(1, 4, 6, 9, 9, (3, 3))
    net = c2.Net("one")
    net.Conv(["X", "W"], ["Y"], kernel=3)
    net.proto.external_output.append("Y")
    zeros = np.zeros(6, np.float32)
    made, workspace = compiled(registry, net, {n: blobs[n] for n in ("X", "W")}, [])
    made.run()
    assert [s.engine for s in made.program().stages] == ["NNPACK"]
    assert_near(workspace["Y"], by_definition(blobs["X"], blobs["W"], zeros))
    workspace.feed("W", 3 * blobs["W"])
    made.run()
    assert_near(workspace["Y"], by_definition(blobs["X"], 3 * blobs["W"], zeros))


def request(shape, kernel, args, post=(), dtype=FLOAT):
    net = net_of(kernel, args)
    blobs = drawn(*shape, kernel, args.get("group", 1))
    checked = check_net(net.proto)
    specs = {n: TensorSpec(v.shape, dtype) for n, v in blobs.items()}
    (op,) = infer_net(checked, specs).ops
    return NativeRequest(
        "Conv", checked.ops[0].args, tuple(specs.values()), op.outputs, post, {}, 1
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kernel": (5, 5), "algo": "WINOGRAD"}, "the algorithm takes no such kernel or stride"),
        ({"strides": [2, 2], "algo": "FT8"}, "the algorithm takes no such kernel or stride"),
        ({"kernel": (9, 9), "algo": "FT8"}, "the algorithm takes no such kernel or stride"),
        ({"kernel": (17, 17), "algo": "FT16"}, "the algorithm takes no such kernel or stride"),
        ({"algo": "1x1"}, "the algorithm takes no such kernel or stride"),
        ({"pads": [3, 0, 0, 0]}, "pads must be smaller than the kernel"),
        ({"pads": [0, 0, 0, 7]}, "pads must be smaller than the kernel"),
        ({"pads": [-1, 0, 0, 0]}, "pads that crop"),
        ({"dilations": [2, 1]}, "dilation 1 only"),
        ({"algo": "unheard of"}, "algo unheard of is asked for"),
        ({"post": (("Sigmoid", {}),)}, "Sigmoid is not fused, only one Relu is"),
        ({"dtype": np.dtype(np.float64)}, "float32 only, not float64"),
    ],
)
def test_declines(change, reason):
    special = {k: change.pop(k) for k in ("kernel", "post", "dtype") if k in change}
    kernel = special.pop("kernel", (3, 3))
    found = plan(request((1, 4, 6, 20, 21), kernel, change, **special))
    assert isinstance(found, str)
    assert found.removeprefix("NNPACK library: ") == reason


def test_odd_sizes_are_served_or_declined(registry, compiled):
    """Hundreds of windows, sizes and algorithms: right, or declined with a reason; never a crash."""
    rng = np.random.default_rng(0)
    served = 0
    for _ in range(300):
        kernel = tuple(int(k) for k in rng.integers(1, 9, 2))
        pads = [int(p) for p in rng.integers(0, 4, 4)]
        N, C, K, *size = (int(n) for n in rng.integers(1, (3, 9, 9, 20, 20)))
        args = {"pads": pads, "algo": str(rng.choice(list(ALGOS)))}
        if rng.random() < 0.3:
            args["strides"] = [int(s) for s in rng.integers(1, 4, 2)]
        if any(n + a + b < k for n, a, b, k in zip(size, pads[:2], pads[2:], kernel)):
            continue
        blobs = drawn(N, C, K, *size, kernel)
        made, workspace = compiled(registry, net_of(kernel, args), blobs, ["W", "b"])
        made.run()
        served += [s.engine for s in made.program().stages] == ["NNPACK"]
        assert_near(workspace["Y"], by_definition(**blobs, **stated(args)))
    assert served > 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_of_fork_computes_without_the_threads_of_its_parent(registry, compiled):
    shape, kernel, args = CASES["AUTO 3x3"]
    blobs = drawn(*shape, kernel)
    made, workspace = compiled(registry, net_of(kernel, args), blobs, ["W", "b"], threads=2)
    made.run()
    expected = workspace["Y"].copy()
    workspace.feed("X", 2 * blobs["X"])
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends a child that hangs
        workspace.feed("X", blobs["X"])
        made.run()
        os._exit(int(not np.array_equal(workspace["Y"], expected)))
    assert os.waitpid(child, 0)[1] == 0


def test_doctor_tells_the_library():
    from c2_nnpack.plugin import c2_probe

    assert c2_probe()["provider"] == f"NNPACK library {library().path}"
