"""Scatter, ScatterAssign and ScatterWeightedSum: slices written over a tensor at given places."""

import numpy as np

from c2.ops.index.rows import add_at, require_inside
from c2.ops.results import stored
from c2.ops.rules import canonical_axis, equal, one_element, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX


def _require_slices(DATA, INDICES, slices, name):
    same_dtype(**{"DATA": DATA, name: slices})
    require(DATA.ndim >= 1, "DATA must have one axis or more", "1 or more axes", DATA.shape)
    expected = INDICES.size * DATA.with_shape(DATA.shape[1:]).size
    equal(f"{name} must hold one slice of DATA per index", expected, slices.size)


def _infer_assign(DATA, INDICES, SLICES):
    _require_slices(DATA, INDICES, SLICES, "SLICES")
    return DATA.with_shape(DATA.shape)


SCATTER_ASSIGN = OpSchema(
    "ScatterAssign",
    doc="""DATA[INDICES[k]] = SLICES[k] for every k, in place; of equal indices the last one counts.

    Differs from Caffe2: an index outside of DATA is an error (there it is not looked at), and every dtype is taken.
    """,
    inputs=[
        Tensor("DATA", "(N, ...), any dtype"),
        Tensor("INDICES", "any shape", INDEX),
        Tensor("SLICES", "one slice DATA[i] per index; dtype of DATA"),
    ],
    outputs=[Tensor("DATA", "DATA itself")],
    infer=_infer_assign,
    inplace_required={"DATA": "DATA"},
    cost=lambda *specs: 0,
    gradient=NoGradient.FORBIDDEN,
)


def _infer_sum(X_0, Weight_0, INDICES, *pairs):
    require(
        len(pairs) >= 2 and len(pairs) % 2 == 0,
        "slices and weights come in pairs",
        "X_1, Weight_1, ...",
        len(pairs),
    )
    one_element(Weight_0=Weight_0, **{f"Weight_{k}": w for k, w in enumerate(pairs[1::2], 1)})
    for k, X in enumerate(pairs[::2], 1):
        _require_slices(X_0, INDICES, X, f"X_{k}")
    return X_0.with_shape(X_0.shape)


SCATTER_WEIGHTED_SUM = OpSchema(
    "ScatterWeightedSum",
    doc="""X_0[i] = Weight_0 * X_0[i] + Weight_1 * X_1[k] + Weight_2 * X_2[k] + ... for i = INDICES[k], in place.

    For an index that stands there n times, X_0[i] is weighted by Weight_0^n and all its slices are added. Differs
    from Caffe2: an index outside of X_0 is an error (there it is not looked at), and X_0 may be float16.
    """,
    inputs=[
        Tensor("X_0", "(N, ...)", FLOAT),
        Tensor("Weight_0", "one number", FLOAT),
        Tensor("INDICES", "any shape", INDEX),
        Tensor(
            "X_1",
            "X_1, Weight_1, X_2, Weight_2, ...: slices X_0[i] per index, and a number",
            FLOAT,
            variadic=True,
            minimum=2,
        ),
    ],
    outputs=[Tensor("X_0", "X_0 itself")],
    infer=_infer_sum,
    check=lambda n_inputs, n_outputs, args: (
        None if n_inputs % 2 else "takes pairs of slices and weights behind the indices"
    ),
    inplace_required={"X_0": "X_0"},
    gradient=NoGradient.FORBIDDEN,
)


def _infer_scatter(DATA, INDICES, UPDATES, *, axis):
    same_dtype(DATA=DATA, UPDATES=UPDATES)
    axis = canonical_axis("axis", axis, DATA.ndim)
    equal("UPDATES must have the shape of INDICES", INDICES.shape, UPDATES.shape)
    equal("INDICES must have as many axes as DATA", DATA.ndim, INDICES.ndim)
    for k, (size, limit) in enumerate(zip(INDICES.shape, DATA.shape)):
        require(
            k == axis or size <= limit,
            f"axis {k} of INDICES must not be longer than that of DATA",
            limit,
            size,
        )
    return DATA.with_shape(DATA.shape)


SCATTER = OpSchema(
    "Scatter",
    doc="""OUTPUT = DATA, but OUTPUT[..., INDICES[p], ...] = UPDATES[p] for every place p of INDICES, along `axis`.

    The other coordinates are those of p. Of places that meet the last one counts; an index outside of the axis is
    an error. Differs from Caffe2: UPDATES must have the shape of INDICES, and axes of INDICES may be shorter than those
    of DATA with three axes or more too (there both are misread).
    """,
    inputs=[
        Tensor("DATA", "two axes or more, or one with axis=0; any dtype"),
        Tensor("INDICES", "as many axes as DATA, none but `axis` longer", INDEX),
        Tensor("UPDATES", "shape of INDICES, dtype of DATA"),
    ],
    outputs=[Tensor("OUTPUT", "shape and dtype of DATA")],
    args=[
        Arg(
            "axis",
            int,
            default=1,
            doc="the axis of DATA that is indexed; negative ones count from the end",
        )
    ],
    infer=_infer_scatter,
    inplace={"DATA": "OUTPUT"},
    cost=lambda *specs, **args: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(SCATTER_ASSIGN)
def scatter_assign(xp, DATA, INDICES, SLICES, *, out=None):
    require_inside(INDICES, DATA.shape[0], "INDICES")
    result = stored(xp, DATA, out)
    result[INDICES.reshape(-1)] = SLICES.reshape(INDICES.size, *DATA.shape[1:])
    return result


@kernel(SCATTER_WEIGHTED_SUM)
def scatter_weighted_sum(xp, X_0, Weight_0, INDICES, *pairs, out=None):
    require_inside(INDICES, X_0.shape[0], "INDICES")
    result = stored(xp, X_0, out)
    places = INDICES.reshape(-1)
    total = xp.zeros((INDICES.size, *X_0.shape[1:]), X_0.dtype)
    for X, weight in zip(pairs[::2], pairs[1::2]):
        total += X.reshape(total.shape) * weight.reshape(-1)[0].astype(X_0.dtype)
    weight = Weight_0.reshape(-1)[0].astype(X_0.dtype)
    if weight != 1:
        unique, count = xp.unique(places, return_counts=True)
        factors = (weight**count).astype(X_0.dtype)
        result[unique] *= factors.reshape(-1, *(1,) * (X_0.ndim - 1))
    add_at(xp, result, places, total)
    return result


@kernel(SCATTER)
def scatter(xp, DATA, INDICES, UPDATES, *, axis, out=None):
    axis %= DATA.ndim
    require_inside(INDICES, DATA.shape[axis], "INDICES")
    result = stored(xp, DATA, out)
    places = [
        xp.arange(n).reshape(-1, *(1,) * (DATA.ndim - k - 1)) for k, n in enumerate(INDICES.shape)
    ]
    places[axis] = INDICES
    result[tuple(places)] = UPDATES
    return result


@cases(SCATTER_ASSIGN)
def scatter_assign_cases(rng):
    for shape, indices in [
        ((3, 4), [0, 2]),
        ((3,), [1]),
        ((3, 2), []),
        ((4, 1, 2), [[3, 1], [0, 2]]),
    ]:
        X, picked = rng.uniform(-1, 1, shape), np.array(indices, np.int32)
        slices = rng.uniform(-1, 1, (*picked.shape, *shape[1:]))
        expected = X.tolist()
        for i, line in zip(picked.ravel(), slices.reshape(-1, *shape[1:])):
            expected[i] = line.tolist()
        yield Case(
            {"DATA": X, "INDICES": picked, "SLICES": slices}, {}, {"DATA": np.array(expected)}
        )
    again = {
        "DATA": np.zeros((2, 1)),
        "INDICES": np.array([1, 1]),
        "SLICES": np.array([[1.0], [2.0]]),
    }
    yield Case(again, {}, {"DATA": [[0], [2]]}, id="repeated")
    whole = {"DATA": np.zeros(3, np.int64), "INDICES": np.array([1]), "SLICES": np.array([5])}
    yield Case(whole, {}, {"DATA": [0, 5, 0]}, id="int64")


@cases(SCATTER_WEIGHTED_SUM)
def scatter_weighted_sum_cases(rng):
    for shape, indices, weights in [
        ((3, 4), [0, 2], [2.0, 10.0]), ((3, 4), [1, 0, 1, 1], [2.0, 10.0, -1.0]), ((3,), [2, 2], [1.0, 0.5]),
        ((2, 2), [], [3.0, 1.0]), ((3, 1), [2, 2, 0], [0.0, 1.0]),
    ]:  # fmt: skip
        X = rng.uniform(-1, 1, shape)
        more = rng.uniform(-1, 1, (len(weights) - 1, len(indices), *shape[1:]))
        expected = X.copy()
        for i in indices:
            expected[i] *= weights[0]
        for k, i in enumerate(indices):
            expected[i] += sum(w * Z[k] for w, Z in zip(weights[1:], more))
        pairs = [a for w, Z in zip(weights[1:], more) for a in (Z, np.array([w]))]
        inputs = {
            "X_0": X,
            "Weight_0": np.array(weights[0]),
            "INDICES": np.array(indices, np.int64),
            "X_1": pairs,
        }
        yield Case(inputs, {}, {"X_0": expected})


@cases(SCATTER)
def scatter_cases(rng):
    X = rng.uniform(-1, 1, (3, 4))
    for axis, indices in [
        (1, [[0, 3], [1, 2]]),
        (0, [[2, 0, 1, 2]]),
        (-1, [[3]]),
        (-2, [[0, 0], [1, 2]]),
    ]:
        picked = np.array(indices)
        updates = rng.uniform(-1, 1, picked.shape)
        expected = X.copy()
        for at in np.ndindex(*picked.shape):
            to = (picked[at], at[1]) if axis % 2 == 0 else (at[0], picked[at])
            expected[to] = updates[at]
        yield Case(
            {"DATA": X, "INDICES": picked, "UPDATES": updates}, {"axis": axis}, {"OUTPUT": expected}
        )
    line = {"DATA": np.array([1, 2, 3]), "INDICES": np.array([2, 0]), "UPDATES": np.array([8, 9])}
    yield Case(line, {"axis": 0}, {"OUTPUT": [9, 2, 8]}, id="vector")
