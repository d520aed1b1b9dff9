"""Operators that look for NaN and infinity."""

import numpy as np

from c2.ops.elementwise import numbered
from c2.ops.results import stored
from c2.registry import Arg, Case, NoGradient, OpSchema, Tensor, cases, gradient, kernel, same_as
from c2.registry.spec import FLOAT

IS_NAN = OpSchema(
    "IsNaN",
    doc="1 where the tensor is NaN, else 0, as uint8. Infinities are numbers.",
    inputs=[Tensor("tensor", "any shape", FLOAT)],
    outputs=[Tensor("output", "uint8, shape of tensor")],
    infer=same_as("tensor", dtype="uint8"),
    gradient=NoGradient.FORBIDDEN,
)
REPLACE_NAN = OpSchema(
    "ReplaceNaN",
    doc="output = input with each NaN replaced by `value`. Infinities stay.",
    inputs=[Tensor("input", "any shape", FLOAT)],
    outputs=[Tensor("output", "shape and dtype of input")],
    args=[Arg("value", float, default=0.0, doc="what stands for NaN")],
    infer=same_as("input"),
    inplace={"input": "output"},
    gradient=NoGradient.FORBIDDEN,
)
NAN_CHECK = OpSchema(
    "NanCheck",
    doc="""output = the first tensor; an error where it holds NaN or infinity.

    Further inputs only make the operator wait for them, and are not checked.
    """,
    inputs=[Tensor("tensor", "any shape; the first is checked", FLOAT, variadic=True)],
    outputs=[Tensor("output", "the first tensor")],
    infer=lambda *tensors: tensors[0],
    inplace={"tensor": "output"},
)
ENFORCE_FINITE = OpSchema(
    "EnforceFinite",
    doc="Nothing, or an error where the input holds NaN or infinity.",
    inputs=[Tensor("input", "any shape", FLOAT)],
    infer=lambda input: (),
    gradient=NoGradient.FORBIDDEN,
)


@kernel(IS_NAN)
def is_nan(xp, tensor, *, out=None):
    if out is None:
        out = xp.empty(tensor.shape, np.uint8)
    return xp.isnan(tensor, out=out)


@kernel(REPLACE_NAN)
def replace_nan(xp, input, *, value, out=None):
    out = stored(xp, input, out)
    xp.copyto(out, out.dtype.type(value), where=xp.isnan(out))
    return out


@kernel(NAN_CHECK)
def nan_check(xp, *tensors, out=None):
    refuse_not_finite(xp, tensors[0], numbered(["tensor"], len(tensors))[0])
    return stored(xp, tensors[0], out)


@kernel(ENFORCE_FINITE)
def enforce_finite(xp, input):
    refuse_not_finite(xp, input, "input")


def refuse_not_finite(xp, X, name):
    """Raises FloatingPointError with the place and value of the first NaN or infinity."""
    finite = xp.isfinite(X)
    if bool(finite.all()):
        return
    where = int(xp.argmin(finite.reshape(-1)))
    place = [int(i) for i in np.unravel_index(where, X.shape)]
    bad = X.size - int(finite.sum())
    raise FloatingPointError(
        f"{name} must be finite, but {name}{place} is {float(X.reshape(-1)[where])}, "
        f"and {bad} of {X.size} elements are NaN or infinite"
    )


@gradient(NAN_CHECK)
def nan_check_gradient_maker(g):
    return [g.op("NanCheck", [g.GO(0)], [g.GI(0)])]


@cases(IS_NAN)
def is_nan_cases(rng):
    for X in (
        np.array([1.0, np.nan, np.inf]),
        np.array(np.nan),
        np.zeros((0, 2)),
        np.array([[np.nan], [2.0]]),
    ):
        yield Case({"tensor": X}, expect={"output": (X != X).astype(np.uint8)})


@cases(REPLACE_NAN)
def replace_nan_cases(rng):
    for X in (np.array([[1.0, np.nan], [-np.inf, np.nan]]), np.array(np.nan), np.zeros((0, 2))):
        for args in ({}, {"value": 2.5}):
            expected = np.where(X == X, X, args.get("value", 0))
            yield Case({"input": X}, args, expect={"output": expected})


@cases(NAN_CHECK)
def nan_check_cases(rng):
    X = rng.uniform(-1, 1, (2, 3))
    for tensors in ([X], [X, np.array([np.nan])], [np.zeros((0, 2))], [np.array(1.5)]):
        yield Case({"tensor": tensors}, expect={"output": tensors[0]})


@cases(ENFORCE_FINITE)
def enforce_finite_cases(rng):
    for X in (rng.uniform(-1, 1, (2, 3)), np.zeros((0, 2)), np.array(1.5)):
        yield Case({"input": X})
