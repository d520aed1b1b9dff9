"""Transpose: the axes in another order."""

from itertools import permutations

import numpy as np

from c2.ops.results import stored
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require


def _order(axes, ndim):
    return tuple(axes) if len(axes) else tuple(range(ndim))[::-1]


def _infer(X, *, axes):
    order = _order(axes, X.ndim)
    require(
        sorted(order) == list(range(X.ndim)), "axes must name each axis of X once, counted from the front",
        f"a permutation of 0 to {X.ndim - 1}", order,
    )  # fmt: skip
    return TensorSpec(tuple(X.shape[k] for k in order), X.dtype)


TRANSPOSE = OpSchema(
    "Transpose",
    doc="""Y[i_axes[0], i_axes[1], ...] = X[i_0, i_1, ...]: axis k of Y is axis axes[k] of X.

    Without `axes` the order is reversed. Differs from Caffe2: every dtype is taken.
    """,
    inputs=[Tensor("X", "any shape and dtype")],
    outputs=[Tensor("Y", "the sizes of X in that order")],
    args=[Arg("axes", "ints", default=(), doc="a permutation of the axes of X; empty: reversed")],
    infer=_infer,
    cost=lambda X, **args: 0,
)


@kernel(TRANSPOSE)
class Transpose:
    def __init__(self, xp, X, *, axes):
        self.xp, self.order = xp, _order(axes, X.ndim)

    def __call__(self, X, out=None):
        return stored(self.xp, X.transpose(self.order), out)


@gradient(TRANSPOSE)
def transpose_gradient_maker(g):
    axes = g.args["axes"]
    back = [int(k) for k in np.argsort(axes)] if len(axes) else None
    return [g.op("Transpose", [g.GO("Y")], [g.GI("X")], copy_args=False, axes=back)]


@cases(TRANSPOSE)
def transpose_cases(rng):
    X = rng.uniform(-1, 1, (2, 3, 4))
    for axes in permutations(range(3)):
        Y = np.empty([X.shape[k] for k in axes])
        for at in np.ndindex(*X.shape):
            Y[tuple(at[k] for k in axes)] = X[at]
        yield Case({"X": X}, {"axes": list(axes)}, {"Y": Y})
    yield Case(
        {"X": np.arange(6).reshape(2, 3)}, {}, {"Y": [[0, 3], [1, 4], [2, 5]]}, id="reversed"
    )
    for X in (np.array(1.0), np.array([True, False]), np.zeros((0, 0))):
        yield Case({"X": X}, {}, {"Y": X})
