"""RangeFill: 0, 1, 2, ..."""

import numpy as np

from c2.ops.fill.shape import (
    SHAPE_ARGS,
    SHAPE_DOC,
    inferred_shape,
    made_shape,
    shape_input,
    size_of,
)
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel
from c2.registry.schema import NoGradient

RANGE_FILL = OpSchema(
    "RangeFill",
    doc=f"""Y's k-th element is k, last axis first; float32.

    {SHAPE_DOC}
    From 2^24 on float32 skips numbers.
    """,
    inputs=[shape_input()],
    outputs=[Tensor("output", "float32")],
    args=SHAPE_ARGS,
    infer=lambda input=None, **args: TensorSpec(inferred_shape(input, **args), np.float32),
    values=["input"],
    inplace={"input": "output"},
    gradient=NoGradient.STOPS,
)


@kernel(RANGE_FILL)
def range_fill(xp, input=None, *, shape, extra_shape, input_as_shape, out=None):
    if out is None:
        out = xp.empty(made_shape(input, shape, extra_shape, input_as_shape), np.float32)
    out[...] = xp.arange(size_of(out.shape), dtype=out.dtype).reshape(out.shape)
    return out


@cases(RANGE_FILL)
def range_fill_cases(rng):
    expected = np.array([[0, 1, 2], [3, 4, 5]], np.float32)
    yield Case({}, {"shape": [2, 3]}, expect={"output": expected})
    yield Case({"input": np.zeros(2, bool)}, {"extra_shape": [3]}, expect={"output": expected})
    yield Case({"input": np.array([2, 3])}, {"input_as_shape": 1}, expect={"output": expected})
    yield Case({}, expect={"output": np.array(0, np.float32)}, id="one number")
    yield Case({}, {"shape": [0]}, expect={"output": np.zeros(0, np.float32)}, id="empty")
