"""Summarize: minimum, maximum, mean and standard deviation of a whole tensor."""

import numpy as np

from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer(data, *, to_file):
    require(data.size > 0, "data must not be empty", "elements", data.shape)
    require(
        not to_file,
        "to_file is not supported",
        False,
        True,
        "Fetch the output and write it where you want it.",
    )
    return TensorSpec((4,), data.dtype)


SUMMARIZE = OpSchema(
    "Summarize",
    doc="""output = [min, max, mean, std] of all elements, where std = sqrt(sum((data - mean)^2) / (n - 1)).

    One element has std 0; NaN anywhere gives NaN throughout. Differs from Caffe2: it writes no file (to_file is
    refused), float16 and float64 are taken too, and NaN does not get lost in min and max.
    """,
    inputs=[Tensor("data", "any shape, not empty", FLOAT)],
    outputs=[Tensor("output", "(4,), dtype of data", optional=True)],
    args=[
        Arg(
            "to_file",
            bool,
            default=False,
            doc="in Caffe2: append to a file named after the blob; refused here",
        )
    ],
    infer=_infer,
    cost=lambda data, **args: 5 * data.size,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(SUMMARIZE)
def summarize(xp, data, *, to_file):
    output = xp.empty((4,), data.dtype)
    mean = data.mean(dtype=data.dtype)
    squares = xp.square(data - mean).sum(dtype=data.dtype)
    output[0], output[1], output[2] = data.min(), data.max(), mean
    output[3] = xp.sqrt(squares / data.dtype.type(max(data.size - 1, 1)))
    return output


@cases(SUMMARIZE)
def summarize_cases(rng):
    for shape in [(2, 3, 4), (7,)]:
        X = rng.uniform(-1, 1, shape)
        line = sorted(X.ravel())
        expected = [line[0], line[-1], sum(line) / len(line), np.std(X, ddof=1)]
        yield Case({"data": X}, {}, {"output": expected})
    yield Case({"data": np.array(3.0)}, {}, {"output": [3, 3, 3, 0]}, id="one")
    yield Case({"data": np.ones(2)}, {}, {}, outputs=0, id="no-output")
