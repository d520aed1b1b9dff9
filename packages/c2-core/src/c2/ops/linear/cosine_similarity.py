"""CosineSimilarity of rows and its gradient."""

import numpy as np

from c2.ops.linear.flatten import as_rows
from c2.ops.linear.row_pairs import gradient_buffers, row_pair_schemas, row_products
from c2.registry import Case, cases, gradient, kernel

COSINE_SIMILARITY, COSINE_SIMILARITY_GRADIENT = row_pair_schemas(
    "CosineSimilarity",
    """Z[n] = <X[n], Y[n]> / (|X[n]| |Y[n]|), where squared lengths below 1e-12 count as 1e-12.

    Axes after the first count as one; one number is one row. A row of zeros has similarity 0 to every other.
    In float16 the least squared length is that type's smallest normal number.
    """,
    "dX = dZ * (Y - Z |Y|/|X| X) / (|X| |Y|) for each row, and dY likewise, with lengths as in CosineSimilarity.",
)
LEAST_SQUARE = 1e-12


def _lengths(xp, X):
    """|X[n]|, never 0."""
    squares = row_products(xp, X, X)
    least = max(LEAST_SQUARE, float(np.finfo(X.dtype).tiny))
    return xp.sqrt(xp.maximum(squares, squares.dtype.type(least)))


@kernel(COSINE_SIMILARITY)
def cosine_similarity(xp, X, Y, *, out=None):
    X, Y = X.reshape(as_rows(X.shape)), Y.reshape(as_rows(Y.shape))
    Z = row_products(xp, X, Y, out)
    xp.divide(Z, _lengths(xp, X), out=Z)
    return xp.divide(Z, _lengths(xp, Y), out=Z)


@kernel(COSINE_SIMILARITY_GRADIENT)
def cosine_similarity_gradient(xp, X, Y, dZ, *, out=None):
    dX, dY, dX2, dY2 = gradient_buffers(xp, X, out)
    X, Y = X.reshape(dX2.shape), Y.reshape(dX2.shape)
    x, y = _lengths(xp, X), _lengths(xp, Y)
    scale = dZ / x / y
    product = row_products(xp, X, Y)
    _combine(xp, Y, X, scale, scale * product / x / x, dX2)
    _combine(xp, X, Y, scale, scale * product / y / y, dY2)
    return dX, dY


def _combine(xp, toward, away, scale, share, out):
    """scale * toward - share * away, row by row."""
    xp.multiply(toward, scale[:, None], out=out)
    xp.subtract(out, away * share[:, None], out=out)


@gradient(COSINE_SIMILARITY)
def cosine_similarity_gradient_maker(g):
    return [
        g.op("CosineSimilarityGradient", [g.I("X"), g.I("Y"), g.GO("Z")], [g.GI("X"), g.GI("Y")])
    ]


def _pairs(rng):
    for shape in [(3,), (2, 3), (2, 3, 4), (0, 3)]:
        yield rng.uniform(0.5, 1, shape), rng.uniform(0.5, 1, shape) * rng.choice([-1, 1], shape)


@cases(COSINE_SIMILARITY)
def cosine_similarity_cases(rng):
    for X, Y in _pairs(rng):
        units = [[v.ravel() / np.linalg.norm(v.ravel()) for v in M] for M in (X, Y)]
        Z = np.array([np.vdot(a, b) for a, b in zip(*units)])
        yield Case({"X": X, "Y": Y}, expect={"Z": Z})
    inputs = {"X": np.zeros((1, 2)), "Y": np.ones((1, 2))}
    yield Case(inputs, expect={"Z": np.zeros(1)}, grad=(), id="zero length")
    yield Case(
        {"X": np.array(2.0), "Y": np.array(-3.0)}, expect={"Z": np.array([-1.0])}, id="numbers"
    )


@cases(COSINE_SIMILARITY_GRADIENT)
def cosine_similarity_gradient_cases(rng):
    for X, Y in _pairs(rng):
        dZ = rng.standard_normal(len(X))
        expect = {"dX": _away_from(X, Y, dZ), "dY": _away_from(Y, X, dZ)}
        yield Case({"X": X, "Y": Y, "dZ": dZ}, expect=expect)


def _away_from(X, Y, dZ):
    """The part of Y's unit vector perpendicular to X, over |X|, times dZ."""
    result = np.zeros_like(X)
    for n, (x, y) in enumerate(zip(X, Y)):
        unit, length = x / np.linalg.norm(x), np.linalg.norm(x)
        direction = y / np.linalg.norm(y)
        result[n] = dZ[n] * (direction - unit * np.sum(unit * direction)) / length
    return result
