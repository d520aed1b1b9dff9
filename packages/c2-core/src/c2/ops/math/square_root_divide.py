"""SquareRootDivide: rows divided by the square roots of a vector."""

import numpy as np

from c2.ops.rules import equal
from c2.registry import Case, OpSchema, Tensor, cases, gradient, kernel, require
from c2.registry.spec import FLOAT, INDEX


def infer(data, scale):
    require(data.ndim >= 1, "data must have at least 1 axis", ">= 1", data.ndim)
    require(scale.ndim >= 1, "scale must have at least 1 axis", ">= 1", scale.ndim)
    equal("scale must have one number per row of data", data.shape[0], scale.size)
    return data


SQUARE_ROOT_DIVIDE = OpSchema(
    "SquareRootDivide",
    doc="""Y[i] = data[i] / sqrt(scale[i]); rows whose scale is 0 stay as they are.

    A scale that is negative or NaN is an error. There is a gradient of data, none of scale.
    """,
    inputs=[
        Tensor("data", "(N, ...)", FLOAT),
        Tensor("scale", "N numbers, 0 or above", FLOAT | INDEX),
    ],
    outputs=[Tensor("Y", "shape and dtype of data")],
    infer=infer,
    inplace={"data": "Y"},
)


@kernel(SQUARE_ROOT_DIVIDE)
def square_root_divide(xp, data, scale, *, out=None):
    scale = scale.reshape(-1)
    if not bool((scale >= 0).all()):
        worst = int(xp.argmin(xp.where(scale >= 0, 0, -1)))
        raise ValueError(f"scale must be 0 or above, but scale[{worst}] is {float(scale[worst])}")
    root = xp.sqrt(xp.where(scale == 0, 1, scale)).astype(data.dtype)
    return xp.divide(data, root.reshape((-1,) + (1,) * (data.ndim - 1)), out=out)


@gradient(SQUARE_ROOT_DIVIDE)
def square_root_divide_gradient_maker(g):
    return [g.op("SquareRootDivide", [g.GO("Y"), g.I("scale")], [g.GI("data")])]


@cases(SQUARE_ROOT_DIVIDE)
def square_root_divide_cases(rng):
    data = rng.uniform(-2, 2, (3, 2, 4))
    for scale in (np.array([4.0, 0.0, 2.25]), np.array([[4], [0], [9]], np.int32)):
        expected = [row / (s**0.5 if s else 1) for row, s in zip(data, scale.ravel())]
        yield Case({"data": data, "scale": scale}, expect={"Y": np.array(expected)})
    yield Case({"data": np.zeros((0, 2)), "scale": np.zeros(0)}, expect={"Y": np.zeros((0, 2))})
