"""Nets of many forms, and the gradient operators that real Caffe2 adds to them, as JSON.

    oracle python tests/golden/make_backward.py tests/golden/data/backward.json

Left out is where c2 does better: makers that write a gradient in several steps (Sqrt, Pow), whose steps Caffe2 adds up
at a fan-out; a Split of which some outputs have no gradient; operators without a device beside some that have one.
Names of gradients handed in are long, as Caffe2 takes one of two letters for the indices and values of a sparse one.

A case is the forward operators as [type, inputs, outputs, arguments, device, engine], what to differentiate (a list,
or blob -> gradient blob), and what came back: lines of operators (see operator_lines.py) and blob -> its gradient, a
pair where it is sparse; or that Caffe2 refused.
"""

import json
import random
import sys
from pathlib import Path

from caffe2.proto import caffe2_pb2
from caffe2.python import core

sys.path.insert(0, str(Path(__file__).parent))
from operator_lines import operator_line

BLOBS = type(caffe2_pb2.OperatorDef().input)
# Where Caffe2 walks the set of an operator's blobs, let it do so in their order.
core.set = lambda items=(): dict.fromkeys(items) if isinstance(items, BLOBS) else set(items)

NETS = 120
DEVICES = {"CPU": caffe2_pb2.CPU, "CUDA": caffe2_pb2.CUDA}

# (operator, number of inputs, of outputs, arguments, may its first output be its first input?)
UNARY = [
    ("Relu", {}, True), ("Sigmoid", {}, True), ("Tanh", {}, True), ("LeakyRelu", {"alpha": 0.3}, True),
    ("Negative", {}, True), ("Exp", {}, True), ("ThresholdedRelu", {}, True), ("Softmax", {"axis": 2}, False),
    ("Copy", {}, False), ("Flatten", {}, False), ("Transpose", {"axes": [1, 0]}, False), ("Cube", {}, False),
    ("Cast", {"to": 1, "from_type": 1}, False), ("ReduceSum", {"axes": [0], "keepdims": 0}, False),
    ("Clip", {"min": 0.0}, True),
    ("MaxPool", {"kernel": 2, "stride": 2}, False), ("AveragePool", {"global_pooling": 1}, False),
    ("StopGradient", {}, True), ("ExpandDims", {"dims": [0]}, True), ("Scale", {"scale": 2.0}, True),
    ("AveragedLoss", {}, False), ("ResizeNearest", {"width_scale": 2.0, "height_scale": 2.0}, False),
    ("Slice", {"starts": [0], "ends": [-1]}, False), ("Abs", {}, False),
]  # fmt: skip
BINARY = [
    ("Add", {"broadcast": 1, "axis": 1}, True), ("Add", {}, True), ("Sub", {}, True), ("Mul", {}, False),
    ("MatMul", {"trans_b": 1}, False), ("BatchMatMul", {}, False), ("DotProduct", {}, False),
    ("SquaredL2Distance", {}, False), ("PRelu", {}, False),
    ("Conv", {"kernel": 3, "pad": 1, "order": "NHWC"}, False), ("RowMul", {}, False),
]  # fmt: skip
TERNARY = [
    ("FC", {"axis": 2}, 1), ("Conv", {"kernels": [3, 3], "pads": [1, 1, 1, 1]}, 1), ("ConvTranspose", {"kernel": 2}, 1),
    ("ElementwiseLinear", {}, 1), ("LayerNorm", {}, 3),
]  # fmt: skip


def written():
    """Nets thought of one by one."""
    relu = ("Relu", ["x"], ["h"])
    for width in (2, 3, 4):
        fan = [("Relu", ["x"], [f"h{k}"]) for k in range(width)]
        yield fan, {f"h{k}": f"grad_{k}" for k in range(width)}
        yield fan, [f"h{k}" for k in range(width)]
        yield (
            [relu] + [("Tanh", ["h"], [f"h{k}"]) for k in range(width)],
            [f"h{width - 1}", "h0"],
        )
    for type_ in ("Mul", "Add", "Sub", "Sum", "MatMul"):
        yield [(type_, ["x", "x"], ["y"])], ["y"]
        yield [(type_, ["x", "x"], ["y"]), ("Relu", ["x"], ["z"])], ["y", "z"]
    yield [("Sum", ["x", "x", "z", "x"], ["y"])], {"y": "grad_y"}
    yield (
        [relu, ("Sum", ["h", "z"], ["h"]), ("Relu", ["h"], ["h"]), ("FC", ["h", "w", "b"], ["y"])],
        ["y"],
    )
    yield (
        [
            relu,
            ("Dropout", ["h"], ["h", "m"], {"ratio": 0.3, "is_test": 0}),
            ("Softmax", ["h"], ["y"]),
        ],
        ["y"],
    )
    yield [relu, ("Dropout", ["h"], ["d"], {"ratio": 0.3, "is_test": 1})], ["d"]
    yield [relu, ("StopGradient", ["h"], ["h"]), ("Mul", ["h", "x"], ["y"])], ["y"]
    yield [relu, ("StopGradient", ["h"], ["s"]), ("Mul", ["s", "h"], ["y"])], ["y"]
    yield [relu, ("StopGradient", ["h"], ["s"])], ["h"]
    yield [relu, ("ZeroGradient", ["h"], []), ("Relu", ["h"], ["y"])], ["y"]
    yield [relu, ("ZeroGradient", ["x"], [])], ["h"]
    yield [("ZeroGradient", ["w"], []), relu], ["h"]
    table = [("Gather", ["t", f"i{k}"], [f"r{k}"]) for k in range(3)]
    for count in (1, 2, 3):
        yield table[:count], {f"r{k}": f"grad_{k}" for k in range(count)}
        yield [*table[:count], ("Sum", [f"r{k}" for k in range(count)], ["y"])], ["y"]
    yield [*table[:1], ("Relu", ["t"], ["y"])], ["r0", "y"]
    yield [*table[:2], ("EnsureDense", ["t"], ["y"])], ["r0", "r1", "y"]
    slice_ = ("SparseLengthsSum", ["t", "i", "l"], ["p"])
    yield [slice_, ("Gather", ["t", "j"], ["q"]), ("FC", ["p", "w", "b"], ["y"])], ["y", "q"]
    yield [slice_, ("SparseLengthsSum", ["t", "j", "l"], ["q"])], ["p", "q"]
    yield [slice_, (*slice_[:2], ["q"]), ("Add", ["p", "q"], ["y"])], {"y": "grad_y"}
    split = ("Split", ["x"], ["a", "b", "c"], {"axis": 1})
    yield [split, ("Concat", ["a", "b", "c"], ["y", "dims"], {"axis": 1})], ["y"]
    yield [split], ["a", "b", "c"]
    yield (
        [("Concat", ["x", "x", "z"], ["y", "dims"], {"axis": 0}), ("Relu", ["x"], ["h"])],
        ["y", "h"],
    )
    bn = (
        "SpatialBN",
        ["x", "s", "b", "m", "v"],
        ["y", "m", "v", "sm", "sv"],
        {"is_test": 0, "epsilon": 1e-3},
    )
    yield [bn, ("Relu", ["y"], ["y"])], ["y"]
    yield (
        [
            ("Conv", ["x", "w"], ["c"], {"kernel": 3}),
            (*bn[:1], ["c", "s", "b", "m", "v"], *bn[2:]),
        ],
        ["y"],
    )
    yield [("SpatialBN", ["x", "s", "b", "m", "v"], ["y"], {"is_test": 1})], ["y"]
    loss = [("SoftmaxWithLoss", ["y", "label"], ["p", "loss"])]
    yield [("FC", ["x", "w", "b"], ["y"]), *loss], ["loss"]
    yield [("FC", ["x", "w", "b"], ["y"]), *loss], {"loss": "loss_scale"}
    yield [("FC", ["x", "w", "b"], ["y"]), *loss, ("Accuracy", ["p", "label"], ["acc"])], ["loss"]
    yield [("SoftmaxWithLoss", ["y", "label", "weight"], ["p", "loss"], {"scale": 0.5})], ["loss"]
    entropy = [
        ("Softmax", ["y"], ["p"]),
        ("LabelCrossEntropy", ["p", "label"], ["e"]),
        ("AveragedLoss", ["e"], ["l"]),
    ]
    yield [("FC", ["x", "w", "b"], ["y"]), *entropy], ["l"]
    yield [("FC", ["x", "w", "b"], ["h"]), ("FC", ["h", "w", "b"], ["y"]), *entropy], ["l"]
    yield [("Max", ["a", "b"], ["y"]), ("Mean", ["a", "y"], ["z"])], ["z"]
    yield [("TopK", ["x"], ["v", "i"], {"k": 2})], {"v": "grad_v"}
    yield [("BatchGather", ["x", "i"], ["y"])], ["y"]
    yield [("Reshape", ["x"], ["y", "old"], {"shape": [2, -1]}), ("Relu", ["y"], ["z"])], ["z"]
    yield [("Reshape", ["x"], ["x", "old"], {"shape": [2, -1]}), ("Relu", ["x"], ["z"])], ["z"]
    yield [("Moments", ["x"], ["mean", "variance"])], {"variance": "grad_v"}
    yield [("Accuracy", ["p", "label"], ["acc"])], ["acc"]
    yield [("ArgMax", ["x"], ["i"]), ("Relu", ["x"], ["y"])], ["y", "i"]
    yield [relu, ("Relu", ["h"], ["y"]), ("Relu", ["z"], ["h"])], ["y"]
    yield [relu, ("Exp", ["h"], ["y"]), ("Relu", ["y"], ["h"])], ["h"]
    yield [("Exp", ["x"], ["x"]), ("Relu", ["x"], ["y"]), ("Tanh", ["x"], ["z"])], ["y", "z"]
    yield [("Relu", ["x"], ["y"]), ("Relu", ["y"], ["z"])], ["y", "z"]
    yield [("Relu", ["x"], ["y"]), ("Relu", ["y"], ["z"])], {"y": "grad_y", "z": "grad_z"}
    yield [("Relu", ["x"], ["y"]), ("Relu", ["y"], ["z"]), ("Add", ["y", "z"], ["s"])], ["y", "s"]
    yield [("Relu", ["x"], ["y"]), ("Copy", ["y"], ["unused"])], ["y"]
    yield [("Relu", ["x"], ["y"])], ["x"]
    yield (
        [
            (*relu, {}, "CUDA:1"),
            ("Tanh", ["h"], ["a"], {}, "CUDA:1"),
            ("Exp", ["h"], ["b"], {}, "CUDA:1"),
        ],
        {"a": "grad_a", "b": "grad_b"},
    )
    yield (
        [
            (*relu, {}, "CUDA:0"),
            ("Tanh", ["h"], ["a"], {}, "CUDA:0"),
            ("Exp", ["h"], ["b"], {}, "CUDA:1"),
        ],
        {"a": "grad_a", "b": "grad_b"},
    )
    yield (
        [("Sum", ["x", "z"], ["h"], {}, "CUDA:0"), ("Sum", ["x", "h"], ["y"], {}, "CUDA:0")],
        {"y": "grad_y"},
    )
    conv = ("Conv", ["x", "w", "b"], ["h"], {"kernel": 3, "order": "NCHW"}, "CUDA:0", "CUDNN")
    yield [conv, ("Relu", ["h"], ["h"], {}, "CUDA:0", "CUDNN")], {"h": "grad_h"}
    yield [("Conv", ["x", "w"], ["y"], {"kernel": 3, "no_bias": 1})], {"y": "grad_y"}
    scoped = [
        ("Relu", ["s/x"], ["s/h"]),
        ("FC", ["s/h", "s/w", "s/b"], ["s/y"]),
        ("Relu", ["s/h"], ["s/z"]),
    ]
    yield scoped, ["s/y", "s/z"]


def drawn(seed):
    """A random net: operators over a few blobs, read and written again and again."""
    rng = random.Random(seed)
    blobs = ["x", "z"]
    ops = []

    def pick():
        return blobs[rng.randrange(max(0, len(blobs) - 6), len(blobs))]

    def fresh(count):
        names = [f"h{len(blobs) + k}" for k in range(count)]
        blobs.extend(names)
        return names

    for _ in range(rng.randrange(2, 12)):
        kind = rng.randrange(10)
        if kind < 4:
            type_, args, in_place = UNARY[rng.randrange(len(UNARY))]
            x = pick()
            ops.append([type_, [x], [x] if in_place and rng.randrange(3) == 0 else fresh(1), args])
        elif kind < 6:
            type_, args, in_place = BINARY[rng.randrange(len(BINARY))]
            x, y = pick(), pick()
            ops.append(
                [type_, [x, y], [x] if in_place and rng.randrange(4) == 0 else fresh(1), args]
            )
        elif kind < 7:
            type_, args, count = TERNARY[rng.randrange(len(TERNARY))]
            x = pick()
            more = ["scale", "shift"] if type_ == "LayerNorm" else [pick(), pick()]
            ops.append([type_, [x, *more], fresh(count), args])
        elif kind < 8:
            inputs = [pick() for _ in range(rng.randrange(1, 4))]
            type_ = ["Sum", "Concat", "Max", "Mean"][rng.randrange(4)]
            ops.append([type_, inputs, fresh(2 if type_ == "Concat" else 1), {}])
        elif kind < 9:
            of_rows = [
                ["Gather", ["table", "i"]], ["SparseLengthsSum", ["table", "i", "lengths"]],
                ["SortedSegmentSum", [pick(), "ids"]], ["LengthsMean", [pick(), "lengths"]],
                ["SparseToDense", ["i", pick()]], ["LabelCrossEntropy", [pick(), "label"]],
            ]  # fmt: skip
            ops.append([*of_rows[rng.randrange(6)], fresh(1), {}])
        else:
            parts = [f"part{len(ops)}_{k}" for k in range(2)]
            ops.append(["Split", [pick()], parts, {"axis": 0}])
            ops.append(["Sum", parts, fresh(1), {}])
        if rng.randrange(8) == 0:
            ops[-1] += ["", "CUDNN"]
    ys = sorted({name for op in ops[-2:] for name in op[2]})
    return ops, ys if rng.randrange(2) else {y: "given_" + y for y in ys}


def made(case):
    type_, inputs, outputs = case[:3]
    args, device, engine = (*case[3:], *[{}, "", ""][len(case) - 3 :])
    option = None
    if device:
        name, number = device.split(":")
        option = core.DeviceOption(DEVICES[name], int(number))
    return core.CreateOperator(
        type_, inputs, outputs, device_option=option, engine=engine or None, **args
    )


def answer(ops, ys):
    net = core.Net("n")
    net.Proto().op.extend(made(op) for op in ops)
    try:
        gradients = net.AddGradientOperators(ys)
    except Exception:
        return {"refused": True}
    return {
        "ops": [operator_line(op) for op in list(net.Proto().op)[len(ops) :]],
        "gradients": {
            str(k): [str(v.indices), str(v.values)] if isinstance(v, core.GradientSlice) else str(v)
            for k, v in sorted(gradients.items(), key=lambda item: str(item[0]))
        },
    }


def main(path):
    cases = [*written(), *(drawn(seed) for seed in range(NETS))]
    lines = [json.dumps({"net": ops, "ys": ys, **answer(ops, ys)}) for ops, ys in cases]
    Path(path).write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(len(lines), "nets,", sum('"refused"' in line for line in lines), "of them refused")


if __name__ == "__main__":
    main(sys.argv[1])
