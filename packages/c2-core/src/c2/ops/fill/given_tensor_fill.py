"""The GivenTensor fillers: values that stand in the operator itself, as in the init nets of exported models."""

import numpy as np

from c2.ops.fill.argument import asked_dtype, holds
from c2.ops.fill.shape import (
    SHAPE_ARGS,
    SHAPE_DOC,
    inferred_shape,
    made_shape,
    shape_input,
    size_of,
)
from c2.registry import REQUIRED, Arg, Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.arguments import AnyField
from c2.registry.schema import NoGradient

DTYPE = AnyField(
    "dtype", "int or string", doc="a TensorProto.DataType or its name; float32 where not given"
)


def _infer(dtype_of):
    def infer(input=None, *, values, shape, extra_shape, input_as_shape, **rest):
        dtype = dtype_of(values, **rest)
        made = inferred_shape(input, shape, extra_shape, input_as_shape)
        if made is not None:
            count = len(values[0] if dtype == np.uint8 else values)
            require(
                size_of(made) == count,
                "values must fill the shape",
                f"{size_of(made)} for {made}",
                count,
            )
        return TensorSpec(made, dtype)

    return infer


def _fixed(dtype):
    return lambda values, dtype=dtype: np.dtype(dtype)


def _asked(values, dtype):
    """GivenTensorFill's dtype; the values must stand in the field that it reads."""
    found = asked_dtype(dtype, "float32", refused=("float16", "int8", "uint8", "uint16"))
    kind = {"f": "floats", "O": "strings"}.get(found.kind, "ints")
    require(holds(found, values), f"values of dtype {found} must be {kind}", kind, values[:3],
            "Write 1.0 for a float, 1 for an int.")  # fmt: skip
    return found


def _bytes(values, dtype=None):
    wanted = dtype is None or asked_dtype(dtype, "float32").kind == "O"
    require(wanted, "dtype must be STRING, that of values", "STRING", dtype)
    require(len(values) == 1, "values must be one string", 1, len(values))
    return np.dtype(np.uint8)


def _array(values, dtype):
    if dtype == np.uint8:
        return np.frombuffer(values[0], np.uint8)
    if dtype == np.float64:
        values = np.asarray(values, np.float32)  # an Argument stores no more
    return np.asarray(values, dtype)


def _kernel(dtype_of):
    class GivenTensorFill:
        """Converts its values once."""

        def __init__(self, xp, input=None, *, values, shape, extra_shape, input_as_shape, **rest):
            array = _array(values, dtype_of(values, **rest))
            self.xp, self.values = xp, array if array.dtype.kind == "O" else xp.asarray(array)
            self.shape = shape, extra_shape, input_as_shape

        def __call__(self, input=None, out=None):
            if out is None:
                out = self.xp.empty(made_shape(input, *self.shape), self.values.dtype)
            out[...] = self.values.reshape(out.shape)
            return out

    return GivenTensorFill


def _operator(type_, values, dtype_of, doc, cases, extra=()):
    schema = OpSchema(
        type_,
        doc=f"""{doc}

        {SHAPE_DOC}
        There must be as many values as the shape has elements.
        """,
        inputs=[shape_input()],
        outputs=[Tensor("output", "the values, in the shape")],
        args=[values, *extra, *SHAPE_ARGS],
        infer=_infer(dtype_of),
        values=["input"],
        inplace={"input": "output"},
        gradient=NoGradient.STOPS,
    )
    return Operator(schema, _kernel(dtype_of), cases=cases)


def _typed(type_, field, dtype, samples):
    """A filler of one dtype."""

    def cases(rng):
        expected = np.array(samples, dtype).reshape(2, -1)
        args = {"values": samples}
        yield Case({}, {**args, "shape": expected.shape}, expect={"output": expected})
        yield Case(
            {"input": np.zeros(2)}, {**args, "extra_shape": [2]}, expect={"output": expected}
        )
        yield Case(
            {"input": np.array([2, 2])}, {**args, "input_as_shape": 1}, expect={"output": expected}
        )
        yield Case({}, {"values": [], "shape": [0, 2]}, expect={"output": np.zeros((0, 2), dtype)})

    values = Arg("values", field, default=REQUIRED, doc="what to fill with, last axis first")
    name = "strings" if dtype is object else np.dtype(dtype).name
    return _operator(type_, values, _fixed(dtype), f"The given values as {name}.", cases)


def _any_typed_cases(rng):
    yield Case(
        {},
        {"values": [1.5, 2.0], "shape": [2]},
        expect={"output": np.array([1.5, 2.0], np.float32)},
    )
    for data_type, dtype in [(2, np.int32), (5, bool), (9, np.int16), (10, np.int64)]:
        expected = np.array([[1], [0]], dtype)
        args = {"values": [1, 0], "shape": [2, 1], "dtype": data_type}
        yield Case({}, args, expect={"output": expected})
    args = {"values": [0.5], "dtype": "double"}
    yield Case({}, args, expect={"output": np.array(0.5)}, id="one number, dtype by name")
    args = {"values": ["a", "b"], "shape": [2], "dtype": 4}
    yield Case({}, args, expect={"output": np.array([b"a", b"b"], object)}, id="strings")
    yield Case(
        {"input": np.zeros((1, 1))},
        {"values": [2.0]},
        expect={"output": np.array([[2]], np.float32)},
    )


def _byte_cases(rng):
    text = b"\x00\x7f\xffa"
    expected = np.array([[0, 127], [255, 97]], np.uint8)
    yield Case({}, {"values": [text], "shape": [2, 2]}, expect={"output": expected})
    yield Case({}, {"values": [text], "shape": [2, 2], "dtype": 4}, expect={"output": expected})
    yield Case(
        {"input": np.array([2, 2])},
        {"values": [text], "input_as_shape": 1},
        expect={"output": expected},
    )


OPERATORS = [
    _typed("GivenTensorDoubleFill", "floats", np.float64, [1.5, -2.0, 2.0**60, 0.0]),
    _typed("GivenTensorBoolFill", "ints", bool, [True, False, False, True]),
    _typed("GivenTensorInt16Fill", "ints", np.int16, [1, -2, 300, 0]),
    _typed("GivenTensorIntFill", "ints", np.int32, [1, -2, 2**31 - 1, 0]),
    _typed("GivenTensorInt64Fill", "ints", np.int64, [1, -2, 2**62, 0]),
    _typed("GivenTensorStringFill", "strings", object, [b"a", b"", b"\xff", b"longer"]),
    _operator(
        "GivenTensorFill",
        AnyField("values", "floats, ints or strings", default=REQUIRED, doc="what to fill with, of the kind of dtype"),
        _asked,
        "The given values as float32, or as dtype: float64, bool, int16, int32, int64 or strings.",
        _any_typed_cases,
        extra=[DTYPE],
    ),
    _operator(
        "GivenTensorByteStringToUInt8Fill",
        Arg("values", "strings", default=REQUIRED, doc="one string, whose bytes are the elements"),
        _bytes,
        "The bytes of the one given string as uint8.",
        _byte_cases,
        extra=[DTYPE],
    ),
]  # fmt: skip
