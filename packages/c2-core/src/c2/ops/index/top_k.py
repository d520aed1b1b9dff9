"""TopK: the largest elements along an axis, and where they stand."""

import numpy as np

from c2.ops.index.rows import require_inside
from c2.ops.results import stored
from c2.ops.rules import canonical_axis, equal, one_element, rank, same_dtype
from c2.ops.shape.joined_axis import with_size
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

_FEW = 256  # a row this short is sorted whole; a longer one only where it is cut
ARGS = [
    Arg("k", int, default=-1, doc="how many, 1 or more; -1: what the input k says"),
    Arg("axis", int, default=-1, doc="the axis to search along; negative ones count from the end"),
]


def _infer(X, k_spec=None, *, k, axis):
    axis = canonical_axis("axis", axis, X.ndim)
    require(X.ndim >= 1, "X must have one axis or more", "1 or more axes", X.shape)
    if k_spec is not None and k == -1:
        one_element(k=k_spec)
        if k_spec.value is None:
            return tuple(TensorSpec(None, t) for t in (X.dtype, "int64", "int64"))
        k = int(k_spec.value.reshape(-1)[0])
    require(k >= 1, "k must be given, as argument or input, and 1 or more", "1 or more", k)
    values = TensorSpec(with_size(X.shape, axis, k), X.dtype)
    return values, values.with_dtype("int64"), TensorSpec((values.size,), "int64")


TOP_K = OpSchema(
    "TopK",
    doc="""Values = the k largest elements of X along `axis`, in falling order; Indices = their places along it.

    Of equal elements the one with the smaller index comes first. Where the axis is shorter than k, the rest is 0
    with index -1. Flattened_indices are places in X as a vector, -1 likewise. Differs from Caffe2: NaN counts as
    -infinity (there its place is arbitrary); negative axes, float16 and float64 are taken too.
    """,
    inputs=[
        Tensor("X", "one axis or more", FLOAT),
        Tensor(
            "k", "one number, read where the argument is -1", frozenset({"int64"}), optional=True
        ),
    ],
    outputs=[
        Tensor("Values", "X with size k along `axis`"),
        Tensor("Indices", "int64, shape of Values"),
        Tensor("Flattened_indices", "int64 (size of Values,)", optional=True),
    ],
    args=ARGS,
    infer=_infer,
    values={"k"},
    cost=lambda X, *k, **args: 4 * X.size,
)


def _infer_gradient(dValues, Indices, X, *, k, axis):
    same_dtype(X=X, dValues=dValues)
    axis = canonical_axis("axis", axis, X.ndim)
    equal("Indices must have the shape of dValues", dValues.shape, Indices.shape)
    rank("dValues", dValues, X.ndim)
    expected = with_size(X.shape, axis, dValues.shape[axis])
    equal("dValues must have the shape of X but for `axis`", expected, dValues.shape)
    return X.with_shape(X.shape)


TOP_K_GRADIENT = OpSchema(
    "TopKGradient",
    doc="dX = dValues at the places Indices along `axis`, 0 elsewhere; places of -1 are left out.",
    inputs=[
        Tensor("dValues", "shape of Values", FLOAT),
        Tensor("Indices", "output of TopK", frozenset({"int64"})),
        Tensor("X", "input of TopK; only its shape is read", FLOAT),
    ],
    outputs=[Tensor("dX", "shape and dtype of X")],
    args=ARGS,
    infer=_infer_gradient,
    cost=lambda dValues, *specs, **args: dValues.size,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


def largest(xp, X, k):
    """Places of the k largest elements of each row of a matrix, in falling order, ties by place."""
    rows, n = X.shape
    falling = xp.where(X == X, -X, X.dtype.type(np.inf))  # NaN is not itself
    if n <= max(_FEW, 2 * k):
        return xp.argsort(falling, axis=1, kind="stable")[:, :k]
    limit = xp.partition(falling, k - 1, axis=1)[:, k - 1, None]
    before, equals = falling < limit, falling == limit
    needed = k - before.sum(axis=1, keepdims=True)
    kept = before | (equals & (xp.cumsum(equals, axis=1) <= needed))
    places = xp.nonzero(kept)[1].reshape(rows, k)
    order = xp.argsort(falling[xp.arange(rows)[:, None], places], axis=1, kind="stable")
    return places[xp.arange(rows)[:, None], order]


@kernel(TOP_K)
def top_k(xp, X, k_array=None, *, k, axis, n_outputs, out=None):
    k = int(k_array.reshape(-1)[0]) if k == -1 and k_array is not None else k
    axis %= X.ndim
    turned = xp.moveaxis(X, axis, -1)
    shape, n = turned.shape[:-1], X.shape[axis]
    lines = turned.reshape(_others(X, axis), n)
    found = min(k, n)
    indices = xp.full((len(lines), k), -1, "int64")
    values = xp.zeros((len(lines), k), X.dtype)
    places = largest(xp, lines, found)
    indices[:, :found] = places
    values[:, :found] = lines[xp.arange(len(lines))[:, None], places]
    results = [xp.moveaxis(a.reshape((*shape, k)), -1, axis) for a in (values, indices)]
    if n_outputs == 3:
        results.append(_flattened(xp, results[1], X.shape, axis))
    outs = (None,) * n_outputs if out is None else out
    return tuple(stored(xp, a, buffer) for a, buffer in zip(results, outs))


def _others(X, axis):
    n = 1
    for k, size in enumerate(X.shape):
        n *= 1 if k == axis else size
    return n


def _flattened(xp, indices, shape, axis):
    """Places in the whole tensor, from places along its axis."""
    inner = 1
    for size in shape[axis + 1 :]:
        inner *= size
    before = xp.arange(indices.size // max(inner * indices.shape[axis], 1)) * (shape[axis] * inner)
    apart = indices.reshape(len(before), indices.shape[axis], inner)
    flat = before[:, None, None] + apart * inner + xp.arange(inner)
    return xp.where(apart < 0, -1, flat).reshape(-1)


@kernel(TOP_K_GRADIENT)
def top_k_gradient(xp, dValues, Indices, X, *, k, axis, out=None):
    dX = xp.empty(X.shape, X.dtype) if out is None else out
    dX[...] = X.dtype.type(0)
    require_inside(Indices, X.shape[axis], "Indices", lowest=-1)
    flat = _flattened(xp, Indices, X.shape, axis % X.ndim)
    there = flat >= 0
    dX.reshape(-1)[flat[there]] = dValues.reshape(-1)[there]
    return dX


@gradient(TOP_K)
def top_k_gradient_maker(g):
    inputs = [g.GO("Values"), g.O("Indices"), g.I("X")]
    return [g.op("TopKGradient", inputs, [g.GI("X")])]


def _by_sorting(X, k, axis):
    """Expected outputs, row by row with Python's stable sort."""
    turned = np.moveaxis(X, axis, -1)
    places = np.moveaxis(np.arange(X.size).reshape(X.shape), axis, -1)
    outputs = [np.zeros((*turned.shape[:-1], k)) for _ in range(3)]
    for at in np.ndindex(*turned.shape[:-1]):
        order = sorted(range(X.shape[axis]), key=lambda i: -turned[at][i])[:k]
        missing = k - len(order)
        outputs[0][at] = [*turned[at][order], *[0.0] * missing]
        outputs[1][at] = order + [-1] * missing
        outputs[2][at] = [*places[at][order], *[-1] * missing]
    values, indices, flat = (np.moveaxis(a, -1, axis) for a in outputs)
    return {"Values": values, "Indices": indices, "Flattened_indices": flat.ravel()}


@cases(TOP_K)
def top_k_cases(rng):
    X = rng.permutation(24).reshape(2, 3, 4) * 0.5
    for k, axis in [(1, -1), (3, 2), (4, -1), (6, -1), (2, 0), (2, 1), (5, -2)]:
        expect = _by_sorting(X, k, axis)
        yield Case({"X": X}, {"k": k, "axis": axis}, expect)
        two = {n: expect[n] for n in ("Values", "Indices")}
        yield Case({"X": X, "k": np.array([k])}, {"axis": axis}, two, outputs=2)
    for ties in (rng.integers(0, 3, (3, 20)) * 1.0, rng.integers(0, 40, (2, 2 * _FEW)) * 1.0):
        for k in (1, 7, 20):
            yield Case({"X": ties}, {"k": k}, _by_sorting(ties, k, -1), grad=())
    special = np.array([np.nan, 1, -np.inf, np.inf, 2, np.nan])
    expect = {"Values": [np.inf, 2, 1, np.nan], "Indices": [3, 4, 1, 0]}
    yield Case({"X": special}, {"k": 4}, expect, grad=(), id="nan")
    for shape in [(0, 3), (3, 0)]:
        yield Case({"X": np.zeros(shape)}, {"k": 2}, _by_sorting(np.zeros(shape), 2, -1), grad=())


@cases(TOP_K_GRADIENT)
def top_k_gradient_cases(rng):
    X = np.zeros((2, 5))
    dY, places = rng.uniform(1, 2, (2, 3)), np.array([[0, 2, -1], [4, 3, 1]])
    dX = np.zeros((2, 6))
    for n in range(2):
        for v, i in zip(dY[n], places[n]):
            dX[n, i] = v
    yield Case({"dValues": dY, "Indices": places, "X": X}, {"k": 3}, {"dX": dX[:, :5]})
    turned = {"dValues": dY.T.copy(), "Indices": places.T.copy(), "X": X.T.copy()}
    yield Case(turned, {"axis": 0}, {"dX": dX[:, :5].T})
