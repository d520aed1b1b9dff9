"""NumpyTile: a tensor repeated along every axis."""

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import equal
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import INDEX


def _infer(data, repeats):
    equal("repeats must have one entry per axis of data", (data.ndim,), repeats.shape)
    if repeats.value is None:
        return TensorSpec(None, data.dtype)
    times = repeats.value.tolist()
    require(all(t >= 0 for t in times), "repeats must not be negative", "0 or more", tuple(times))
    return TensorSpec(tuple(n * t for n, t in zip(data.shape, times)), data.dtype)


NUMPY_TILE = OpSchema(
    "NumpyTile",
    doc="""tiled_data = data repeated repeats[k] times along each axis k, as numpy.tile does.

    0 repeats give an empty tensor. Differs from Caffe2: int32 repeats are taken too.
    """,
    inputs=[Tensor("data", "any shape and dtype"), Tensor("repeats", "(axes of data,)", INDEX)],
    outputs=[Tensor("tiled_data", "sizes of data times repeats; dtype of data")],
    infer=_infer,
    values={"repeats"},
    cost=lambda *specs: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(NUMPY_TILE)
def numpy_tile(xp, data, repeats, *, out=None):
    apart, together = [], []
    for size, times in zip(data.shape, repeats.tolist()):
        apart += [times, size]
        together.append(times * size)
    if out is None:
        out = xp.empty(tuple(together), data.dtype)
    between = data.reshape(tuple(n for size in data.shape for n in (1, size)))
    stored(xp, xp.broadcast_to(between, tuple(apart)), out.reshape(tuple(apart)))
    return out


@cases(NUMPY_TILE)
def numpy_tile_cases(rng):
    X = rng.uniform(-1, 1, (2, 3))
    for repeats in ([1, 1], [2, 1], [3, 2], [0, 2]):
        Y = (
            np.concatenate([np.concatenate([X] * repeats[1], 1)] * repeats[0])
            if repeats[0]
            else X[:0]
        )
        Y = Y if repeats[0] else np.zeros((0, 3 * repeats[1]))
        for dtype in ("int32", "int64"):
            yield Case({"data": X, "repeats": np.array(repeats, dtype)}, {}, {"tiled_data": Y})
    words = np.array([b"a", b"b"], object)
    expected = np.concatenate([words, words])
    yield Case(
        {"data": words, "repeats": np.array([2])}, {}, {"tiled_data": expected}, id="strings"
    )
    number = {"data": np.array(3.0), "repeats": np.zeros(0, np.int64)}
    yield Case(number, {}, {"tiled_data": 3.0}, id="0-d")
