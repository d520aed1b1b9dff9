"""SplitByLengths: a tensor cut along an axis by sums of lengths."""

import numpy as np

from c2.ops.rules import equal
from c2.ops.shape.joined_axis import ARGS, joined_axis
from c2.ops.shape.split import joining_maker, part_places, part_specs, parts
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require


def _sizes(size, n, lengths, scale):
    """Each part is as long as the sum of its share of the lengths."""
    require(
        len(lengths) % n == 0,
        "the number of lengths must be a multiple of the number of outputs",
        f"a multiple of {n}",
        len(lengths),
    )
    require(
        all(k >= 0 for k in lengths), "lengths must not be negative", "0 or more", tuple(lengths)
    )
    share = len(lengths) // n
    sums = [sum(lengths[k * share : (k + 1) * share]) for k in range(n)]
    if scale:
        total = sum(sums) or 1
        require(
            size % total == 0,
            "the axis must be a multiple of the sum of lengths",
            f"a multiple of {total}",
            size,
        )
        sums = [s * (size // total) for s in sums]
    equal("lengths must add up to the size of the axis", size, sum(sums))
    return sums


def _infer(X, lengths, *, axis, order, use_scaling_lengths, n_outputs):
    axis = joined_axis(axis, order, X.ndim)
    if lengths.value is None:
        return (TensorSpec(None, X.dtype),) * n_outputs
    values = lengths.value.reshape(-1).tolist()
    return part_specs(X, axis, _sizes(X.shape[axis], n_outputs, values, use_scaling_lengths), False)


SPLIT_BY_LENGTHS = OpSchema(
    "SplitByLengths",
    doc="""Cuts input along `axis` into n parts; part k is as long as the sum of the k-th of n equal shares of lengths.

    With use_scaling_lengths the lengths are proportions: each is multiplied by size of the axis / sum of lengths.
    """,
    inputs=[
        Tensor("input", "any dtype"),
        Tensor("lengths", "lengths; a multiple of n of them", frozenset({"int32"})),
    ],
    outputs=[Tensor("output", "the parts, one or more", variadic=True)],
    args=[
        *ARGS[:2],
        Arg("use_scaling_lengths", bool, default=False, doc="lengths are proportions of the axis"),
    ],
    infer=_infer,
    values={"lengths"},
    cost=lambda *specs, **args: 0,
)


@kernel(SPLIT_BY_LENGTHS)
def split_by_lengths(xp, X, lengths, *, axis, order, use_scaling_lengths, n_outputs, out=None):
    axis = joined_axis(axis, order, X.ndim)
    values = lengths.reshape(-1).tolist()
    sizes = _sizes(X.shape[axis], n_outputs, values, use_scaling_lengths)
    return parts(xp, X, part_places(axis, sizes, add_axis=False), out)


@gradient(SPLIT_BY_LENGTHS)
def split_by_lengths_gradient_maker(g):
    return joining_maker(g)


@cases(SPLIT_BY_LENGTHS)
def split_by_lengths_cases(rng):
    X = rng.uniform(-1, 1, (10, 2))
    for lengths, scale, cuts in [
        ([3, 2, 4, 1], False, [5]),
        ([1, 9], False, [1]),
        ([1, 1, 2, 1], True, [4]),
        ([0, 0, 5, 0], True, [0]),
    ]:
        expect = {"output": [X[: cuts[0]], X[cuts[0] :]]}
        for axis in (0, -2):
            inputs = {"input": X, "lengths": np.array(lengths, np.int32)}
            yield Case(inputs, {"axis": axis, "use_scaling_lengths": scale}, expect)
    inputs = {"input": X.T.copy(), "lengths": np.array([4, 6, 0], np.int32)}
    yield Case(inputs, {}, {"output": [X[:4].T, X[4:].T, X[:0].T]}, id="default-axis")
    inputs = {"input": np.zeros((0, 2)), "lengths": np.array([], np.int32)}
    yield Case(inputs, {"axis": 0}, {"output": [np.zeros((0, 2))] * 2}, id="empty")
