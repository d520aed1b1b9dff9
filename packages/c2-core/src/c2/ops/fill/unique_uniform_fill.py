"""UniqueUniformFill: different whole numbers, as sampling for a sampled softmax needs them."""

import numpy as np

from c2.ops.fill.argument import asked_dtype
from c2.ops.fill.shape import (
    SHAPE_ARGS,
    SHAPE_DOC,
    inferred_shape,
    made_shape,
    shape_input,
)
from c2.ops.rules import equal
from c2.registry import REQUIRED, Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import INDEX


def _infer(input=None, avoid=None, *, min, max, dtype, **shape_args):
    found = asked_dtype(dtype, "int32")
    require(str(found) in INDEX, "dtype must be INT32 or INT64", "int32 or int64", found)
    require(min < max, "min must be below max", f"more than {min}", max)
    if avoid is not None:
        equal("avoid must have the dtype to make", found, avoid.dtype)
    return TensorSpec(inferred_shape(input, **shape_args), found)


UNIQUE_UNIFORM_FILL = OpSchema(
    "UniqueUniformFill",
    doc=f"""Different whole numbers of [min, max] in random order, none of them in avoid.

    {SHAPE_DOC} It is an error when fewer numbers are left than the shape has elements. Differs from Caffe2: the
    numbers are those of NumPy's generator; and of avoid only numbers within the bounds count, each once.
    """,
    inputs=[
        shape_input(),
        Tensor("avoid", "numbers that must not occur; of the dtype to make", INDEX, optional=True),
    ],
    outputs=[Tensor("output", "int32 or int64")],
    args=[
        Arg("min", int, default=REQUIRED, doc="least number"),
        Arg("max", int, default=REQUIRED, doc="greatest number, included"),
        Arg("dtype", int, doc="a TensorProto.DataType, INT32 (where not given) or INT64"),
        *SHAPE_ARGS,
    ],
    infer=_infer,
    values=["input"],
    inplace={"input": "output"},
    gradient=NoGradient.STOPS,
)


@kernel(UNIQUE_UNIFORM_FILL, device="CPU")
def unique_uniform_fill(
    xp,
    input=None,
    avoid=None,
    *,
    min,
    max,
    dtype,
    shape,
    extra_shape,
    input_as_shape,
    rng,
    out=None,
):
    if out is None:
        made = made_shape(input, shape, extra_shape, input_as_shape)
        out = xp.empty(made, asked_dtype(dtype, "int32"))
    avoided = (
        np.unique(avoid[(avoid >= min) & (avoid <= max)]) if avoid is not None else np.empty(0)
    )
    left = max - min + 1 - avoided.size
    if out.size > left:
        raise ValueError(
            f"{out.size} different numbers of [{min}, {max}] are asked for, {left} are left"
        )
    ranks = rng.choice(left, out.size, replace=False)
    below = np.searchsorted(avoided - min - np.arange(avoided.size), ranks, side="right")
    out[...] = (min + ranks + below).reshape(out.shape)
    return out


def _different(shape, allowed, dtype=np.int32):
    def check(Y):
        assert Y.shape == shape
        assert Y.dtype == dtype
        assert len(set(Y.ravel().tolist())) == Y.size
        assert all(number in allowed for number in Y.ravel().tolist())

    return check


@cases(UNIQUE_UNIFORM_FILL)
def unique_uniform_fill_cases(rng):
    yield Case({}, {"min": -3, "max": 6, "shape": [2, 5]}, check=_different((2, 5), range(-3, 7)))
    yield Case({}, {"min": 0, "max": 10**9, "shape": [50]}, check=_different((50,), range(10**9)))
    args = {"min": 0, "max": 9, "dtype": 10}
    avoid = np.array([4, 0, 9, 4, 77, -1])
    check = _different((7,), {1, 2, 3, 5, 6, 7, 8}, np.int64)
    yield Case({"input": np.zeros(7), "avoid": avoid}, args, check=check, id="avoid")
    numbers = np.array([3])
    check = _different((3, 2), range(1, 8))
    yield Case(
        {"input": numbers},
        {"min": 1, "max": 7, "input_as_shape": 1, "extra_shape": [2]},
        check=check,
    )
    yield Case({}, {"min": 0, "max": 1, "shape": [0]}, check=_different((0,), ()))
