"""SparseToDense: rows added up at their places in a tensor of zeros."""

import numpy as np

from c2.ops.index.rows import add_at, empty_rows, require_inside
from c2.ops.rules import equal, rank
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.spec import FLOAT, INDEX


def _infer(indices, values, data_to_infer_dim=None):
    rank("indices", indices, 1)
    require(values.ndim >= 1, "values must have one axis or more", "1 or more axes", values.shape)
    equal("values must have one row per index", indices.size, values.shape[0])
    if data_to_infer_dim is None:
        return TensorSpec(None, values.dtype)
    require(
        data_to_infer_dim.ndim >= 1, "data_to_infer_dim must have one axis or more", "1 or more", ()
    )
    return TensorSpec((data_to_infer_dim.shape[0], *values.shape[1:]), values.dtype)


SPARSE_TO_DENSE = OpSchema(
    "SparseToDense",
    doc="""output = 0, and output[indices[k]] += values[k] for every k.

    output has as many rows as data_to_infer_dim, or without it as the largest index asks for; an index outside,
    or a negative one, is an error. Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[
        Tensor("indices", "(K,)", INDEX),
        Tensor("values", "(K, ...)", FLOAT | INDEX),
        Tensor("data_to_infer_dim", "(N, ...); only N is read", optional=True),
    ],
    outputs=[Tensor("output", "(N, ...); dtype of values")],
    infer=_infer,
    cost=lambda indices, values, *data: values.size,
)


@kernel(SPARSE_TO_DENSE)
def sparse_to_dense(xp, indices, values, data_to_infer_dim=None, *, out=None):
    if data_to_infer_dim is not None:
        N = data_to_infer_dim.shape[0]
    else:
        N = int(indices.max()) + 1 if indices.size else 0
    require_inside(indices, N, "indices")
    if out is None:
        out = empty_rows(xp, N, values)
    out[...] = values.dtype.type(0)
    add_at(xp, out, indices, values)
    return out


@gradient(SPARSE_TO_DENSE)
def sparse_to_dense_gradient_maker(g):
    return [g.op("Gather", [g.GO("output"), g.I("indices")], [g.GI("values")])]


@cases(SPARSE_TO_DENSE)
def sparse_to_dense_cases(rng):
    for shape, indices in [((2, 3), [2, 0]), ((4,), [1, 1, 3, 0]), ((2, 1, 2), [1, 1])]:
        values = rng.uniform(-1, 1, shape)
        for dtype in ("int32", "int64"):
            picked = np.array(indices, dtype)
            for N in (max(indices) + 1, 6):
                place = np.eye(N)[picked]
                output = np.tensordot(place, values, (0, 0))
                more = {} if N < 6 else {"data_to_infer_dim": np.zeros((6, 9), np.int8)}
                yield Case({"indices": picked, "values": values, **more}, {}, {"output": output})
    whole = {"indices": np.array([1, 1]), "values": np.array([5, 6])}
    yield Case(whole, {}, {"output": [0, 11]}, id="int64")
    empty = {"indices": np.zeros(0, np.int32), "values": np.zeros((0, 2))}
    yield Case(empty, {}, {"output": np.zeros((0, 2))}, id="empty", grad=())
