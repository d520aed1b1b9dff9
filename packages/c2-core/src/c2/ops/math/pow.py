"""Pow: a constant or elementwise power."""

import numpy as np

from c2.ops.binary.broadcast import BROADCAST_ARGS, aligned_shape, operand_shape
from c2.ops.rules import same_dtype, same_shape
from c2.registry import Arg, Case, OpSchema, Tensor, cases, gradient, kernel
from c2.registry.spec import FLOAT

EXPONENT = Arg(
    "exponent", float, default=None, doc="one power for all elements, instead of the second input"
)
SHORT_CUTS = {-1.0: "reciprocal", 0.5: "sqrt", 1.0: "positive", 2.0: "square"}


def infer(X, exponent_spec=None, *, exponent, broadcast, **where):
    if exponent_spec is not None:
        same_dtype(X=X, exponent=exponent_spec)
        if broadcast:
            aligned_shape(X.shape, exponent_spec.shape, **where)
        else:
            same_shape(X=X, exponent=exponent_spec)
    return X


def one_exponent(n_inputs, n_outputs, args):
    if n_inputs == 1 and args.get("exponent") is None:
        return "the exponent must be given, as argument 'exponent' or as second input"
    return None


POW = OpSchema(
    "Pow",
    doc="""Y = X ^ exponent, element by element. The exponent is the argument, or else the second input.

    X^0 is 1 even for NaN; a negative X has a power only where the exponent is whole, else NaN. Without `broadcast` a
    second input must have the shape of X. In place the gradient exists for a constant exponent alone, and only for
    positive X.

    Differs from Caffe2: (-infinity)^0.5 is NaN.
    """,
    inputs=[
        Tensor("X", "any shape", FLOAT),
        Tensor("exponent", "dtype of X", FLOAT, optional=True),
    ],
    outputs=[Tensor("Y", "shape and dtype of X")],
    args=[EXPONENT, *BROADCAST_ARGS],
    infer=infer,
    inplace=[("X", "Y"), ("exponent", "Y")],
    check=one_exponent,
)


@kernel(POW)
class Pow:
    """Constant powers that are cheaper than the general one are other functions."""

    def __init__(self, xp, X, exponent_spec=None, *, exponent, **args):
        self.function = getattr(xp, SHORT_CUTS.get(exponent, "power"))
        self.operands = ()
        self.shape = None
        if exponent_spec is not None:
            self.function = xp.power
            self.shape = operand_shape(X, exponent_spec, **args)
        elif exponent not in SHORT_CUTS:
            self.operands = (xp.asarray(exponent, X.dtype),)

    def __call__(self, X, exponent=None, out=None):
        if exponent is not None:
            return self.function(X, exponent.reshape(self.shape), out=out)
        return self.function(X, *self.operands, out=out)


@gradient(POW)
def pow_gradient_maker(g):
    exponent = g.args["exponent"]
    return _to_exponent(g) if exponent is None else _constant(g, exponent)


def _constant(g, exponent):
    """exponent * X^(exponent - 1) * dY; where Y overwrote X, X^(exponent - 1) is Y^((exponent - 1) / exponent)."""
    dX, power = g.GI("X"), exponent - 1
    if g.in_place("X") and exponent:
        power /= exponent
    return [
        g.op("Pow", [g.shape_of("X")], [dX], copy_args=False, exponent=power),
        g.op("Mul", [dX, g.GO("Y")], [dX], copy_args=False),
        g.op("Scale", [dX], [dX], copy_args=False, scale=exponent),
    ]


def _to_exponent(g):
    """dX = exponent * X^(exponent - 1) * dY; d_exponent = ln(X) * Y * dY, summed where it was stretched."""
    X, E, dY, dX, dE = g.I("X"), g.I("exponent"), g.GO("Y"), g.GI("X"), g.GI("exponent")
    where = {k: g.args[k] for k in ("axis", "axis_str", "order")} if g.args["broadcast"] else {}
    stretch = {"broadcast": 1, **where} if where else {}
    product = f"{dE}_autogen_pre_red"

    def op(type_, inputs, output, **args):
        return g.op(type_, inputs, [output], copy_args=False, **args)

    return [
        op("ConstantFill", [E], dE, value=1.0),
        op("Sub", [E, dE], dE),
        op("Pow", [X, dE], dX, **stretch),
        op("Mul", [dX, dY], dX),
        op("Mul", [dX, E], dX, **stretch),
        op("Log", [X], product),
        op("Mul", [product, g.O("Y")], product),
        op("Mul", [product, dY], product if where else dE),
        *([op("SumReduceLike", [product, E], dE, **where)] if where else []),
    ]


@cases(POW)
def pow_cases(rng):
    for shape in ((), (0,), (2, 3)):
        X = np.asarray(rng.uniform(0.3, 2, shape))
        for exponent in (-1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 2.5):
            expected = np.exp(exponent * np.log(X))
            yield Case({"X": X}, {"exponent": exponent}, expect={"Y": expected})
    X = rng.uniform(-2, 2, (5,))
    yield Case({"X": X}, {"exponent": 3.0}, expect={"Y": X * X * X})
    # The gradient operators are Caffe2's, and its ConstantFill makes float32: no difference quotient in float64.
    for a, b, args, stretched in (
        ((2, 3), (2, 3), {}, (2, 3)),
        ((2, 3), (3,), {"broadcast": 1}, (3,)),
        ((2, 3, 4), (3,), {"broadcast": 1, "axis": 1}, (3, 1)),
        ((2, 3), (1,), {"broadcast": 1}, ()),
    ):
        X, E = rng.uniform(0.3, 2, a), rng.uniform(-2, 2, b)
        expected = np.exp(E.reshape(stretched) * np.log(X))
        yield Case({"X": X, "exponent": E}, args, expect={"Y": expected}, grad=())
