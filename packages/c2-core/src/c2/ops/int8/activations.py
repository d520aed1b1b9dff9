"""Int8Relu, Int8LeakyRelu, Int8Sigmoid and Int8Softmax."""

import numpy as np

from c2.ops.int8 import int8_tensor as q
from c2.registry import Arg, Case, Operator, OpSchema, Tensor, require
from c2.registry.schema import NoGradient

UNIT = 1 / 256
UNIT_DOC = "Y_scale must be 1/256 and Y_zero_point 0, as in Caffe2."
ALPHA = Arg("alpha", float, default=0.01, doc="slope below zero, unitless")


def _operator(type_, doc, function, make_cases, args=(), names=("X", "Y")):
    X, Y = (Tensor(name, "8-bit tensor", blob=True) for name in names)
    inplace = {"X": "Y"} if names[0] == "X" else {}
    schema = OpSchema(
        type_, doc=doc, inputs=[X], outputs=[Y], args=[*args, *q.RESULT], infer=q.unknown, inplace=inplace,
        gradient=NoGradient.NOT_IMPLEMENTED,
    )  # fmt: skip
    return Operator(schema, function, cases=make_cases, device="CPU")


def _relu(xp, X, *, Y_scale, Y_zero_point):
    q.keeps_steps(q.is_int8("X", X), Y_scale, Y_zero_point)
    return q.moved(X, np.maximum(X.data, np.uint8(X.zero_point)))


def _leaky_relu(xp, X, *, alpha, Y_scale, Y_zero_point):
    count = q.steps("X", X) * (X.scale / Y_scale)
    return q.rounded(np.where(count < 0, alpha * count, count), Y_scale, Y_zero_point)


def _in_unit(scale, zero_point):
    right = np.float32(scale) == np.float32(UNIT) and zero_point == 0
    require(right, UNIT_DOC.removesuffix(", as in Caffe2."), (UNIT, 0), (scale, zero_point))


def _sigmoid(xp, X, *, Y_scale, Y_zero_point):
    _in_unit(Y_scale, Y_zero_point)
    with np.errstate(over="ignore"):
        Y = 1 / (1 + np.exp(-X.scale * q.steps("X", X)))
    return q.rounded(Y / Y_scale, Y_scale, Y_zero_point)


def _softmax(xp, X, *, axis, Y_scale, Y_zero_point):
    _in_unit(Y_scale, Y_zero_point)
    x = X.scale * q.steps("X", X)
    rows = x.reshape(len(x), -1)
    e = np.exp(rows - rows.max(axis=1, initial=-np.inf, keepdims=True))
    Y = e / e.sum(axis=1, keepdims=True)
    return q.rounded(Y.reshape(x.shape) / Y_scale, Y_scale, Y_zero_point)


def _cases(formula, args, shapes=((), (0, 3), (2, 3, 4)), name="X"):
    def make_cases(rng):
        for shape in shapes:
            X = q.drawn(rng, *shape, scale=0.05)
            check = q.stands_for(formula(q.real(X)), args["Y_scale"], args["Y_zero_point"])
            yield Case({name: X}, args, check=check)

    return make_cases


def _softmax_of_rows(x):
    e = np.exp(x)
    return e / e.sum(axis=tuple(range(1, x.ndim)), keepdims=True)


IN_UNIT = {"Y_scale": UNIT, "Y_zero_point": 0}
INT8_RELU = _operator(
    "Int8Relu", "Y = max(X, 0). Y_scale and Y_zero_point must be those of X.", _relu,
    _cases(lambda x: (x + abs(x)) / 2, {"Y_scale": 0.05, "Y_zero_point": 100}),
)  # fmt: skip
INT8_LEAKY_RELU = _operator(
    "Int8LeakyRelu", "Y = X where X >= 0, else alpha * X, in steps of Y.", _leaky_relu,
    _cases(lambda x: np.maximum(x, 0) + 0.2 * np.minimum(x, 0), {"alpha": 0.2, "Y_scale": 0.1, "Y_zero_point": 50}),
    [ALPHA],
)  # fmt: skip
INT8_SIGMOID = _operator(
    "Int8Sigmoid", f"output = 1 / (1 + exp(-input)). {UNIT_DOC}", _sigmoid,
    _cases(lambda x: (1 + np.tanh(x / 2)) / 2, IN_UNIT, name="input"), names=("input", "output"),
)  # fmt: skip
INT8_SOFTMAX = _operator(
    "Int8Softmax", f"output = exp(input) / the sum of exp(input) over all axes but the first. {UNIT_DOC}", _softmax,
    _cases(_softmax_of_rows, IN_UNIT, shapes=((2, 5), (3, 2, 4)), name="input"),
    [Arg("axis", int, default=1, doc="is not read, as in Caffe2: rows begin at axis 1")], ("input", "output"),
)  # fmt: skip
