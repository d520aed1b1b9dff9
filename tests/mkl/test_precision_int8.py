"""int8 through c2-mkl: exact where numbers fit the steps, near float32 on whole nets, as accurate on real digits."""

from pathlib import Path

import numpy as np
import pytest
from reduced_nets import benchmark_model, engines, run, skip_without

import c2
from c2.build.calibrate import blob_ranges
from c2.build.quantize import compare, quantize
from c2.data import batches
from c2.serialize.init_net import params_to_init_net

ERRORS = {"mobilenet_v2": 0.25}  # of the largest number; 53 layers of random weights
ERROR = 0.06


@pytest.fixture(scope="module", autouse=True)
def int8(onednn):
    skip_without("int8")


def integers(low, high, *shape, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape, endpoint=True).astype(np.float32)


def whole_weights(largest, *shape, seed=0):
    """Even integers but for the largest, which each output channel has: so a step is 1."""
    W = 2 * integers(-(largest // 2), largest // 2, *shape, seed=seed)
    W.reshape(len(W), -1)[:, 0] = largest
    return W


FORMS = {
    "plain": ((2, 8, 9, 7), (16, 8, 3, 3), {"kernel": 3}),
    "two channels": ((2, 2, 40, 33), (16, 2, 3, 3), {"kernel": 3}),
    "four channels": ((1, 4, 40, 40), (16, 4, 3, 3), {"kernel": 3}),
    "three channels": ((2, 3, 40, 40), (16, 3, 5, 5), {"kernel": 5, "stride": 2, "pad": 2}),
    "three channels, odd": ((2, 3, 41, 37), (16, 3, 3, 3), {"kernel": 3}),
    "one channel": ((2, 1, 12, 12), (20, 1, 5, 5), {"kernel": 5}),
    "groups": ((2, 32, 6, 6), (32, 16, 3, 3), {"kernel": 3, "group": 2}),
    "depthwise": ((2, 32, 9, 9), (32, 1, 3, 3), {"kernel": 3, "group": 32, "pad": 1}),
    "1x1": ((2, 24, 6, 6), (40, 24, 1, 1), {"kernel": 1}),
    "NHWC": ((2, 9, 8, 16), (32, 3, 3, 16), {"kernel": 3, "order": "NHWC", "pad": 1}),
    "1 axis": ((2, 8, 17), (6, 8, 3), {"kernels": [3], "pads": [1, 1]}),
}


@pytest.mark.parametrize("sign", [False, True], ids=["u8", "s8"])
@pytest.mark.parametrize("form", FORMS)
def test_convolutions_are_exact_where_numbers_fit_the_steps(registry, onednn, form, sign):
    """Steps of X are 1 (its range is 127 or 255), and those of Y 64: Y is known to half a step.

    Without VNNI weights have 63 steps; or 127 of which oneDNN drops the odd ones, so that the largest is one off.
    """
    shape, weights, args = FORMS[form]
    exact = onednn.adds_products_in_32_bits
    net = c2.Net("exact")
    net.op("Conv", ["x", "w", "b"], "y", **args)
    net.add_external_output("y")
    low, high = (-127, 127) if sign else (0, 255)
    feeds = {
        "x": integers(low, high, *shape), "w": whole_weights(127 if exact or sign else 63, *weights, seed=1),
        "b": integers(-999, 999, weights[0], seed=2),
    }  # fmt: skip
    _, (expected,) = run(registry, net, feeds, ["y"])
    step = max(64.0, float(np.abs(expected).max()) / 127)
    ranges = {"x": (float(low), float(high)), "y": (-127 * step, 127 * step)}
    made, (found,) = run(registry, net, feeds, ["y"], None, ["w", "b"], ranges)
    assert engines(made) == ["reorder", "MKL int8", "reorder"], made.program().stages[0].declined
    off = 127 if sign and not exact else 0
    assert np.abs(found - expected).max() <= off + step / 2 * (1 + 1e-5)
    np.testing.assert_allclose(found / step, np.rint(found / step), atol=1e-3)


def test_fc_is_exact_where_numbers_fit_the_steps(registry, onednn):
    net = c2.Net("exact")
    net.op("FC", ["x", "w", "b"], "y")
    net.op("Relu", "y", "r")
    net.add_external_output("r")
    feeds = {
        "x": integers(-127, 127, 3, 40),
        "w": whole_weights(127 if onednn.adds_products_in_32_bits else 63, 10, 40, seed=1),
        "b": integers(-9, 9, 10),
    }  # fmt: skip
    made, (found,) = run(registry, net, feeds, ["r"], None, ["w", "b"], {"x": (-127.0, 127.0)})
    assert engines(made) == ["reorder", "MKL int8"]
    exact = feeds["x"].astype(np.int64) @ feeds["w"].astype(np.int64).T + feeds["b"].astype(int)
    np.testing.assert_allclose(found, np.maximum(exact, 0), rtol=1e-6, atol=0.1)


SUMS = {
    "Conv 3x3": ("Conv", (1, 32, 9, 9), (32, 32, 3, 3), {"kernel": 3}),
    "Conv 1x1": ("Conv", (1, 32, 9, 9), (32, 32, 1, 1), {"kernel": 1}),
    "depthwise": ("Conv", (1, 32, 9, 9), (32, 1, 3, 3), {"kernel": 3, "group": 32}),
    "FC": ("FC", (8, 256), (64, 256), {}),
    "MatMul": ("MatMul", (8, 256), (256, 64), {}),
}


@pytest.mark.parametrize("low", [0.0, -1.0], ids=["u8", "s8"])
@pytest.mark.parametrize("form", SUMS)
def test_sums_of_the_largest_products_are_not_cut_off(registry, form, low):
    """Two products of 255 and 127 leave 16 bits, in which CPUs without VNNI add them up."""
    type_, shape, weights, args = SUMS[form]
    net = c2.Net("largest")
    net.op(type_, ["x", "w"] + ["b"] * (type_ == "FC"), "y", **args)
    net.add_external_output("y")
    feeds = {"x": np.ones(shape, np.float32), "w": np.ones(weights, np.float32)}
    if type_ == "FC":
        feeds["b"] = np.zeros(weights[0], np.float32)
    terms = float(weights[0] if type_ == "MatMul" else np.prod(weights[1:]))
    ranges = {"x": (low, 1.0)} | ({"y": (-terms, terms)} if type_ == "Conv" else {})
    made, (found,) = run(registry, net, feeds, ["y"], None, [n for n in feeds if n != "x"], ranges)
    assert "MKL int8" in engines(made)
    np.testing.assert_allclose(found, terms, rtol=0.01)


def test_numbers_beyond_the_range_are_cut_off(registry, onednn):
    net = c2.Net("cut")
    net.op("Conv", ["x", "w", "b"], "y", kernel=1)
    net.add_external_output("y")
    feeds = {
        "x": np.array([-500, -3, 60, 500], np.float32).reshape(1, 1, 2, 2), "w": np.full((16, 1, 1, 1), 2, np.float32),
        "b": np.zeros(16, np.float32),
    }  # fmt: skip
    ranges = {"x": (-127.0, 127.0), "y": (0.0, 255.0)}
    _, (found,) = run(registry, net, feeds, ["y"], None, ["w", "b"], ranges)
    atol = 0.5 if onednn.adds_products_in_32_bits else 1.5  # oneDNN halves 127, to 64
    np.testing.assert_allclose(found[0, 0].ravel(), [0, 0, 120, 254], atol=atol)


def test_what_was_not_calibrated_stays_float32(registry):
    net = c2.Net("part")
    net.op("Conv", ["x", "w"], "y", kernel=1)
    net.add_external_output("y")
    feeds = {"x": integers(-9, 9, 1, 16, 4, 4), "w": whole_weights(127, 16, 16, 1, 1)}
    made, _ = run(registry, net, feeds, ["y"], None, ["w"], {"y": (-1.0, 1.0)})
    stage = next(s for s in made.program().stages if s.node.type == "Conv")
    assert (stage.engine, stage.declined) == (
        "MKL",
        [("MKL int8", "the range of 'x' is not known")],
    )
    made, _ = run(registry, net, feeds, ["y"], ranges={"x": (-9.0, 9.0), "y": (-1.0, 1.0)})
    stage = next(s for s in made.program().stages if s.node.type == "Conv")
    assert (stage.engine, stage.declined[0][1]) == ("MKL", "weights that may change")


def test_what_lies_between_stays_in_8_bits(registry):
    """Sums of blobs with other steps, joined blobs, pools with a Relu, the average of an image."""
    net = c2.Net("between")
    net.op("Conv", ["x", "w0"], "a", kernel=3, pad=1)
    net.op("Conv", ["a", "w1"], "b", kernel=1)
    net.op("Sum", ["b", "a"], "s")
    net.op("Relu", "s", "r")
    net.op("MaxPool", "r", "p", kernel=2, stride=2)
    net.op("Conv", ["p", "w2"], "c", kernel=1)
    net.op("MaxPool", "c", "d", kernel=3, stride=1, pad=1)
    net.op("Relu", "d", "e")
    net.op("Concat", ["p", "e"], ["j", "sizes"], axis=1)
    net.op("AveragePool", "j", "m", global_pooling=1)
    net.op("FC", ["m", "w3", "b3"], "y")
    net.add_external_output("y")
    rng = np.random.default_rng(5)
    feeds = {
        name: (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        for name, shape in {
            "x": (2, 3, 16, 16), "w0": (24, 3, 3, 3), "w1": (24, 24, 1, 1), "w2": (32, 24, 1, 1), "w3": (10, 56),
            "b3": (10,),
        }.items()
    }  # fmt: skip
    params = {n: v for n, v in feeds.items() if n != "x"}
    init = params_to_init_net(params)
    ranges = blob_ranges(init, net.proto, batches({"x": feeds["x"]}, 1), registry=registry)
    _, (expected,) = run(registry, net, feeds, ["y"])
    made, (found,) = run(registry, net, feeds, ["y"], None, list(params), ranges)
    kinds = engines(made)
    assert set(kinds) == {"MKL int8", "reorder"}, [
        (s.engine, s.node.label) for s in made.program().stages
    ]
    assert kinds.count("reorder") == 2, "the input, and what had a sign before it was joined"
    assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["resnet50", "squeezenet", "mobilenet_v2", "lenet"])
def test_nets_in_int8(registry, name):
    model = benchmark_model(name)
    init = params_to_init_net(model.parameters)
    samples = batches({model.data: model.input(seed=2, batch=4)}, 2)
    made = quantize(init, model.net, samples, registry=registry)
    pair = [c2.Predictor(init, made, registry=registry, precision=p) for p in ("fp32", None)]
    found = compare(pair, batches({model.data: model.input(seed=3, batch=4)}, 4))
    assert 0 < found.error < ERRORS.get(name, ERROR)
    stages = pair[1].program(**{model.data: model.input(batch=1)}).stages
    slow = [s.node.label for s in stages if s.engine not in ("MKL int8", "reorder")]
    assert not slow, slow


def test_real_digits_keep_their_accuracy(registry):
    zoo = pytest.importorskip("c2_zoo", reason="c2-zoo is not installed")
    from c2_zoo.datasets.mnist10k import mnist10k
    from c2_zoo.models.lenet.model import as_input

    folder = Path(zoo.__file__).parent / "models" / "lenet"
    init, net = c2.load_net(folder / "init_net.pb"), c2.load_net(folder / "predict_net.pb")
    x, y = mnist10k()
    name = c2.Predictor(init, net, registry=registry).inputs[0]
    samples = as_input(x[:1256])
    made = quantize(init, net, batches({name: samples[:256]}, 64), registry=registry)
    pair = [
        c2.Predictor(init, made, registry=registry, precision=p, threads=1) for p in ("fp32", None)
    ]
    found = compare(pair, batches({name: samples[256:]}, 250), y[256:1256])
    assert found.agreement >= 0.99
    assert found.accuracy >= found.full_accuracy - 0.005
