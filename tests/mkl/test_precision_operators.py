"""Operators between two convolutions, in bf16 and int8: blobs stay in that form, near what float32 gives."""

import numpy as np
import pytest
from reduced_nets import engines, error, images, run, skip_without

import c2
from c2.build.calibrate import blob_ranges
from c2.data import batches
from c2.serialize.init_net import params_to_init_net

# Of the largest number. In int8, numbers go through four roundings of half a step of 127 each.
ERRORS = {"bf16": 2e-2, "int8": 7e-2}


@pytest.fixture(params=["bf16", "int8"])
def precision(request, onednn):
    skip_without(request.param)
    return request.param


def most_error(precision):
    from c2_mkl.library import onednn

    few_steps = precision == "int8" and not onednn().adds_products_in_32_bits  # of weights: 63
    return ERRORS[precision] * (1.5 if few_steps else 1)


def compare(registry, net, feeds, data, precision):
    """The reduced net, its result, and that of float32; all but the data are parameters."""
    params = {name: value for name, value in feeds.items() if name not in data}
    ranges = None
    if precision == "int8":
        samples = batches({name: feeds[name] for name in data}, 2)
        init = params_to_init_net(params)
        ranges = blob_ranges(init, net.proto, samples, registry=registry)
    _, (expected,) = run(registry, net, feeds, ["z"], "fp32", list(params))
    made, (found,) = run(registry, net, feeds, ["z"], precision, list(params), ranges)
    return made, found, expected


OPERATORS = {
    "Relu": ("Relu", {}), "LeakyRelu": ("LeakyRelu", {"alpha": 0.2}), "Clip": ("Clip", {"min": -0.5, "max": 0.5}),
    "Sigmoid": ("Sigmoid", {}), "Tanh": ("Tanh", {}), "Elu": ("Elu", {"alpha": 0.7}), "Swish": ("Swish", {}),
    "HardSigmoid": ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}), "MaxPool": ("MaxPool", {"kernel": 3, "stride": 2}),
    "MaxPool padded": ("MaxPool", {"kernel": 3, "stride": 2, "pad": 1}),
    "MaxPool rounded up": ("MaxPool", {"kernel": 3, "stride": 2, "legacy_pad": 3}),
    "AveragePool": ("AveragePool", {"kernel": 3, "stride": 2, "pad": 1}),
    "AveragePool with pads": ("AveragePool", {"kernel": 2, "pad": 1, "count_include_pad": 1}),
    "Copy": ("Copy", {}), "Dropout": ("Dropout", {"is_test": 1}), "ChannelShuffle": ("ChannelShuffle", {"group": 4}),
    "ResizeNearest": ("ResizeNearest", {"height_scale": 2.0, "width_scale": 1.5}),
    "Transpose": ("Transpose", {"axes": [0, 1, 3, 2]}),
}  # fmt: skip
FEEDS = {"x": images(2, 8, 13, 11), "w0": images(24, 8, 3, 3) / 8, "w1": images(4, 24, 1, 1) / 5}


def between(type_, args, outputs=("y",)):
    net = c2.Net("one")
    net.op("Conv", ["x", "w0"], "a", kernel=3, pad=1)
    net.op("MaxPool", "a", "m", kernel=1)  # so that no activation is done by the convolution
    net.op(type_, "m", list(outputs), **args)
    return net


@pytest.mark.parametrize("case", OPERATORS)
def test_operators_stay_in_reduced_precision(registry, precision, case):
    type_, args = OPERATORS[case]
    net = between(type_, args)
    net.op("Conv", ["y", "w1"], "z", kernel=1)
    net.add_external_output("z")
    made, found, expected = compare(registry, net, FEEDS, ["x"], precision)
    assert set(engines(made)) == {f"MKL {precision}", "reorder"}, made.program().stages
    form = "bf16" if precision == "bf16" else "8"
    assert all(form in one.name for one in made.program().layouts.values()), "no float32 between"
    assert error(found, expected) < most_error(precision)


@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize("type_", ["Split", "DepthSplit"])
def test_parts(registry, precision, type_, group):
    """Parts of unequal sizes along the channels, one of which a convolution of groups reads."""
    net = between(type_, {"axis": 1, "split": [6, 15, 3]}, ["p", "q", "r"])
    net.op("Conv", ["q", "w1"], "z", kernel=1, group=group)
    net.add_external_output("z")
    feeds = {**FEEDS, "w1": images(6, 15 // group, 1, 1) / 3}
    made, found, expected = compare(registry, net, feeds, ["x"], precision)
    kinds = {s.node.type: s.engine for s in made.program().stages}
    assert kinds[type_] == f"MKL {precision}"
    assert error(found, expected) < most_error(precision)


@pytest.mark.parametrize("type_", ["Flatten", "Reshape", "Squeeze"])
def test_images_become_rows(registry, precision, type_):
    """The rows are in C order, so the image is reordered in its own form."""
    args = {"Flatten": {}, "Reshape": {"shape": [2, -1]}, "Squeeze": {"dims": [1]}}[type_]
    net = between(type_, args, ["y", "old"][: 1 + (type_ == "Reshape")])
    net.op("FC", ["y", "w1", "b1"], "z")
    net.add_external_output("z")
    channels = 1 if type_ == "Squeeze" else 24
    feeds = {
        "x": FEEDS["x"], "w0": images(channels, 8, 3, 3) / 8,
        "w1": images(7, 143 * channels) / np.float32(np.sqrt(143 * channels)), "b1": images(7),
    }  # fmt: skip
    made, found, expected = compare(registry, net, feeds, ["x"], precision)
    assert set(engines(made)) == {f"MKL {precision}", "reorder"}
    assert error(found, expected) < most_error(precision)


@pytest.mark.parametrize("after", [None, "Relu", "Clip"])
@pytest.mark.parametrize("type_", ["Sum", "Add", "Mul"])
def test_sums_and_products(registry, precision, type_, after):
    net = c2.Net("two")
    for k in "ab":
        net.op("Conv", ["x", f"w{k}"], k, kernel=3, pad=1)
        net.op("MaxPool", k, f"{k}m", kernel=1)  # so that no convolution does the sum
    net.op("Relu", "bm", "br")  # without a sign, the other one with
    net.op(type_, ["am", "br"], "s" if after else "y")
    if after:
        net.op(after, "s", "y", **({"min": -0.5, "max": 0.75} if after == "Clip" else {}))
    net.op("Conv", ["y", "w1"], "z", kernel=1)
    net.add_external_output("z")
    feeds = {
        "x": FEEDS["x"],
        "wa": FEEDS["w0"],
        "wb": images(24, 8, 3, 3, seed=4) / 4,
        "w1": FEEDS["w1"],
    }
    made, found, expected = compare(registry, net, feeds, ["x"], precision)
    assert set(engines(made)) == {f"MKL {precision}", "reorder"}
    assert error(found, expected) < most_error(precision)


def test_five_summands(registry, onednn):
    skip_without("int8")
    net = c2.Net("five")
    names = [f"s{k}" for k in range(5)]
    for k, name in enumerate(names):
        net.op("Conv", ["x", f"w{k}"], name, kernel=3)
    net.op("Sum", names, "y")
    net.op("Conv", ["y", "w"], "z", kernel=1)
    net.add_external_output("z")
    feeds = {f"w{k}": images(16, 8, 3, 3, seed=k) * (k + 1) / 20 for k in range(5)}
    feeds |= {"x": FEEDS["x"], "w": images(4, 16, 1, 1) / 4}
    made, found, expected = compare(registry, net, feeds, ["x"], "int8")
    assert set(engines(made)) == {"MKL int8", "reorder"}
    assert error(found, expected) < ERRORS["int8"]


@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("type_", ["MatMul", "BatchMatMul"])
def test_products_of_matrices(registry, precision, type_, trans_b):
    net = c2.Net("products")
    for k, (source, target) in enumerate([("x", "h"), ("h", "z")]):
        net.op(type_, [source, f"w{k}"], target, trans_b=trans_b)
    net.add_external_output("z")
    feeds = {"x": images(6, 40), "w0": images(40, 48) / 6, "w1": images(48, 20) / 7}
    feeds = {n: v.T.copy() if n != "x" and trans_b else v for n, v in feeds.items()}
    made, found, expected = compare(registry, net, feeds, ["x"], precision)
    assert engines(made) == ["reorder", f"MKL {precision}", f"MKL {precision}"]
    assert error(found, expected) < most_error(precision)


def test_stacks_of_matrices_in_bf16(registry, onednn):
    """Attention: both sides are computed."""
    skip_without("bf16")
    net = c2.Net("attention")
    net.op("BatchMatMul", ["q", "k"], "s", trans_b=1)
    net.op("BatchMatMul", ["s", "v"], "z")
    net.add_external_output("z")
    feeds = {name: images(3, 10, 16, seed=k) for k, name in enumerate("qkv")}
    made, found, expected = compare(registry, net, feeds, list(feeds), "bf16")
    kinds = [s.engine for s in made.program().stages if s.node.type == "BatchMatMul"]
    assert kinds == ["MKL bf16"] * 2
    assert error(found, expected) < ERRORS["bf16"]


def test_fc_gives_what_the_next_one_reads(registry, precision):
    net = c2.Net("fc")
    net.op("FC", ["x", "w0", "b0"], "h")
    net.op("Relu", "h", "r")
    net.op("FC", ["r", "w1", "b1"], "g")
    net.op("Sigmoid", "g", "t")  # no factor can be taken out of it
    net.op("FC", ["t", "w2", "b2"], "z")
    net.add_external_output("z")
    feeds = {
        "x": images(9, 40), "w0": images(64, 40) / 6, "b0": images(64), "w1": images(24, 64) / 8, "b1": images(24),
        "w2": images(10, 24) / 5, "b2": images(10),
    }  # fmt: skip
    made, found, expected = compare(registry, net, feeds, ["x"], precision)
    assert engines(made) == ["reorder", *[f"MKL {precision}"] * 3]
    assert error(found, expected) < most_error(precision)
