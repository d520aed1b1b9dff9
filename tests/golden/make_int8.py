"""What real Caffe2 gives for its operators on 8-bit tensors.

oracle python tests/golden/make_int8.py tests/golden/data/int8.npz
"""

import json
import sys
from functools import partial

import numpy as np
from asking import apart
from caffe2.python import core, workspace

# Steps of results are no multiples of these, so that hardly anything lies half way between two steps.
STEPS = [(0.1, 100), (0.05, 120), (0.25, 0), (0.013, 255)]


def numbers(rng, *shape):
    return rng.randint(0, 256, shape).astype(np.uint8)


def questions(rng):
    """(type, inputs, arguments, number of outputs); an input is an array, or (array, scale, zero point)."""
    for k, (scale, zero) in enumerate(STEPS):
        x = rng.uniform(-30, 30, 40).astype(np.float32)
        yield "Int8Quantize", [x], {"Y_scale": scale, "Y_zero_point": zero}, 1
        X = (numbers(rng, 2, 5, 6, 8), scale, zero)
        own = {"Y_scale": scale, "Y_zero_point": zero}
        yield "Int8Dequantize", [X], {}, 1
        yield from activations(X, own)
        yield from pools(X, own)
        yield from moves(rng, X, own)
        yield from sums(rng, X)
        yield from products(rng, X, k)


def activations(X, own):
    other = {"Y_scale": 0.1993, "Y_zero_point": 60}
    yield "Int8Relu", [X], own, 1
    yield "Int8LeakyRelu", [X], {**own, "alpha": 0.2}, 1
    yield "Int8LeakyRelu", [X], {**other, "alpha": 0.01}, 1
    unit = {"Y_scale": 1 / 256, "Y_zero_point": 0}
    yield "Int8Sigmoid", [X], unit, 1
    yield "Int8Softmax", [X], unit, 1
    yield "Int8Softmax", [(X[0][0, 0], *X[1:])], unit, 1


def pools(X, own):
    other = {"Y_scale": 0.1993, "Y_zero_point": 60}
    for window in (
        {"kernel": 2, "stride": 2}, {"kernel": 3, "stride": 2, "pad": 1}, {"global_pooling": 1},
        {"kernel_h": 2, "kernel_w": 3, "stride": 1},
    ):  # fmt: skip
        for after in ("", "Relu"):
            args = {**window, "order": "NHWC"}
            yield f"Int8MaxPool{after}", [X], {**args, **own}, 1
            yield f"Int8AveragePool{after}", [X], {**args, **other}, 1


def moves(rng, X, own):
    yield "Int8Concat", [X, (numbers(rng, 2, 5, 6, 3), *X[1:])], {**own, "axis": 3}, 2
    yield "Int8Concat", [X, X], own, 2
    yield "Int8Concat", [X, X], {**own, "order": "NHWC"}, 2
    yield "Int8Concat", [X, X], {**own, "axis": 1, "add_axis": 1}, 2
    yield "Int8Concat", [X, (numbers(rng, 2, 2, 6, 8), *X[1:])], {**own, "axis": 1}, 2
    yield "Int8Reshape", [X], {**own, "shape": [2, -1]}, 2
    yield "Int8Reshape", [X], {**own, "shape": [0, 30, 8]}, 2
    for axis in (1, 2):
        yield "Int8Flatten", [X], {**own, "axis": axis}, 1
    yield "Int8Transpose", [X], {**own, "axes": [0, 2, 1, 3]}, 1
    yield "Int8Transpose", [X], {**own, "axes": [3, 0, 2, 1]}, 1
    yield "Int8Slice", [X], {**own, "starts": [0, 1, 0, 0], "ends": [-1, 4, -1, -1]}, 1
    for group in (2, 4):
        yield "Int8ChannelShuffle", [X], {**own, "group": group, "kernel": 1, "order": "NHWC"}, 1
    for scale in (2.0, 1.5):
        yield "Int8ResizeNearest", [X], {**own, "height_scale": scale, "width_scale": 2.0}, 1
    values = {"shape": [2, 5], "Y_scale": X[1], "Y_zero_point": X[2]}
    yield "Int8GivenTensorFill", [], {**values, "values": bytes(range(100, 110))}, 1
    yield "Int8GivenIntTensorFill", [], {**values, "values": list(range(-5, 5))}, 1


def sums(rng, X):
    B = (numbers(rng, *X[0].shape), 0.07, 30)
    for type_ in ("Int8Add", "Int8AddRelu", "Int8Sum", "Int8SumRelu"):
        yield type_, [X, B], {"Y_scale": 0.1993, "Y_zero_point": 60}, 1


def products(rng, X, k):
    scale = 0.04
    results = {"Y_scale": 79.7 * X[1] * scale, "Y_zero_point": 128 - 20 * k}

    def weights(*shape):
        bias = rng.randint(-9000, 9000, shape[0]).astype(np.int32)
        return [(numbers(rng, *shape), scale, 120 + k), (bias, X[1] * scale, 0)]

    for type_ in ("Int8Conv", "Int8ConvRelu"):
        for shape, window in [
            ((5, 3, 3, 8), {"kernel": 3, "pad": 1}), ((4, 1, 1, 8), {"kernel": 1}),
            ((8, 3, 3, 1), {"kernel": 3, "pad": 1, "stride": 2, "group": 8}),
            ((6, 2, 3, 4), {"kernel_h": 2, "kernel_w": 3, "group": 2}), ((3, 3, 3, 8), {"kernel": 3, "dilation": 2}),
        ]:  # fmt: skip
            yield type_, [X, *weights(*shape)], {**window, **results, "order": "NHWC"}, 1
    yield "Int8FC", [X, *weights(7, 240)], results, 1
    yield "Int8FC", [(X[0][0, 0], *X[1:]), *weights(3, 8)], results, 1


def ask(question):
    type_, inputs, args, count = question
    names = [f"in{k}" for k in range(len(inputs))]
    for name, value in zip(names, inputs):
        feed(name, value)
    outputs = [f"out{k}" for k in range(count)]
    workspace.RunOperatorOnce(core.CreateOperator(type_, names, outputs, **args))
    return [fetch(name) for name in outputs]


def feed(name, value):
    if not isinstance(value, tuple):
        workspace.FeedBlob(name, value)
        return
    data, scale, zero = value
    is_bytes = data.dtype == np.uint8
    type_ = "Int8GivenTensorFill" if is_bytes else "Int8GivenIntTensorFill"
    values = data.tobytes() if is_bytes else data.ravel().tolist()
    args = {"shape": data.shape, "values": values, "Y_scale": scale, "Y_zero_point": zero}
    workspace.RunOperatorOnce(core.CreateOperator(type_, [], [name], **args))


def fetch(name):
    try:
        return workspace.FetchBlob(name)
    except TypeError:
        found = workspace.FetchInt8Blob(name)
        return found.data, found.scale, found.zero_point


def main(path):
    told, arrays = [], {}

    def note(place, value):
        data, *steps = value if isinstance(value, tuple) else (value,)
        arrays[place] = data
        return [place, *steps]

    for k, question in enumerate(questions(np.random.RandomState(1))):
        type_, inputs, args, _ = question
        outputs = apart(partial(ask, question))
        args = {n: list(v) if isinstance(v, bytes) else v for n, v in args.items()}
        told.append({
            "type": type_, "args": args, "inputs": [note(f"{k}.in{j}", v) for j, v in enumerate(inputs)],
            "outputs": outputs and [note(f"{k}.out{j}", v) for j, v in enumerate(outputs)],
        })  # fmt: skip
    np.savez_compressed(path, told=np.array(json.dumps(told)), **arrays)
    refused = [one["type"] for one in told if one["outputs"] is None]
    print(len(told), "questions,", len(refused), "refused:", sorted(set(refused)))


if __name__ == "__main__":
    main(sys.argv[1])
