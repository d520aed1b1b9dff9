"""HasElements and IsEmpty."""

import numpy as np

from c2.ops.results import stored
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel
from c2.registry.schema import NoGradient

HAS_ELEMENTS = OpSchema(
    "HasElements",
    doc="has_elements = whether any of the inputs has elements; a 0-d tensor has one.",
    inputs=[Tensor("X", "X1, X2, ...: any shapes and dtypes", variadic=True)],
    outputs=[Tensor("has_elements", "bool, 0-d")],
    infer=lambda *inputs: TensorSpec((), "bool"),
    cost=lambda *inputs: 0,
    gradient=NoGradient.FORBIDDEN,
)

IS_EMPTY = OpSchema(
    "IsEmpty",
    doc="is_empty = whether tensor has no elements; a 0-d tensor has one.",
    inputs=[Tensor("tensor", "any shape and dtype")],
    outputs=[Tensor("is_empty", "bool, 0-d")],
    infer=lambda tensor: TensorSpec((), "bool"),
    cost=lambda tensor: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(HAS_ELEMENTS)
def has_elements(xp, *inputs, out=None):
    return stored(xp, any(X.size for X in inputs), out, (), "bool")


@kernel(IS_EMPTY)
def is_empty(xp, tensor, *, out=None):
    return stored(xp, tensor.size == 0, out, (), "bool")


@cases(HAS_ELEMENTS)
def has_elements_cases(rng):
    some, none = np.ones((2, 3)), np.zeros((0, 2))
    for inputs, expected in [
        ([some], True),
        ([none], False),
        ([none, none], False),
        ([none, some], True),
    ]:
        yield Case({"X": inputs}, {}, {"has_elements": expected})


@cases(IS_EMPTY)
def is_empty_cases(rng):
    for X, expected in [
        (np.ones(2), False),
        (np.zeros((0, 2), np.int32), True),
        (np.array(1), False),
    ]:
        yield Case({"tensor": X}, {}, {"is_empty": expected})
