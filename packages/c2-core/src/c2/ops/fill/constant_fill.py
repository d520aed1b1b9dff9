"""ConstantFill: one value everywhere."""

import numpy as np

from c2.ops.fill.argument import asked_dtype, holds, in_range
from c2.ops.fill.shape import SHAPE_ARGS, SHAPE_DOC, inferred_shape, made_shape, shape_input
from c2.ops.rules import equal, one_element
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.arguments import AnyField
from c2.registry.schema import NoGradient
from c2.registry.spec import PLAIN

VALUE = AnyField(
    "value", "int, float or string", doc="what to fill with; 0 or an empty string where not given"
)
DTYPE = Arg(
    "dtype",
    int,
    doc="a TensorProto.DataType; where not given float32, or int64 where value is an int",
)


def value_dtype(value, dtype):
    """The dtype to make. States that value stands in the field that this dtype reads."""
    if dtype is None:
        require(not isinstance(value, bytes), "a string value needs dtype", "dtype=STRING", value)
        return np.dtype(np.int64 if isinstance(value, int) else np.float32)
    found = asked_dtype(dtype, "float32")
    if value is not None:
        kind = {"f": "a float", "O": "a string"}.get(found.kind, "an int")
        require(holds(found, [value]), f"value of dtype {found} must be {kind}", kind, repr(value),
                "Write 1.0 for a float, 1 for an int.")  # fmt: skip
        require(in_range(found, value), f"value must fit into {found}", found, value)
    return found


def _infer(X=None, number=None, *, value, dtype, shape, extra_shape, input_as_shape):
    found = value_dtype(value, dtype)
    if number is not None:
        one_element(number=number)
        equal("the second input must have the dtype to make", found, number.dtype)
    return TensorSpec(inferred_shape(X, shape, extra_shape, input_as_shape), found)


CONSTANT_FILL = OpSchema(
    "ConstantFill",
    doc=f"""Y = value everywhere.

    {SHAPE_DOC}
    Without dtype an int value makes int64 and a float value float32; with it, value must stand as a float for float
    dtypes, as a string for STRING, else as an int (bool included). A second input of one element takes the place of
    value. Differs from Caffe2: dtype may be FLOAT16 too.
    """,
    inputs=[
        shape_input("X"),
        Tensor("number", "one element of the dtype to make", PLAIN, optional=True),
    ],
    outputs=[Tensor("Y", "of the dtype asked for")],
    args=[VALUE, DTYPE, *SHAPE_ARGS],
    infer=_infer,
    values=["X"],
    inplace={"X": "Y"},
    gradient=NoGradient.STOPS,
)


@kernel(CONSTANT_FILL)
def constant_fill(
    xp, X=None, number=None, *, value, dtype, shape, extra_shape, input_as_shape, out=None
):
    if out is None:
        out = xp.empty(made_shape(X, shape, extra_shape, input_as_shape), value_dtype(value, dtype))
    if number is not None:
        out[...] = number.reshape(())
    elif value is None:
        out.fill(b"" if out.dtype.kind == "O" else 0)
    else:
        out.fill(value)
    return out


@cases(CONSTANT_FILL)
def constant_fill_cases(rng):
    yield Case({}, expect={"Y": np.zeros((), np.float32)}, id="nothing said")
    yield Case(
        {}, {"shape": [2, 3], "value": 1.5}, expect={"Y": np.array([[1.5] * 3] * 2, np.float32)}
    )
    yield Case({}, {"shape": [2], "value": 3}, expect={"Y": np.array([3, 3])}, id="int value")
    yield Case({}, {"shape": [2, 0], "value": 3.0}, expect={"Y": np.array([[], []], np.float32)})
    for data_type, dtype in [(2, np.int32), (3, np.uint8), (5, bool), (6, np.uint8), (7, np.int8),
                             (8, np.uint16), (9, np.int16), (10, np.int64)]:  # fmt: skip
        expected = np.array([1, 1, 1], dtype)
        yield Case({}, {"shape": [3], "value": 1, "dtype": data_type}, expect={"Y": expected})
    for data_type, dtype in [(1, np.float32), (12, np.float16), (13, np.float64)]:
        expected = np.array([-0.5], dtype)
        yield Case({}, {"shape": [1], "value": -0.5, "dtype": data_type}, expect={"Y": expected})
    words = np.array([b"abc", b"abc"], object)
    yield Case({}, {"shape": [2], "value": "abc", "dtype": 4}, expect={"Y": words}, id="strings")
    like = np.zeros((2, 1), np.int32)
    twos = np.array([[[2.0] * 3]] * 2, np.float32)
    yield Case({"X": like}, {"value": 2.0, "extra_shape": [3]}, expect={"Y": twos}, id="shape of X")
    yield Case({"X": like}, {"value": 7, "dtype": 2}, expect={"Y": np.array([[7], [7]], np.int32)})
    numbers = np.array([2, 1])
    yield Case(
        {"X": numbers}, {"value": 2.0, "input_as_shape": 1, "extra_shape": [3]}, expect={"Y": twos}
    )
    inputs = {"X": numbers, "number": np.array([9], np.int32)}
    expected = np.array([[9], [9]], np.int32)
    yield Case(inputs, {"input_as_shape": 1, "dtype": 2}, expect={"Y": expected}, id="value input")
