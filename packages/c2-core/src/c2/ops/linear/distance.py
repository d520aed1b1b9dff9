"""SquaredL2Distance and L1Distance between rows, and their gradients."""

import numpy as np

from c2.ops.linear.flatten import as_rows
from c2.ops.linear.row_pairs import gradient_buffers, row_pair_schemas, row_products
from c2.registry import Case, cases, gradient, kernel

SQUARED_L2_DISTANCE, SQUARED_L2_DISTANCE_GRADIENT = row_pair_schemas(
    "SquaredL2Distance",
    """Z[n] = sum_d (X[n, d] - Y[n, d])^2 / 2; the factor 1/2 makes the gradient plain.

    Axes after the first count as one; one number is one row. Empty rows have distance 0.
    """,
    "dX[n] = dZ[n] * (X[n] - Y[n]) and dY = -dX.",
)
L1_DISTANCE, L1_DISTANCE_GRADIENT = row_pair_schemas(
    "L1Distance",
    """Z[n] = sum_d |X[n, d] - Y[n, d]|.

    Axes after the first count as one; one number is one row. Empty rows have distance 0.
    """,
    "dX[n] = dZ[n] * sign(X[n] - Y[n]) and dY = -dX; both are 0 where X and Y differ by 1e-12 or less.",
)
TIE = 1e-12  # differences up to it have gradient 0


class _Difference:
    """Base of kernels that keep X - Y in memory of their own."""

    def __init__(self, xp, X, Y):
        self.xp = xp
        self.difference = xp.empty(as_rows(X.shape), X.dtype)

    def subtract(self, X, Y):
        shape = self.difference.shape
        return self.xp.subtract(X.reshape(shape), Y.reshape(shape), out=self.difference)


@kernel(SQUARED_L2_DISTANCE)
class SquaredL2Distance(_Difference):
    def __call__(self, X, Y, out=None):
        difference = self.subtract(X, Y)
        Z = row_products(self.xp, difference, difference, out)
        return self.xp.multiply(Z, 0.5, out=Z)


@kernel(L1_DISTANCE)
class L1Distance(_Difference):
    def __call__(self, X, Y, out=None):
        difference = self.subtract(X, Y)
        self.xp.abs(difference, out=difference)
        return self.xp.sum(difference, axis=1, out=out)


@kernel(SQUARED_L2_DISTANCE_GRADIENT)
def squared_l2_distance_gradient(xp, X, Y, dZ, *, out=None):
    dX, dY, dX2, dY2 = gradient_buffers(xp, X, out)
    xp.subtract(X, Y, out=dX)
    xp.multiply(dX2, dZ[:, None], out=dX2)
    xp.negative(dX2, out=dY2)
    return dX, dY


@kernel(L1_DISTANCE_GRADIENT)
def l1_distance_gradient(xp, X, Y, dZ, *, out=None):
    dX, dY, dX2, dY2 = gradient_buffers(xp, X, out)
    xp.subtract(X, Y, out=dX)
    dX2[abs(dX2) <= TIE] = 0
    xp.sign(dX2, out=dX2)
    xp.multiply(dX2, dZ[:, None], out=dX2)
    xp.negative(dX2, out=dY2)
    return dX, dY


@gradient(SQUARED_L2_DISTANCE, L1_DISTANCE)
def distance_gradient_maker(g):
    type_ = f"{g.op_def.type}Gradient"
    return [g.op(type_, [g.I("X"), g.I("Y"), g.GO("Z")], [g.GI("X"), g.GI("Y")])]


_SHAPES = [(), (3,), (2, 3), (2, 3, 4), (0, 3), (2, 0)]


def _pairs(rng):
    """X and Y apart in every element, and the shape they have as rows."""
    for shape in _SHAPES:
        X = rng.standard_normal(shape)
        Y = X + rng.uniform(0.1, 1, shape) * rng.choice([-1, 1], shape)
        yield X, Y, (max(X.shape[:1], default=1), -1 if X.size else 0)


@cases(SQUARED_L2_DISTANCE)
def squared_l2_distance_cases(rng):
    for X, Y, rows in _pairs(rng):
        norms = np.linalg.norm((X - Y).reshape(rows), axis=1)
        yield Case({"X": X, "Y": Y}, expect={"Z": norms**2 / 2})


@cases(L1_DISTANCE)
def l1_distance_cases(rng):
    for X, Y, rows in _pairs(rng):
        Z = (np.maximum(X, Y) - np.minimum(X, Y)).reshape(rows).sum(1)
        yield Case({"X": X, "Y": Y}, expect={"Z": Z})


@cases(SQUARED_L2_DISTANCE_GRADIENT)
def squared_l2_distance_gradient_cases(rng):
    for X, Y, rows in _pairs(rng):
        dZ = rng.standard_normal(rows[0])
        dX = np.diag(dZ) @ X.reshape(rows) - np.diag(dZ) @ Y.reshape(rows)
        yield Case(
            {"X": X, "Y": Y, "dZ": dZ},
            expect={"dX": dX.reshape(X.shape), "dY": -dX.reshape(X.shape)},
        )


@cases(L1_DISTANCE_GRADIENT)
def l1_distance_gradient_cases(rng):
    for X, Y, rows in _pairs(rng):
        dZ = rng.standard_normal(rows[0])
        dX = (dZ[:, None] * np.where(X > Y, 1, -1).reshape(rows)).reshape(X.shape)
        yield Case({"X": X, "Y": Y, "dZ": dZ}, expect={"dX": dX, "dY": -dX})
    zeros = np.zeros((1, 2))
    inputs = {"X": np.array([[2.0, 3.0]]), "Y": np.array([[2.0, 3.0]]), "dZ": np.array([5.0])}
    yield Case(inputs, expect={"dX": zeros, "dY": zeros}, id="ties")
