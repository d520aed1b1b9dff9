"""Range: numbers at equal steps."""

import math

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import one_element, same_dtype
from c2.registry import Case, NoGradient, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.spec import FLOAT, INT


def infer(*inputs):
    named = dict(zip(("start", "stop", "step") if len(inputs) > 1 else ("stop",), inputs))
    one_element(**named)
    same_dtype(**named)
    if any(spec.value is None for spec in inputs):
        return TensorSpec(None, inputs[0].dtype)
    start, stop, step = ends([spec.value for spec in inputs])
    require(step != 0, "step must not be 0", "any other number", step)
    return TensorSpec((count(start, stop, step),), inputs[0].dtype)


def ends(values):
    """start, stop and step as Python numbers, defaults filled in."""
    numbers = [v.reshape(-1)[0].item() for v in values]
    if len(numbers) == 1:
        return 0, numbers[0], 1
    return numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else 1


def count(start, stop, step):
    if isinstance(step, int) and isinstance(start, int) and isinstance(stop, int):
        return max(0, -((start - stop) // step))
    return max(0, math.ceil((stop - start) / step))


RANGE = OpSchema(
    "Range",
    doc="""start, start + step, start + 2 * step, ... up to stop, which is left out.

    One input alone is stop, and the numbers begin at 0; a step may be negative; it is 1 where absent. Where step
    leads away from stop the result is empty.
    """,
    inputs=[
        Tensor("start", "1 element; stop where it is the only input", FLOAT | INT),
        Tensor("stop", "1 element, dtype of start", FLOAT | INT, optional=True),
        Tensor("step", "1 element, dtype of start, not 0", FLOAT | INT, optional=True),
    ],
    outputs=[Tensor("output", "(n,), dtype of the inputs")],
    infer=infer,
    values=["start", "stop", "step"],
    gradient=NoGradient.STOPS,
)


@kernel(RANGE)
def range_(xp, *inputs, out=None):
    start, stop, step = ends(inputs)
    dtype = inputs[0].dtype
    numbers = xp.arange(count(start, stop, step)).astype(dtype)
    numbers *= dtype.type(step)
    numbers += dtype.type(start)
    return stored(xp, numbers, out)


@cases(RANGE)
def range_cases(rng):
    for dtype in (np.int32, np.int64, np.float64):
        for given in ((5,), (2, 5), (2, 9, 3), (9, 2, -3), (9, 2), (-3,), (2, 2), (-4, 5, 4)):
            inputs = {n: np.array(v, dtype) for n, v in zip(("start", "stop", "step"), given)}
            yield Case(inputs, expect={"output": np.array(range(*given), dtype)})
    inputs = {"start": np.array([0.0]), "stop": np.array([1.0]), "step": np.array([0.3])}
    yield Case(inputs, expect={"output": np.array([0, 0.3, 0.6, 0.9])})
