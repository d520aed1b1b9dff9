"""DotProduct of rows and its gradient."""

import numpy as np

from c2.ops.linear.flatten import as_rows
from c2.ops.linear.row_pairs import gradient_buffers, row_pair_schemas, row_products
from c2.registry import Case, cases, gradient, kernel

DOT_PRODUCT, DOT_PRODUCT_GRADIENT = row_pair_schemas(
    "DotProduct",
    """Z[n] = sum_d X[n, d] * Y[n, d].

    Axes after the first count as one; one number is one row. Differs from Caffe2: N empty rows give N zeros,
    where Caffe2 gives an empty Z.
    """,
    "dX[n] = dZ[n] * Y[n] and dY[n] = dZ[n] * X[n].",
)


@kernel(DOT_PRODUCT)
def dot_product(xp, X, Y, *, out=None):
    rows = as_rows(X.shape)
    return row_products(xp, X.reshape(rows), Y.reshape(rows), out)


@kernel(DOT_PRODUCT_GRADIENT)
def dot_product_gradient(xp, X, Y, dZ, *, out=None):
    dX, dY, dX2, dY2 = gradient_buffers(xp, X, out)
    xp.multiply(Y.reshape(dX2.shape), dZ[:, None], out=dX2)
    xp.multiply(X.reshape(dX2.shape), dZ[:, None], out=dY2)
    return dX, dY


@gradient(DOT_PRODUCT)
def dot_product_gradient_maker(g):
    return [g.op("DotProductGradient", [g.I("X"), g.I("Y"), g.GO("Z")], [g.GI("X"), g.GI("Y")])]


@cases(DOT_PRODUCT)
def dot_product_cases(rng):
    for shape in [(3,), (2, 3), (2, 3, 4), (0, 3), (2, 0)]:
        X, Y = rng.standard_normal(shape), rng.standard_normal(shape)
        yield Case({"X": X, "Y": Y}, expect={"Z": np.array([np.sum(x * y) for x, y in zip(X, Y)])})
    yield Case(
        {"X": np.array(2.0), "Y": np.array(3.0)}, expect={"Z": np.array([6.0])}, id="numbers"
    )


@cases(DOT_PRODUCT_GRADIENT)
def dot_product_gradient_cases(rng):
    for shape in [(3,), (2, 3), (2, 3, 4), (0, 3)]:
        X, Y, dZ = (
            rng.standard_normal(shape),
            rng.standard_normal(shape),
            rng.standard_normal(shape[:1]),
        )
        dX = np.einsum("n,n...->n...", dZ, Y)
        yield Case(
            {"X": X, "Y": Y, "dZ": dZ}, expect={"dX": dX, "dY": np.einsum("n,n...->n...", dZ, X)}
        )
