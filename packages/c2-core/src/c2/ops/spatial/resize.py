"""ResizeNearest, ResizeNearest3D and UpsampleBilinear, with their gradients."""

from functools import lru_cache

import numpy as np

from c2.ops.conv.geometry import ORDER, is_channels_last
from c2.ops.spatial.axis_map import AxisMap, Entries
from c2.registry import Arg, Case, NoGradient, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.spec import FLOAT


def _scale(name, axis):
    return Arg(
        f"{name}_scale",
        float,
        default=1.0,
        doc=f"{axis} of the output over that of the input, unitless",
    )


TEMPORAL, HEIGHT, WIDTH = (
    _scale("temporal", "time"),
    _scale("height", "height"),
    _scale("width", "width"),
)


def nearest_entries(inputs: int, outputs: int, scale: float) -> Entries:
    """Output o is input floor(o / scale)."""
    return [(o, min(int(np.float32(o) / np.float32(scale)), inputs - 1), 1) for o in range(outputs)]


def bilinear_entries(inputs: int, outputs: int, scale: float) -> Entries:
    """Output o lies at o * (inputs - 1) / (outputs - 1) between two inputs: the ends are aligned."""
    entries: Entries = []
    for o in range(outputs):
        at = o * (inputs - 1) / max(1, outputs - 1)
        first = int(at)
        entries.append((o, first, 1.0 - (at - first)))
        entries.append((o, min(first + 1, inputs - 1), at - first))
    return entries


@lru_cache(maxsize=64)
def axis_map(xp, entries, inputs, outputs, scale):
    return AxisMap(xp, inputs, outputs, entries(inputs, outputs, scale))


class Resize:
    """What the three operators share; `n` spatial axes, with scales by name or as the second input."""

    def __init__(self, type_, entries, args, doc, ordered):
        self.type, self.entries, self.n, self.doc, self.ordered = (
            type_,
            entries,
            len(args),
            doc,
            ordered,
        )
        self.args = [*args, ORDER] if ordered else list(args)
        self.names = [a.name for a in args]

    def scales(self, args, given):
        """Scale per spatial axis; the second input holds height, then width."""
        found = [args[name] for name in self.names]
        if given is not None:
            found = [float(s) for s in np.reshape(given, -1)]
        require(
            len(found) == self.n, "scales must have one entry per spatial axis", self.n, len(found)
        )
        require(all(s > 0 for s in found), "scales must be positive", "scale > 0", found)
        return found

    def output_shape(self, shape, args, given):
        first = self.first(args)
        require(len(shape) == self.n + 2, f"X must have {self.n + 2} axes", self.n + 2, len(shape))
        scales = self.scales(args, given)
        sizes = [int(np.float32(s) * np.float32(k)) for s, k in zip(shape[first:], scales)]
        require(
            all(s > 0 for s in shape[first : first + self.n]),
            "X must have elements",
            "sizes >= 1",
            shape,
        )
        require(
            all(s > 0 for s in sizes),
            "scales must leave something of the image",
            "sizes >= 1",
            sizes,
        )
        return (*shape[:first], *sizes, *shape[first + self.n :])

    def first(self, args):
        """The first spatial axis."""
        return 1 if self.ordered and is_channels_last(args["order"]) else 2

    def maps(self, xp, X, Y, args, given):
        """Per spatial axis from X to Y: the axis and its map."""
        first = self.first(args)
        return [
            (a, axis_map(xp, self.entries, X[a], Y[a], s))
            for a, s in enumerate(self.scales(args, given), first)
        ]

    # -- the operator

    def infer(self, X, scales=None, **args):
        if scales is not None and scales.value is None:
            return TensorSpec(None, X.dtype)
        return TensorSpec(
            self.output_shape(X.shape, args, None if scales is None else scales.value), X.dtype
        )

    def infer_gradient(self, dY, X, scales=None, **args):
        if scales is None or scales.value is not None:
            expected = self.output_shape(X.shape, args, None if scales is None else scales.value)
            require(
                dY.shape == expected, "dY must have the shape of the resized X", expected, dY.shape
            )
        require(dY.dtype == X.dtype, "dY and X must have one dtype", X.dtype, dY.dtype)
        return TensorSpec(X.shape, X.dtype)

    def kernel(self, xp, X, scales=None, *, out=None, **args):
        given = None if scales is None else xp.asarray(scales).tolist()
        Y = xp.empty(self.output_shape(X.shape, args, given), X.dtype) if out is None else out
        maps = self.maps(xp, X.shape, Y.shape, args, given)
        for axis, along in maps:
            X = along.apply(X, axis, Y if axis == maps[-1][0] else None)
        return Y

    def gradient_kernel(self, xp, dY, X, scales=None, *, out=None, **args):
        given = None if scales is None else xp.asarray(scales).tolist()
        dX = xp.empty(X.shape, X.dtype) if out is None else out
        maps = self.maps(xp, X.shape, dY.shape, args, given)
        for axis, along in maps:
            dY = along.adjoint(dY, axis, dX if axis == maps[-1][0] else None)
        return dX

    def maker(self, g):
        inputs = [g.GO(0), g.I(0), *([g.I(1)] if g.n_inputs == 2 else [])]
        return [g.op(f"{self.type}Gradient", inputs, [g.GI(0)])]

    # -- test cases

    def examples(self, rng):
        for sizes, scales in [
            ((2, 3, 4), (2.0, 1.5, 2.0)),
            ((3, 1, 2), (0.7, 2.0, 3.4)),
            ((4, 5, 3), (1.0, 0.5, 1.2)),
        ]:
            X = rng.standard_normal((2, 3, *sizes[: self.n]))
            given = scales[: self.n]
            matrices = []
            for size, scale in zip(X.shape[2:], given):
                rows = np.zeros((int(np.float32(size) * np.float32(scale)), size))
                for o in range(len(rows)):
                    rows[o] = self.weights(size, len(rows), scale, o)
                matrices.append(rows)
            yield X, dict(zip(self.names, given)), matrices

    def weights(self, inputs, outputs, scale, o):
        """The weights of output o as a dense row, by interpolation of the unit vectors."""
        if self.entries is nearest_entries:
            return np.eye(inputs)[min(int(o / scale + 1e-6), inputs - 1)]
        at = o * (inputs - 1) / max(1, outputs - 1)
        return [np.interp(at, np.arange(inputs), unit) for unit in np.eye(inputs)]

    @staticmethod
    def apply(X, matrices):
        for axis, matrix in enumerate(matrices, 2):
            X = np.moveaxis(np.tensordot(matrix, X, (1, axis)), 0, axis)
        return X

    def cases(self, rng):
        for X, args, matrices in self.examples(rng):
            Y = self.apply(X, matrices)
            yield Case({"X": X}, args, {"Y": Y})
            if self.ordered:
                yield Case({"X": _last(X)}, {**args, "order": "NHWC"}, {"Y": _last(Y)})
            if self.n == 2:
                yield Case(
                    {"X": X, "scales": np.array(list(args.values()), np.float32)},
                    {},
                    {"Y": Y},
                    grad=("X",),
                )
        yield Case({"X": X[:0]}, args, {"Y": Y[:0]})

    def gradient_cases(self, rng):
        for X, args, matrices in self.examples(rng):
            dY = rng.standard_normal(self.apply(X, matrices).shape)
            dX = self.apply(dY, [m.T for m in matrices])
            yield Case({"dY": dY, "X": X}, args, {"dX": dX})
            if self.ordered:
                yield Case(
                    {"dY": _last(dY), "X": _last(X)}, {**args, "order": "NHWC"}, {"dX": _last(dX)}
                )
            if self.n == 2:
                scales = np.array(list(args.values()), np.float32)
                yield Case({"dY": dY, "X": X, "scales": scales}, {}, {"dX": dX})

    def operators(self):
        scales = Tensor(
            "scales", "float32 (2,): height, then width", frozenset({"float32"}), optional=True
        )
        more = [scales] if self.n == 2 else []
        layout = "(N, C, ...), or (N, ..., C) with order NHWC" if self.ordered else "(N, C, H, W)"
        forward = OpSchema(
            self.type, doc=self.doc, inputs=[Tensor("X", f"images {layout}", FLOAT), *more],
            outputs=[Tensor("Y", "X with other spatial sizes")], args=self.args, infer=self.infer,
            values=["scales"] if more else [],
        )  # fmt: skip
        backward = OpSchema(
            f"{self.type}Gradient", doc="dX: each element is the sum of dY by the weights that it was read with.",
            inputs=[Tensor("dY", "gradient of the output", FLOAT), Tensor("X", "what was resized", FLOAT), *more],
            outputs=[Tensor("dX", "shape of X")], args=self.args, infer=self.infer_gradient,
            values=["scales"] if more else [], gradient=NoGradient.FORBIDDEN,
        )  # fmt: skip
        return [
            Operator(forward, self.kernel, self.maker, self.cases),
            Operator(backward, self.gradient_kernel, None, self.gradient_cases),
        ]


def _last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


NEAREST_DOC = """Y[o] = X[floor(o / scale)] along each spatial axis, of floor(size * scale) elements.

`scales`, where given, takes the place of the arguments. A batch of no images gives no images.

Differs from Caffe2: float16 and float64 are taken too.
"""
NEAREST_3D_DOC = """Y[o] = X[floor(o / scale)] along time, height and width, of floor(size * scale) elements.

A batch of no images gives no images.

Differs from Caffe2: any scales, not only 2 for height and width; NHWC order; float16 and float64.
"""
BILINEAR_DOC = """Y[o] is X interpolated linearly at o * (size - 1) / (outputs - 1), along height, then width.

The output has floor(size * scale) elements per axis; the first and last elements of both images coincide. `scales`,
where given, takes the place of the arguments. A batch of no images gives no images.

Differs from Caffe2: float16 and float64 are taken too.
"""

RESIZES = [
    operator
    for resize in (
        Resize("ResizeNearest", nearest_entries, [HEIGHT, WIDTH], NEAREST_DOC, True),
        Resize("ResizeNearest3D", nearest_entries, [TEMPORAL, HEIGHT, WIDTH], NEAREST_3D_DOC, True),
        Resize("UpsampleBilinear", bilinear_entries, [HEIGHT, WIDTH], BILINEAR_DOC, False),
    )
    for operator in resize.operators()
]
