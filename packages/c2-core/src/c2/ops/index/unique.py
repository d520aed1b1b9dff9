"""Unique and FindDuplicateElements."""

import numpy as np

from c2.ops.rules import rank
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import INDEX


def _infer_unique(indices):
    rank("indices", indices, 1)
    return TensorSpec(None, indices.dtype), TensorSpec(indices.shape, "int32")


UNIQUE = OpSchema(
    "Unique",
    doc="""unique_indices = the different elements of indices, rising; indices = unique_indices[remapping].""",
    inputs=[Tensor("indices", "(N,)", INDEX)],
    outputs=[
        Tensor("unique_indices", "(number of different elements,); dtype of indices"),
        Tensor("remapping", "int32 (N,)", optional=True),
    ],
    infer=_infer_unique,
    cost=lambda indices: indices.size * max(indices.size.bit_length(), 1),
    gradient=NoGradient.FORBIDDEN,
)


def _infer_duplicates(data):
    rank("data", data, 1)
    return TensorSpec(None, "int64")


FIND_DUPLICATE_ELEMENTS = OpSchema(
    "FindDuplicateElements",
    doc="indices = the places of elements that stand in data before, rising. NaN is no duplicate of NaN.",
    inputs=[Tensor("data", "(N,), any dtype")],
    outputs=[Tensor("indices", "int64 (number of duplicates,)")],
    infer=_infer_duplicates,
    cost=lambda data: data.size * max(data.size.bit_length(), 1),
    gradient=NoGradient.FORBIDDEN,
)


@kernel(UNIQUE)
def unique(xp, indices, *, n_outputs):
    if n_outputs == 1:
        return xp.unique(indices)
    found, remapping = xp.unique(indices, return_inverse=True)
    return found, remapping.reshape(-1).astype("int32")


@kernel(FIND_DUPLICATE_ELEMENTS)
def find_duplicate_elements(xp, data):
    order = xp.argsort(data, kind="stable")
    line = data[order]
    again = xp.sort(order[1:][line[1:] == line[:-1]])
    return again.astype("int64")


@cases(UNIQUE)
def unique_cases(rng):
    for dtype in ("int32", "int64"):
        for values in ([3, 1, 3, -2], [5], []):
            X = np.array(values, dtype)
            found = sorted(set(values))
            expect = {
                "unique_indices": np.array(found, dtype),
                "remapping": [found.index(v) for v in values],
            }
            yield Case({"indices": X}, {}, expect)
            yield Case({"indices": X}, {}, {"unique_indices": expect["unique_indices"]}, outputs=1)


@cases(FIND_DUPLICATE_ELEMENTS)
def find_duplicate_elements_cases(rng):
    for X in [
        rng.integers(0, 5, 12).astype(np.int32),
        np.array([1.5, 2.0, 1.5, np.nan, np.nan]),
        np.array([b"a", b"b", b"a", b"a"], object),
        np.array([True, False]),
        np.zeros(0),
    ]:
        seen, expected = set(), []
        for k, x in enumerate(X.tolist()):
            if x in seen and x == x:
                expected.append(k)
            seen.add(x)
        yield Case({"data": X}, {}, {"indices": np.array(expected, np.int64)})
