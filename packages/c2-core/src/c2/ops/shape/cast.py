"""Cast: the same numbers in another dtype."""

from dataclasses import dataclass

import numpy as np

from c2.errors import GradientError, SchemaError, did_you_mean
from c2.ops.results import stored
from c2.proto import DATA_TYPES
from c2.registry import Arg, Case, OpSchema, Tensor, cases, gradient, kernel, require
from c2.registry.arguments import argument_fields
from c2.registry.spec import PLAIN
from c2.serialize.tensors import data_type_of, numpy_dtype

_UNDEFINED = DATA_TYPES["UNDEFINED"]


@dataclass(frozen=True)
class DataTypeArg(Arg):
    """An argument that names a TensorProto.DataType, by its number or by its name in any case."""

    def read(self, message):
        if argument_fields(message) != ["s"]:
            return super().read(message)
        name = message.s.decode("utf-8").upper()
        if name not in DATA_TYPES:
            raise SchemaError(
                f"argument '{self.name}' must name a data type, got '{name.lower()}'.{did_you_mean(name, DATA_TYPES)}"
            )
        return DATA_TYPES[name]


def _infer(X, *, to, from_type):
    require(
        to in DATA_TYPES.values() and to != _UNDEFINED,
        "to must be a data type",
        sorted(DATA_TYPES),
        to,
    )
    return X.with_dtype(numpy_dtype(to))


CAST = OpSchema(
    "Cast",
    doc="""Y = X as dtype `to`. Floats lose their fraction on the way to integers; everything but 0 is true.

    To strings, floats have six digits after the point. A float outside of the integers' range, and NaN, give what
    the machine gives. Differs from Caffe2: float16 is taken and made too.
    """,
    inputs=[Tensor("X", "any shape, numbers or booleans", PLAIN)],
    outputs=[Tensor("Y", "shape of X")],
    args=[
        DataTypeArg(
            "to",
            int,
            default=DATA_TYPES["FLOAT"],
            doc="a TensorProto.DataType: its number, or its name",
        ),
        DataTypeArg(
            "from_type", int, default=_UNDEFINED, doc="the data type of X; the gradient needs it"
        ),
    ],
    infer=_infer,
)


@kernel(CAST)
def cast(xp, X, *, to, from_type, out=None):
    dtype = numpy_dtype(to)
    if dtype.kind == "O":
        words = [_word(x) for x in X.reshape(-1).tolist()]
        return stored(xp, np.array(words, object).reshape(X.shape), out)
    return stored(xp, X.astype(dtype), out)


def _word(number):
    return b"%f" % number if isinstance(number, float) else b"%d" % number


@gradient(CAST)
def cast_gradient_maker(g):
    source = g.args["from_type"]
    if source == _UNDEFINED:
        raise GradientError(
            f"Cast {g.op_def.name!r}: the gradient needs the argument from_type, the data type of '{g.I('X')}'. "
            "Write from_type='float', for example"
        )
    return [
        g.op("Cast", [g.GO("Y")], [g.GI("X")], copy_args=False, to=source, from_type=g.args["to"])
    ]


@cases(CAST)
def cast_cases(rng):
    X = np.array([[-1.7, -0.5, 0.0], [0.5, 1.5, 300.0]])
    for dtype in ("int32", "int64", "int16"):
        expected = [[int(x) for x in line] for line in X]
        yield Case({"X": X}, {"to": data_type_of(dtype)}, {"Y": expected}, grad=())
    yield Case({"X": X}, {"to": "bool"}, {"Y": [[True, True, False], [True, True, True]]}, grad=())
    yield Case(
        {"X": X}, {"to": "Float16", "from_type": "float"}, {"Y": X.astype(np.float16)}, grad=()
    )
    yield Case(
        {"X": X},
        {"to": "string"},
        {"Y": np.array([[b"%f" % x for x in line] for line in X], object)},
        grad=(),
    )
    for dtype in ("int8", "uint8", "int16", "uint16", "int32", "int64", "bool"):
        whole = np.array([0, 1, 2]).astype(dtype)
        expected = [0, 1, 1 if dtype == "bool" else 2]
        yield Case({"X": whole}, {}, {"Y": expected}, id=dtype)
        yield Case(
            {"X": whole}, {"to": "string"}, {"Y": np.array([b"%d" % x for x in expected], object)}
        )
    wide = np.array([2**33 + 5, -1])
    yield Case({"X": wide}, {"to": "int32"}, {"Y": [5, -1]}, id="wraps")
    yield Case(
        {"X": rng.uniform(-1, 1, 3)}, {"to": "double", "from_type": "double"}, {}, id="gradient"
    )
    for X in (np.array(2.5), np.zeros((0, 2))):
        yield Case({"X": X}, {"to": "int32"}, {"Y": X // 1}, grad=())
