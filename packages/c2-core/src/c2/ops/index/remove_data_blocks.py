"""RemoveDataBlocks: a tensor without some of its rows."""

import numpy as np

from c2.ops.index.rows import require_inside
from c2.ops.rules import rank
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX


def _infer(data, indices):
    require(data.ndim >= 1, "data must have one axis or more", "1 or more axes", data.shape)
    rank("indices", indices, 1)
    whole = str(indices.dtype) in INDEX or not indices.size
    require(whole, "indices must be int32 or int64", "int32 or int64", indices.dtype)
    return TensorSpec(None, data.dtype)


REMOVE_DATA_BLOCKS = OpSchema(
    "RemoveDataBlocks",
    doc="""shrunk_data = the rows of data whose place is not in indices, in order.

    Indices may repeat and come in any order; one outside of data is an error. Empty indices may have any dtype.
    """,
    inputs=[Tensor("data", "(N, ...), any dtype"), Tensor("indices", "(K,)", INDEX | FLOAT)],
    outputs=[Tensor("shrunk_data", "(rows kept, ...); dtype of data")],
    infer=_infer,
    cost=lambda *specs: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(REMOVE_DATA_BLOCKS)
def remove_data_blocks(xp, data, indices):
    require_inside(indices, data.shape[0], "indices")
    kept = xp.ones(data.shape[0], "bool")
    kept[indices.astype("int64")] = False
    return data[kept]


@cases(REMOVE_DATA_BLOCKS)
def remove_data_blocks_cases(rng):
    for shape in [(5,), (5, 2)]:
        X = rng.uniform(-1, 1, shape)
        for indices in ([0, 2], [4, 1, 1], [], [0, 1, 2, 3, 4]):
            expected = np.delete(X, np.array(indices, np.int64), 0)
            for dtype in ("int32", "int64"):
                inputs = {"data": X, "indices": np.array(indices, dtype)}
                yield Case(inputs, {}, {"shrunk_data": expected})
    words = np.array([b"a", b"b"], object)
    yield Case({"data": words, "indices": np.zeros(0)}, {}, {"shrunk_data": words}, id="strings")
