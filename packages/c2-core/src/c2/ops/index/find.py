"""Find: where elements stand in a list."""

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import INDEX


def _infer(index, query, *, missing_value):
    same_dtype(index=index, query=query)
    return TensorSpec(query.shape, query.dtype)


FIND = OpSchema(
    "Find",
    doc="query_indices = the last place at which index holds the element of query; missing_value where it does not.",
    inputs=[
        Tensor("index", "any shape, read as a list", INDEX),
        Tensor("query", "any shape, dtype of index", INDEX),
    ],
    outputs=[Tensor("query_indices", "shape and dtype of query")],
    args=[Arg("missing_value", int, default=-1, doc="the answer for an element that is not there")],
    infer=_infer,
    cost=lambda index, query, **args: (index.size + query.size) * max(index.size.bit_length(), 1),
    gradient=NoGradient.FORBIDDEN,
)


@kernel(FIND)
def find(xp, index, query, *, missing_value, out=None):
    missing = query.dtype.type(missing_value)
    if not index.size:
        return stored(xp, missing, out, query.shape, query.dtype)
    order = xp.argsort(index.reshape(-1), kind="stable")
    line = index.reshape(-1)[order]
    last = xp.maximum(xp.searchsorted(line, query, side="right") - 1, 0)
    found = xp.where(line[last] == query, order[last], missing)
    return stored(xp, found, out, query.shape, query.dtype)


@cases(FIND)
def find_cases(rng):
    for dtype in (np.int32, np.int64):
        index = np.array([3, 1, 3, -5], dtype)
        for query in ([3, -5, 7, 1, -9], [[1], [2]], [], 3):
            asked = np.array(query, dtype)
            last = {int(v): k for k, v in enumerate(index)}
            for missing in (-1, 9):
                expected = np.array([last.get(int(q), missing) for q in asked.ravel()]).reshape(
                    asked.shape
                )
                yield Case(
                    {"index": index, "query": asked},
                    {"missing_value": missing},
                    {"query_indices": expected},
                )
    nothing = {"index": np.zeros(0, np.int32), "query": np.array([1], np.int32)}
    yield Case(nothing, {}, {"query_indices": [-1]}, id="empty")
