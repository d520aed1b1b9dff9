"""Random nets: operators of many kinds over a few blobs, in place, rewritten, with several readers and outputs."""

from dataclasses import dataclass, field

import numpy as np

import c2
from c2.errors import SchemaError
from c2.graph.check import check_op
from c2.graph.infer import infer_op
from c2.registry import TensorSpec

BATCHES = (2, 1, 3)  # a net works for each of them
UNARY = [
    ("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("LeakyRelu", {"alpha": 0.3}), ("Clip", {"min": -0.5, "max": 1.5}),
    ("Negative", {}), ("Abs", {}), ("Elu", {}), ("Softplus", {}), ("Swish", {}), ("HardSigmoid", {}), ("Gelu", {}),
    ("Copy", {}), ("Scale", {"scale": 0.7}), ("Softmax", {}), ("Dropout", {"is_test": 1}), ("StopGradient", {}),
    ("Reshape", {"shape": [0, -1]}), ("Flatten", {}), ("Transpose", {}), ("Squeeze", {"dims": [0]}),
    ("ExpandDims", {"dims": [0]}), ("Slice", {"starts": [0, 0], "ends": [-1, 2]}), ("Split", {"axis": 1}),
    ("ReduceMean", {"axes": [1], "keepdims": 1}), ("MaxPool", {"kernel": 2, "stride": 2}),
    ("AveragePool", {"kernel": 3, "pad": 1}), ("AveragePool", {"global_pooling": 1}), ("Copy", {}),
    ("Tile", {"tiles": 2, "axis": 1}), ("LpPool", {"kernel": 2, "p": 2.0}), ("ChannelShuffle", {"group": 2}),
]  # fmt: skip
BINARY = [
    ("Add", {}), ("Sub", {}), ("Mul", {}), ("Sum", {}), ("Max", {}), ("Mean", {}), ("Concat", {"axis": 1}),
    ("MatMul", {"trans_b": 1}), ("SquaredL2Distance", {}),
]  # fmt: skip


@dataclass
class RandomNet:
    """A net, the arrays of its parameters, and the shape of its input `x` without the batch."""

    net: c2.Net
    parameters: dict = field(default_factory=dict)
    keep: list = field(default_factory=list)

    def input(self, rng, batch):
        return rng.standard_normal((batch, 4, 6, 6)).astype(np.float32)


class Builder:
    """Draws operators; those that do not fit the shapes of the blobs drawn are drawn again."""

    def __init__(self, registry, seed):
        self.registry, self.rng = registry, np.random.default_rng(seed)
        self.made = RandomNet(c2.Net(f"random{seed}"))
        self.specs = [{"x": TensorSpec((n, 4, 6, 6), np.float32)} for n in BATCHES]
        self.count = 0

    def build(self, length):
        while len(self.made.net) < length:
            self.add(*self.drawn())
        names = [
            n for n in self.made.net.blobs() if n in self.specs[0] and n not in self.made.parameters
        ]
        written = [n for n in names if n in {o for op in self.made.net.ops for o in op.output}]
        outputs = {written[-1], *self.rng.choice(written, 2)}
        self.made.net.add_external_output(*sorted(map(str, outputs)))
        self.made.keep = sorted({str(n) for n in self.rng.choice(written, 2)} - outputs)
        return self.made

    def drawn(self):
        """(type, inputs, number of outputs, arguments) of an operator that may or may not fit."""
        kind = self.rng.integers(12)
        x = self.pick()
        if kind < 5:
            type_, args = UNARY[self.rng.integers(len(UNARY))]
            outputs = {"Reshape": 2, "Split": 2}.get(type_, 1)
            return type_, [x], outputs, args
        if kind < 8:
            type_, args = BINARY[self.rng.integers(len(BINARY))]
            return type_, [x, self.pick()], 2 if type_ == "Concat" else 1, args
        shape = self.specs[0][x].shape
        channels = shape[1] if len(shape) > 1 else 1
        return [self.conv, self.affine, self.norm, self.dense][kind - 8](x, shape, channels)

    def conv(self, x, shape, channels):
        size, group = int(self.rng.choice([1, 3])), int(self.rng.choice([1, 2]))
        width = 2 * int(self.rng.integers(1, 4))
        transposed = self.rng.integers(4) == 0
        head = (channels, width // group) if transposed else (width, channels // group)
        weights = self.parameter((*head, size, size), 0.4)
        bias = [self.parameter((width,))] if self.rng.integers(2) else []
        args = {
            "kernel": size,
            "pad": int(self.rng.integers(2)),
            "stride": int(self.rng.integers(1, 3)),
            "group": group,
        }
        return "ConvTranspose" if transposed else "Conv", [x, weights, *bias], 1, args

    def affine(self, x, shape, channels):
        args = {"broadcast": 1, "axis": 1}
        return str(self.rng.choice(["Mul", "Add"])), [x, self.parameter((channels,))], 1, args

    def norm(self, x, shape, channels):
        positive = [self.parameter((channels,), low=0.5) for _ in range(4)]
        return "SpatialBN", [x, *positive], 1, {"is_test": 1, "epsilon": 1e-3}

    def dense(self, x, shape, channels):
        width = int(self.rng.integers(1, 6))
        size = int(np.prod(shape[1:]))
        return "FC", [x, self.parameter((width, size), 0.3), self.parameter((width,))], 1, {}

    def pick(self):
        names = [n for n in self.specs[0] if n not in self.made.parameters]
        recent = names[-6:]
        return str(recent[self.rng.integers(len(recent))])

    def parameter(self, shape, scale=1.0, low=None):
        self.count += 1
        name = f"w{self.count}"
        drawn = (
            self.rng.standard_normal(shape) * scale
            if low is None
            else self.rng.uniform(low, 1.5, shape)
        )
        self.made.parameters[name] = drawn.astype(np.float32)
        for specs in self.specs:
            specs[name] = TensorSpec(shape, np.float32)
        return name

    def add(self, type_, inputs, n_outputs, args):
        outputs = self.names(type_, inputs, n_outputs)
        op = c2.create_op(type_, inputs, outputs, **args)
        try:
            checked = check_op(op, self.registry)
            found = [infer_op(checked, [s[n] for n in inputs]) for s in self.specs]
        except SchemaError:
            self.forget(inputs)
            return
        if any(max(s.shape, default=0) > 40 or s.ndim > 5 or s.size > 4000 for s in found[0]):
            self.forget(inputs)
            return
        self.made.net.append(op)
        for specs, new in zip(self.specs, found):
            for name, spec in zip(outputs, new):
                specs.pop(name, None)
                if spec.dtype == np.float32:
                    specs[name] = spec

    def forget(self, inputs):
        used = {n for op in self.made.net.ops for n in op.input}
        for name in inputs:
            if name in self.made.parameters and name not in used:
                del self.made.parameters[name]
                for specs in self.specs:
                    del specs[name]

    def names(self, type_, inputs, n_outputs):
        """Mostly new names; now and then the input itself, or a blob that exists already."""
        draw = self.rng.integers(8)
        fresh = [f"h{len(self.made.net)}_{k}" for k in range(n_outputs)]
        if draw == 0:
            return [inputs[0], *fresh[1:]]
        if draw == 1:
            return [self.pick(), *fresh[1:]]
        return fresh


def random_net(registry, seed, length=20):
    return Builder(registry, seed).build(length)
