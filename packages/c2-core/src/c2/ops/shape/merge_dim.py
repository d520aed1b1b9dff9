"""PrependDim and MergeDim: split the first axis in two, and join the first two."""

import numpy as np

from c2.ops.shape.same_elements import SameElements
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient


def _infer_prepend(data, *, dim_size):
    require(data.ndim >= 1, "data must have one axis or more", "1 or more axes", data.shape)
    require(dim_size > 0, "dim_size must be above 0", "1 or more", dim_size)
    require(
        data.shape[0] % dim_size == 0, "data.shape[0] must be a multiple of dim_size",
        f"a multiple of {dim_size}", data.shape[0],
    )  # fmt: skip
    return TensorSpec((dim_size, data.shape[0] // dim_size, *data.shape[1:]), data.dtype)


def _infer_merge(data):
    require(data.ndim >= 2, "data must have two axes or more", "2 or more axes", data.shape)
    return TensorSpec((data.shape[0] * data.shape[1], *data.shape[2:]), data.dtype)


PREPEND_DIM = OpSchema(
    "PrependDim",
    doc="reshaped = data with its first axis of size N split into (dim_size, N / dim_size).",
    inputs=[Tensor("data", "(N, ...), any dtype")],
    outputs=[Tensor("reshaped", "(dim_size, N / dim_size, ...)")],
    args=[
        Arg("dim_size", int, default=0, doc="size of the new first axis, above 0; must divide N")
    ],
    infer=_infer_prepend,
    inplace={"data": "reshaped"},
    cost=lambda data, **args: 0,
)

MERGE_DIM = OpSchema(
    "MergeDim",
    doc="reshaped = data with its first two axes joined into one.",
    inputs=[Tensor("data", "(A, B, ...), any dtype")],
    outputs=[Tensor("reshaped", "(A * B, ...)")],
    infer=_infer_merge,
    inplace={"data": "reshaped"},
    cost=lambda data: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(PREPEND_DIM)
class PrependDim(SameElements):
    infer = staticmethod(_infer_prepend)


@kernel(MERGE_DIM)
class MergeDim(SameElements):
    infer = staticmethod(_infer_merge)


@gradient(PREPEND_DIM)
def prepend_dim_gradient_maker(g):
    return [g.op("MergeDim", [g.GO("reshaped")], [g.GI("data")], copy_args=False)]


@cases(PREPEND_DIM)
def prepend_dim_cases(rng):
    X = rng.uniform(-1, 1, (6, 2))
    for n in (1, 2, 3, 6):
        expected = np.stack(np.split(X, n))
        yield Case({"data": X}, {"dim_size": n}, {"reshaped": expected})
    yield Case(
        {"data": np.zeros((0, 3))}, {"dim_size": 2}, {"reshaped": np.zeros((2, 0, 3))}, id="empty"
    )


@cases(MERGE_DIM)
def merge_dim_cases(rng):
    X = rng.uniform(-1, 1, (2, 3, 2))
    yield Case({"data": X}, {}, {"reshaped": np.concatenate(list(X))})
    yield Case(
        {"data": np.array([[b"a", b"b"]], object)}, {}, {"reshaped": [b"a", b"b"]}, id="strings"
    )
    yield Case({"data": np.zeros((0, 3))}, {}, {"reshaped": np.zeros(0)}, id="empty")
