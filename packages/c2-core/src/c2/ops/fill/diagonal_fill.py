"""DiagonalFill: one value on the diagonal."""

import numpy as np

from c2.ops.fill.constant_fill import DTYPE, VALUE, value_dtype
from c2.ops.fill.shape import SHAPE_ARGS, SHAPE_DOC, inferred_shape, made_shape, shape_input
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient


def _infer(input=None, *, value, dtype, shape, extra_shape, input_as_shape):
    found = value_dtype(value, dtype)
    require(found.kind != "O", "dtype must be that of numbers", "a number", found)
    made = inferred_shape(input, shape, extra_shape, input_as_shape)
    if made is not None:
        require(len(made) >= 2, "the shape must have two axes or more", "2 or more", made)
        require(
            len(made) == 2 or len(set(made)) == 1,
            "three and more axes must be of equal length",
            "a cube",
            made,
        )
    return TensorSpec(made, found)


DIAGONAL_FILL = OpSchema(
    "DiagonalFill",
    doc=f"""Y[i, i, ...] = value, 0 elsewhere.

    {SHAPE_DOC}
    Three and more axes must be of equal length. In a matrix with more rows than columns the diagonal starts again in
    the row after the next, as in Caffe2. The dtype is found as in ConstantFill.
    """,
    inputs=[shape_input()],
    outputs=[Tensor("output", "of the dtype asked for")],
    args=[VALUE, DTYPE, *SHAPE_ARGS],
    infer=_infer,
    values=["input"],
    inplace={"input": "output"},
    gradient=NoGradient.STOPS,
)


@kernel(DIAGONAL_FILL)
def diagonal_fill(xp, input=None, *, value, dtype, shape, extra_shape, input_as_shape, out=None):
    if out is None:
        out = xp.empty(
            made_shape(input, shape, extra_shape, input_as_shape), value_dtype(value, dtype)
        )
    out.fill(0)
    out.reshape(-1)[:: _step(out.shape)] = 0 if value is None else value
    return out


def _step(shape):
    """From one element of the diagonal to the next."""
    if len(shape) == 2:
        return shape[1] + 1
    return sum(shape[0] ** k for k in range(len(shape)))


@cases(DIAGONAL_FILL)
def diagonal_fill_cases(rng):
    yield Case(
        {}, {"shape": [3, 3], "value": 2.0}, expect={"output": 2 * np.eye(3, dtype=np.float32)}
    )
    yield Case(
        {}, {"shape": [2, 3], "value": 5}, expect={"output": 5 * np.eye(2, 3, dtype=np.int64)}
    )
    tall = np.zeros((5, 2), np.float32)
    np.fill_diagonal(tall, 2, wrap=True)
    yield Case({}, {"shape": [5, 2], "value": 2.0}, expect={"output": tall}, id="wraps")
    cube = np.zeros((2, 2, 2), bool)
    cube[[0, 1], [0, 1], [0, 1]] = True
    yield Case(
        {"input": np.zeros((2, 2))},
        {"extra_shape": [2], "value": 1, "dtype": 5},
        expect={"output": cube},
    )
    numbers = np.array([2, 2])
    yield Case(
        {"input": numbers},
        {"input_as_shape": 1, "value": 1.0},
        expect={"output": np.eye(2, dtype=np.float32)},
    )
    yield Case({}, {"shape": [0, 2], "value": 1.0}, expect={"output": np.zeros((0, 2), np.float32)})
    yield Case(
        {}, {"shape": [2, 2]}, expect={"output": np.zeros((2, 2), np.float32)}, id="no value"
    )
