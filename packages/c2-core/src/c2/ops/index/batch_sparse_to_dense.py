"""BatchSparseToDense and BatchDenseToSparse: rows of (index, value) pairs as a matrix, and back."""

import numpy as np

from c2.ops.index.rows import require_inside, segment_ids
from c2.ops.results import stored
from c2.ops.rules import equal, rank
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.spec import FLOAT, INDEX

LENGTHS = Tensor("lengths", "(N,): how many pairs each row has", INDEX)
INDICES = Tensor("indices", "(K,): columns, row after row", INDEX)


def _infer_dense(lengths, indices, values, shape_like=None, *, dense_last_dim, default_value):
    rank("lengths", lengths, 1)
    rank("indices", indices, 1)
    equal("values must have one element per index", indices.size, values.size)
    if shape_like is None:
        require(
            dense_last_dim >= 1,
            "dense_last_dim must be given where there is no fourth input",
            "1 or more",
            dense_last_dim,
        )
        return TensorSpec((lengths.size, dense_last_dim), values.dtype)
    rank("output_shape_inference", shape_like, 2)
    D = shape_like.shape[1]
    require(
        dense_last_dim in (-1, D),
        "dense_last_dim must be the second size of output_shape_inference",
        D,
        dense_last_dim,
    )
    return TensorSpec((lengths.size, D), values.dtype)


BATCH_SPARSE_TO_DENSE = OpSchema(
    "BatchSparseToDense",
    doc="""dense[n, indices[k]] = values[k] for the lengths[n] pairs k of row n; default_value where nothing stands.

    Of pairs with one place the last one counts (the gradient goes to all). Lengths must add up to the number of pairs,
    and an index outside of the row is an error, a negative one too. Differs from Caffe2: float16 and float64 are
    taken too.
    """,
    inputs=[
        LENGTHS,
        INDICES,
        Tensor("values", "(K,)", FLOAT),
        Tensor("output_shape_inference", "(N, D); only D is read", optional=True),
    ],
    outputs=[Tensor("dense", "(N, D); dtype of values")],
    args=[
        Arg("dense_last_dim", int, default=-1, doc="D; -1: told by output_shape_inference"),
        Arg("default_value", float, default=0.0, doc="what stands where there is no pair"),
    ],
    infer=_infer_dense,
    cost=lambda lengths, indices, values, *more, **args: values.size,
)


def _infer_sparse(lengths, indices, dense):
    rank("lengths", lengths, 1)
    rank("indices", indices, 1)
    rank("dense", dense, 2)
    equal("dense must have one row per length", lengths.size, dense.shape[0])
    return TensorSpec((indices.size,), dense.dtype)


BATCH_DENSE_TO_SPARSE = OpSchema(
    "BatchDenseToSparse",
    doc="""values[k] = dense[n, indices[k]], where k is one of the lengths[n] pairs of row n.

    Lengths must add up to the number of indices, and an index outside of the row is an error. Differs from Caffe2:
    float16 and float64 are taken too.
    """,
    inputs=[LENGTHS, INDICES, Tensor("dense", "(N, D)", FLOAT)],
    outputs=[Tensor("values", "(K,); dtype of dense")],
    infer=_infer_sparse,
    cost=lambda *specs: 0,
)


def _rows(xp, lengths, indices, D):
    """The row of each pair."""
    total = int(lengths.sum())
    equal("lengths must add up to the number of indices", indices.size, total)
    require_inside(indices, D, "indices")
    return segment_ids(xp, lengths, indices.size)


@kernel(BATCH_SPARSE_TO_DENSE)
def batch_sparse_to_dense(
    xp, lengths, indices, values, shape_like=None, *, dense_last_dim, default_value, out=None
):
    D = dense_last_dim if shape_like is None else shape_like.shape[1]
    places = _rows(xp, lengths, indices, D) * D + indices
    if out is None:
        out = xp.empty((lengths.size, D), values.dtype)
    out[...] = values.dtype.type(default_value)
    out.reshape(-1)[places] = values.reshape(-1)
    return out


@kernel(BATCH_DENSE_TO_SPARSE)
def batch_dense_to_sparse(xp, lengths, indices, dense, *, out=None):
    return stored(xp, dense[_rows(xp, lengths, indices, dense.shape[1]), indices], out)


@gradient(BATCH_SPARSE_TO_DENSE)
def batch_sparse_to_dense_gradient_maker(g):
    inputs = [g.I("lengths"), g.I("indices"), g.GO("dense")]
    return [g.op("BatchDenseToSparse", inputs, [g.GI("values")])]


@gradient(BATCH_DENSE_TO_SPARSE)
def batch_dense_to_sparse_gradient_maker(g):
    inputs = [g.I("lengths"), g.I("indices"), g.GO("values"), g.I("dense")]
    return [g.op("BatchSparseToDense", inputs, [g.GI("dense")])]


def _pairs(rng, repeat):
    lengths = np.array([2, 0, 3])
    indices = np.array([3, 3, 0, 2, 1] if repeat else [3, 1, 0, 2, 1])
    return lengths, indices, [0, 0, 2, 2, 2], rng.uniform(-1, 1, 5)


@cases(BATCH_SPARSE_TO_DENSE)
def batch_sparse_to_dense_cases(rng):
    for default, repeat in ((0.0, True), (1.5, False)):
        lengths, indices, rows, values = _pairs(rng, repeat)
        grad = () if repeat else None
        dense = [
            [[v for v, r, i in zip(values, rows, indices) if (r, i) == (n, d)] for d in range(4)]
            for n in range(3)
        ]
        expected = np.array([[cell[-1] if cell else default for cell in line] for line in dense])
        for dtype in (np.int32, np.int64):
            inputs = {
                "lengths": lengths.astype(dtype),
                "indices": indices.astype(dtype),
                "values": values,
            }
            yield Case(
                inputs,
                {"dense_last_dim": 4, "default_value": default},
                {"dense": expected},
                grad=grad,
            )
            inputs["output_shape_inference"] = np.zeros((3, 4), np.int8)
            yield Case(inputs, {"default_value": default}, {"dense": expected}, grad=grad)
    empty = {
        "lengths": np.zeros(0, np.int32),
        "indices": np.zeros(0, np.int32),
        "values": np.zeros(0),
    }
    yield Case(empty, {"dense_last_dim": 5}, {"dense": np.zeros((0, 5))}, id="empty")


@cases(BATCH_DENSE_TO_SPARSE)
def batch_dense_to_sparse_cases(rng):
    lengths, indices, rows, _ = _pairs(rng, repeat=False)
    dense = rng.uniform(-1, 1, (3, 4))
    expected = [dense[r][i] for r, i in zip(rows, indices)]
    for dtype in (np.int32, np.int64):
        inputs = {
            "lengths": lengths.astype(dtype),
            "indices": indices.astype(dtype),
            "dense": dense,
        }
        yield Case(inputs, {}, {"values": expected})
