"""bf16 through c2-mkl: whole nets within a stated distance of float32, single operators, refusal."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from reduced_nets import benchmark_model, engines, error, images, run, skip_without

import c2

BF16 = 2e-2  # of the largest number: 8 bits of mantissa, and roundings that add up along a net
DEEP = {
    "mobilenet_v2": 1.2e-1
}  # 53 layers without a nonlinearity after each third, and random weights


@pytest.fixture(scope="module")
def bf16(onednn):
    skip_without("bf16")


def scores_of(net):
    """What a softmax reads: it would hide differences."""
    last = net.op[-1]
    return last.input[0] if last.type == "Softmax" else last.output[0]


@pytest.mark.parametrize(
    "name", ["resnet50", "squeezenet", "inception_v2", "mobilenet_v2", "lenet", "mlp"]
)
def test_nets_in_bf16(registry, bf16, name):
    model = benchmark_model(name)
    out = scores_of(model.net)
    feeds = {**model.parameters, model.data: model.input(batch=2)}
    results = {}
    for precision in ("fp32", "bf16"):
        net, (found,) = run(registry, model.net, feeds, [out], precision, model.parameters)
        results[precision] = found.reshape(2, -1)
        reduced = [s for s in net.program().stages if s.engine == "MKL bf16"]
        linear = [s.node.type for s in net.program().stages if s.node.type in ("Conv", "FC")]
        assert (len(reduced) >= 0.6 * len(linear)) == (precision == "bf16")
    assert error(results["bf16"], results["fp32"]) < DEEP.get(name, BF16)
    assert (results["bf16"].argmax(1) == results["fp32"].argmax(1)).all()
    assert (results["bf16"] != results["fp32"]).any()


CONVOLUTIONS = {
    "1 axis": ((2, 8, 17), (6, 8, 3), {"kernels": [3], "pads": [1, 1]}),
    "3 axes": ((1, 4, 6, 7, 5), (8, 4, 3, 3, 3), {"kernels": [3, 3, 3]}),
    "groups": ((2, 32, 9, 9), (64, 16, 3, 3), {"kernel": 3, "group": 2, "stride": 2}),
    "depthwise": ((2, 32, 9, 9), (32, 1, 3, 3), {"kernel": 3, "group": 32, "pad": 1}),
    "dilated": ((1, 16, 12, 12), (16, 16, 3, 3), {"kernel": 3, "dilation": 2, "pad": 2}),
    "NHWC": ((2, 9, 8, 16), (32, 3, 3, 16), {"kernel": 3, "order": "NHWC", "pad": 1}),
    "three channels": ((2, 3, 20, 20), (16, 3, 7, 7), {"kernel": 7, "stride": 2, "pad": 3}),
}


@pytest.mark.parametrize("constant", [True, False], ids=["packed once", "packed at every run"])
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions_in_bf16(registry, bf16, case, constant):
    shape, weights, args = CONVOLUTIONS[case]
    channels = weights[0]
    net = c2.Net("conv")
    net.op("Conv", ["x", "w", "b"], "c", **args)
    net.op("Relu", "c", "y")
    net.add_external_output("y")
    feeds = {"x": images(*shape), "w": images(*weights, seed=1) / 6, "b": images(channels, seed=2)}
    constants = ["w", "b"] if constant else []
    results = []
    for precision in ("fp32", "bf16"):
        made, (found,) = run(registry, net, feeds, ["y"], precision, constants)
        results.append(found)
    assert "MKL bf16" in engines(made), made.program().stages[0].declined
    assert error(results[1], results[0]) < 1e-2


def test_sums_and_joins_stay_in_bf16(registry, bf16):
    net = c2.Net("sums")
    net.op("Conv", ["x", "w0"], "a", kernel=1)
    net.op("Conv", ["x", "w1"], "b", kernel=1)
    net.op("Sum", ["a", "b"], "s")  # done by the second convolution
    net.op("MaxPool", "s", "p", kernel=2)
    net.op("MaxPool", "a", "q", kernel=2)
    net.op("Sum", ["p", "q"], "t")
    net.op("Relu", "t", "r")
    net.op("Concat", ["p", "r"], ["j", "sizes"], axis=1)
    net.op("Conv", ["j", "w2", "b2"], "z", kernel=2)
    net.add_external_output("z")
    feeds = {
        "x": images(2, 16, 8, 8), "w0": images(24, 16, 1, 1) / 4, "w1": images(24, 16, 1, 1, seed=1) / 4,
        "w2": images(8, 48, 2, 2) / 14, "b2": images(8),
    }  # fmt: skip
    results = []
    for precision in ("fp32", "bf16"):
        made, (found,) = run(registry, net, feeds, ["z"], precision, list(feeds)[1:])
        results.append(found)
    assert sorted(set(engines(made))) == ["MKL bf16", "reorder"]
    assert error(results[1], results[0]) < BF16


def test_fc_reads_images_as_they_lie(registry, bf16):
    net = c2.Net("fc")
    net.op("Conv", ["x", "w0"], "a", kernel=3)
    net.op("FC", ["a", "w1", "b1"], "f")
    net.op("Relu", "f", "r")
    net.op("FC", ["r", "w2", "b2"], "z")
    net.add_external_output("z")
    feeds = {
        "x": images(3, 8, 6, 6), "w0": images(16, 8, 3, 3) / 8, "w1": images(20, 256) / 16, "b1": images(20),
        "w2": images(5, 20) / 4, "b2": images(5),
    }  # fmt: skip
    results = []
    for precision in ("fp32", "bf16"):
        made, (found,) = run(registry, net, feeds, ["z"], precision, list(feeds)[1:])
        results.append(found)
    assert [s.node.label for s in made.program().stages if s.engine == "MKL bf16"] == [
        "Conv", "FC+Relu", "FC"
    ]  # fmt: skip
    assert error(results[1], results[0]) < BF16


def test_kept_blobs_are_float32(registry, bf16):
    net = c2.Net("kept")
    net.op("Conv", ["x", "w0"], "a", kernel=3, pad=1)
    net.op("Relu", "a", "y")
    net.op("Conv", ["y", "w1"], "z", kernel=1)
    net.add_external_output("z")
    feeds = {"x": images(1, 8, 5, 5), "w0": images(16, 8, 3, 3), "w1": images(4, 16, 1, 1)}
    _, found = run(registry, net, feeds, ["a", "y", "z"], "bf16", ["w0", "w1"])
    assert {v.dtype for v in found} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(found[1], np.maximum(found[0], 0))


def test_a_predictor_in_bf16(registry, bf16):
    init, net = c2.Net("init"), c2.Net("predict")
    init.op("GivenTensorFill", [], "w", shape=[4, 8], values=images(4, 8).ravel().tolist())
    init.op("ConstantFill", [], "b", shape=[4], value=0.5)
    net.op("FC", ["x", "w", "b"], "y")
    net.add_external_output("y")
    x = images(3, 8)
    results = [
        c2.Predictor(init, net, registry=registry, precision=precision)(x=x)["y"]
        for precision in (None, "bf16")
    ]
    assert 0 < error(results[1], results[0]) < 1e-2


@pytest.mark.parametrize(
    ("precision", "needs", "instructions", "has"),
    [("bf16", "AVX-512 BF16", "avx2", "AVX2"), ("int8", "AVX2", "avx", "AVX")],
)
def test_a_cpu_without_it_is_told_so(onednn, precision, needs, instructions, has):
    program = textwrap.dedent(f"""
        import c2
        net = c2.Net("n")
        net.op("Relu", "x", "y")
        try:
            c2.Predictor(c2.Net("init"), net, precision="{precision}")
        except c2.PrecisionError as error:
            print(error)
    """)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], check=False, capture_output=True, text=True, timeout=60,
        env={**os.environ, "C2_MKL_INSTRUCTIONS": instructions},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = f"MKL: {precision} needs {needs}, and the best that oneDNN can use here is {has}. Use"
    assert text in done.stdout


@pytest.mark.parametrize("after", [[], ["Relu"]])
@pytest.mark.parametrize(("M", "K", "N"), [(1, 1, 1), (1, 300, 64), (2, 129, 83), (4, 784, 10)])
def test_few_rows_in_bf16_round_weights_alone(registry, bf16, M, K, N, after):
    net = c2.Net("rows")
    net.op("FC", ["x", "w", "b"], "f" if after else "y")
    for type_ in after:
        net.op(type_, "f", "y")
    net.add_external_output("y")
    feeds = {"x": images(M, K), "w": images(N, K, seed=1), "b": images(N, seed=2)}
    feeds["w"][0, 0] = 1 + 2**-8  # half way: to the even one
    made, (found,) = run(registry, net, feeds, ["y"], "bf16", ["w", "b"])
    assert "MKL bf16" in engines(made)
    mantissa, exponent = np.frexp(feeds["w"].astype(np.float64))
    rounded = np.ldexp(np.rint(mantissa * 2**8), exponent - 8)
    expected = feeds["x"].astype(np.float64) @ rounded.T + feeds["b"]
    expected = np.maximum(expected, 0) if after else expected
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * K**0.5 + 1e-6)


def test_few_rows_in_bf16_keep_nan_and_infinity(registry, bf16):
    net = c2.Net("rows")
    net.op("FC", ["x", "w", "b"], "y")
    net.add_external_output("y")
    w = np.array([[np.nan], [np.inf], [-np.inf], [1e-40], [3.4e38]], np.float32)
    feeds = {"x": np.ones((1, 1), np.float32), "w": w, "b": np.zeros(5, np.float32)}
    _, (found,) = run(registry, net, feeds, ["y"], "bf16", ["w", "b"])
    assert np.isnan(found[0, 0])
    assert found[0, 1:3].tolist() == [np.inf, -np.inf]
    assert 0 < found[0, 3] < 2e-40
