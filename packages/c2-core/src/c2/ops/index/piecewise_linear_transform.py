"""PiecewiseLinearTransform: predictions calibrated by a line per interval."""

import numpy as np

from c2.ops.rules import equal, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _groups(bounds, slopes, intercepts):
    """How many columns have parameters of their own: each has one bound more than lines."""
    equal("intercepts must be as many as slopes", slopes, intercepts)
    groups = bounds - slopes
    fits = groups > 0 and slopes % groups == 0 and slopes > 0
    require(
        fits,
        "bounds must have one entry more than slopes for each column",
        f"{slopes} + columns",
        bounds,
    )
    return groups


def _infer(X, *params, bounds, slopes, intercepts, binary):
    given = (bounds, slopes, intercepts)
    if params:
        require(
            len(params) == 3,
            "bounds, slopes and intercepts come together as inputs",
            "4 inputs",
            len(params) + 1,
        )
        require(
            not any(map(len, given)), "parameters come as inputs or as arguments", "one way", "both"
        )
        same_dtype(predictions=X, bounds=params[0], slopes=params[1], intercepts=params[2])
        groups = _groups(*(p.size for p in params))
    else:
        require(
            all(map(len, given)),
            "bounds, slopes and intercepts must be given",
            "all three",
            [len(a) for a in given],
        )
        groups = _groups(*map(len, given))
        for line in np.reshape(bounds, (groups, -1)):
            require(
                list(line) == sorted(line),
                "bounds must rise for each column",
                "rising",
                line.tolist(),
            )
    if binary:
        fits = X.ndim == 1 or (X.ndim == 2 and X.shape[1] in (1, 2))
        require(fits, "binary predictions must be (N,), (N, 1) or (N, 2)", "(N, 2)", X.shape)
        equal("binary predictions have parameters for one column", 1, groups)
    else:
        require(X.ndim == 2, "predictions must have two axes", "(N, D)", X.shape)
        equal("there must be parameters for each column", X.shape[1], groups)
    return X.with_shape(X.shape)


PIECEWISE_LINEAR_TRANSFORM = OpSchema(
    "PiecewiseLinearTransform",
    doc="""transforms = slopes[k] * x + intercepts[k], with x limited to the bounds, and bounds[k] < x <= bounds[k + 1].

    Each column of predictions (N, D) has bounds, slopes and intercepts of its own. With `binary` only the
    probability of the second class, the last column, is transformed; the first is 1 minus it. NaN stays NaN.
    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[
        Tensor("predictions", "(N, D); or binary: (N,), (N, 1), (N, 2)", FLOAT),
        Tensor(
            "bounds", "L + 1 per column, rising; instead of the arguments", FLOAT, optional=True
        ),
        Tensor("slopes", "L per column", FLOAT, optional=True),
        Tensor("intercepts", "L per column", FLOAT, optional=True),
    ],
    outputs=[Tensor("transforms", "shape and dtype of predictions")],
    args=[
        Arg("bounds", "floats", default=(), doc="ends of the intervals, L + 1 per column, rising"),
        Arg("slopes", "floats", default=(), doc="L per column"),
        Arg("intercepts", "floats", default=(), doc="L per column"),
        Arg("binary", bool, default=False, doc="predictions are probabilities of two classes"),
    ],
    infer=_infer,
    cost=lambda X, *params, **args: 8 * X.size,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(PIECEWISE_LINEAR_TRANSFORM)
def piecewise_linear_transform(xp, X, *params, bounds, slopes, intercepts, binary, out=None):
    if not params:
        params = [xp.asarray(a, dtype=X.dtype) for a in (bounds, slopes, intercepts)]
    groups = params[0].size - params[1].size
    bounds, slopes, intercepts = (p.reshape(groups, p.size // groups) for p in params)
    Y = xp.empty(X.shape, X.dtype) if out is None else out
    if binary:
        last = X[..., -1] if X.ndim == 2 else X
        transformed = _transform(xp, last, bounds[0], slopes[0], intercepts[0])
        if X.ndim == 2:
            Y[:, 0] = X.dtype.type(1) - transformed
            Y[:, -1] = transformed
        else:
            Y[...] = transformed
        return Y
    for d in range(groups):
        Y[:, d] = _transform(xp, X[:, d], bounds[d], slopes[d], intercepts[d])
    return Y


def _transform(xp, x, bounds, slopes, intercepts):
    x = xp.clip(x, bounds[0], bounds[-1])
    line = xp.clip(xp.searchsorted(bounds, x, side="left") - 1, 0, len(slopes) - 1)
    return slopes[line] * x + intercepts[line]


def _by_hand(x, bounds, slopes, intercepts):
    if x != x:
        return x
    x = min(max(x, bounds[0]), bounds[-1])
    line = next((k for k in range(len(slopes)) if x <= bounds[k + 1]), len(slopes) - 1)
    return slopes[line] * x + intercepts[line]


@cases(PIECEWISE_LINEAR_TRANSFORM)
def piecewise_linear_transform_cases(rng):
    lines = ([0.0, 1.0, 2.0], [1.0, 2.0], [0.5, -0.5]), ([-1.0, 0.25, 0.5], [3.0, -4.0], [0.1, 0.2])
    X = np.array([[-1, 0], [0, 0.25], [0.5, -2], [1, 9], [1.5, 0.3], [2, 0.5], [3, np.nan]])
    expected = np.array([[_by_hand(x, *line) for x, line in zip(row, lines)] for row in X])
    args = {
        n: [*lines[0][k], *lines[1][k]] for k, n in enumerate(("bounds", "slopes", "intercepts"))
    }
    yield Case({"predictions": X}, args, {"transforms": expected})
    inputs = {n: np.array(values).reshape(2, -1) for n, values in args.items()}
    yield Case({"predictions": X, **inputs}, {}, {"transforms": expected})
    yield Case({"predictions": X[:0], **inputs}, {}, {"transforms": X[:0]}, id="empty")
    p = rng.uniform(-0.5, 2.5, 6)
    moved = np.array([_by_hand(x, *lines[0]) for x in p])
    args = dict(zip(("bounds", "slopes", "intercepts"), lines[0]), binary=True)
    for shape in [(6,), (6, 1)]:
        yield Case({"predictions": p.reshape(shape)}, args, {"transforms": moved.reshape(shape)})
    two = np.stack([1 - moved, moved], 1)
    yield Case({"predictions": np.stack([1 - p, p], 1)}, args, {"transforms": two}, id="binary")
