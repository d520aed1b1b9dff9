"""EnsureClipped: keeps parameters in a range after an update."""

import numpy as np

from c2.ops.elementwise import clamp
from c2.ops.index.rows import require_inside
from c2.ops.math.clip import MAX, MIN, bounds
from c2.ops.results import stored
from c2.ops.rules import equal
from c2.registry import Case, NoGradient, OpSchema, Tensor, cases, kernel, require
from c2.registry.spec import FLOAT, INDEX


def infer(param, indices=None, grad=None, **bounds):
    if indices is not None and grad is not None:
        require(param.ndim >= 1, "param must have one axis or more", "rows", param.shape)
        equal(
            "grad must have one row of param per index",
            (*indices.shape, *param.shape[1:]),
            grad.shape,
        )
    return param


ENSURE_CLIPPED = OpSchema(
    "EnsureClipped",
    doc="""param limited to [min, max], wholly, or only its rows `indices`, those that a sparse gradient touched.

    The values of grad are not read. Indices may repeat.

    Differs from Caffe2: with indices it need not be in place; an index out of range is an error.
    """,
    inputs=[
        Tensor("param", "any shape; with indices at least 1 axis", FLOAT),
        Tensor("indices", "rows of param", INDEX, optional=True),
        Tensor("grad", "the sparse gradient, a row per index", FLOAT, optional=True),
    ],
    outputs=[Tensor("output_param", "param in range")],
    args=[MIN, MAX],
    infer=infer,
    inplace={"param": "output_param"},
    gradient=NoGradient.FORBIDDEN,
    check=lambda n_inputs, n_outputs, args: (
        "indices come together with grad: give 1 or 3 inputs, not 2" if n_inputs == 2 else None
    ),
)


@kernel(ENSURE_CLIPPED)
def ensure_clipped(xp, param, indices=None, grad=None, *, min, max, out=None):
    low, high = bounds(param.dtype, min, max)
    if indices is None:
        return clamp(xp, param, low, high, out)
    require_inside(indices, len(param), "indices")
    out = stored(xp, param, out)
    out[indices] = clamp(xp, out[indices], low, high)
    return out


@cases(ENSURE_CLIPPED)
def ensure_clipped_cases(rng):
    param = rng.uniform(-3, 3, (4, 3))
    yield Case(
        {"param": param}, {"min": -1.0, "max": 1.0}, expect={"output_param": param.clip(-1, 1)}
    )
    yield Case({"param": param}, {"min": 0.0}, expect={"output_param": param * (param > 0)})
    yield Case({"param": param}, expect={"output_param": param})
    indices = np.array([3, 1, 3])
    expected = param.copy()
    for row in {1, 3}:
        expected[row] = [min(value, 0.5) for value in param[row]]
    for kind in (np.int32, np.int64):
        inputs = {"param": param, "indices": indices.astype(kind), "grad": np.zeros((3, 3))}
        yield Case(inputs, {"max": 0.5}, expect={"output_param": expected})
    inputs = {"param": param, "indices": np.zeros(0, int), "grad": np.zeros((0, 3))}
    yield Case(inputs, {"max": 0.5}, expect={"output_param": param})
