"""Concat and DepthConcat: tensors joined along an axis."""

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import same_dtype
from c2.ops.shape.joined_axis import ARGS, adds_axis, joined_axis, with_size, without
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec, require


def _infer(*inputs, axis, order, add_axis):
    first = inputs[0]
    same_dtype(**{f"X{k}": spec for k, spec in enumerate(inputs, 1)})
    add_axis = adds_axis(axis, add_axis)
    axis = joined_axis(axis, order, first.ndim + add_axis)
    for k, spec in enumerate(inputs[1:], 2):
        if add_axis:
            require(
                spec.shape == first.shape,
                f"X{k} must have the shape of X1",
                first.shape,
                spec.shape,
            )
        else:
            fits = spec.ndim == first.ndim and without(spec.shape, axis) == without(
                first.shape, axis
            )
            require(
                fits, f"X{k} may differ from X1 only along axis {axis}", first.shape, spec.shape
            )
    if add_axis:
        shape = (*first.shape[:axis], len(inputs), *first.shape[axis:])
    else:
        shape = with_size(first.shape, axis, sum(spec.shape[axis] for spec in inputs))
    return TensorSpec(shape, first.dtype), TensorSpec((len(inputs),), "int32")


class Concat:
    def __init__(self, xp, *inputs, axis, order, add_axis):
        self.xp, self.add_axis = xp, adds_axis(axis, add_axis)
        self.axis = joined_axis(axis, order, inputs[0].ndim + self.add_axis)
        sizes = [1 if self.add_axis else X.shape[self.axis] for X in inputs]
        self.sizes = xp.asarray(sizes, dtype="int32")

    def __call__(self, *inputs, out=None):
        joined, sizes = (None, None) if out is None else out
        if self.add_axis:
            inputs = [self.xp.expand_dims(X, self.axis) for X in inputs]
        joined = self.xp.concatenate(inputs, axis=self.axis, out=joined)
        return joined, stored(self.xp, self.sizes, sizes)


def _gradient_maker(g):
    if not g.has_GO(0):
        return []
    return [g.op("Split", [g.GO(0), g.O(1)], [g.GI(k) for k in range(g.n_inputs)])]


def _cases(rng):
    for sizes, axis, order in [
        ([1, 2, 3], None, None), ([2, 0, 2], 1, None), ([1, 2], 0, None), ([2], 2, None), ([1, 4], -1, None),
        ([1, 2], None, "NCHW"), ([2, 1], None, "NHWC"),
    ]:  # fmt: skip
        place = 3 if order == "NHWC" else 1 if axis is None else axis
        parts = [rng.uniform(-1, 1, with_size((2, 3, 2, 2), place % 4, size)) for size in sizes]
        joined = np.zeros(with_size((2, 3, 2, 2), place % 4, sum(sizes)))
        at = 0
        for part in parts:
            np.moveaxis(joined, place, 0)[at : at + part.shape[place]] = np.moveaxis(part, place, 0)
            at += part.shape[place]
        expect = {"concat_result": joined, "split_info": sizes}
        yield Case({"X": parts}, {"axis": axis, "order": order}, expect)
    parts = list(rng.uniform(-1, 1, (3, 2, 4)))
    for axis in (0, 1, 2, -1, -3):
        expect = {"concat_result": np.stack(parts, axis), "split_info": [1, 1, 1]}
        yield Case({"X": parts}, {"axis": axis, "add_axis": True}, expect)
    expect = {"concat_result": np.hstack(parts), "split_info": [4, 4, 4]}
    yield Case({"X": parts}, {"add_axis": True}, expect, id="add_axis without axis")
    for dtype in (object, np.bool_, np.uint8):
        a, b = np.array([[1, 0]]).astype(dtype), np.array([[1]]).astype(dtype)
        yield Case({"X": [a, b]}, {}, {"concat_result": np.hstack([a, b]), "split_info": [2, 1]})
    numbers = [np.array(1.0), np.array(2.0)]
    expect = {"concat_result": [1.0, 2.0], "split_info": [1, 1]}
    yield Case({"X": numbers}, {"axis": 0, "add_axis": True}, expect, id="0-d")


def _operator(type_):
    schema = OpSchema(
        type_,
        doc="""concat_result = the inputs one after the other along `axis`; split_info = their sizes along it.

        Other sizes must be equal. With add_axis all shapes must be equal and `axis` is a new one.
        """,
        inputs=[
            Tensor(
                "X", "X1, X2, ...: equal but for the axis; any dtype, all the same", variadic=True
            )
        ],
        outputs=[
            Tensor("concat_result", "sizes along the axis added up"),
            Tensor("split_info", "int32 (number of inputs,): what Split needs to undo it"),
        ],
        args=ARGS,
        infer=_infer,
        cost=lambda *inputs, **args: 0,
    )
    return Operator(schema, Concat, _gradient_maker, _cases)


CONCATS = [_operator("Concat"), _operator("DepthConcat")]
