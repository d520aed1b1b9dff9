"""Perplexity of the probabilities that were given to what came."""

import numpy as np

from c2.ops.rules import rank
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer(probabilities):
    rank("probabilities", probabilities, 1)
    return TensorSpec((), probabilities.dtype)


PERPLEXITY = OpSchema(
    "Perplexity",
    doc="""The product of X[n]^(-1/N), the inverse of the geometric mean; 1 where X is empty.

    A probability of 0 gives infinity.
    """,
    inputs=[Tensor("probabilities", "X (N,), of the right label of each example", FLOAT)],
    outputs=[Tensor("output", "one number, shape (); dtype of X")],
    infer=_infer,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(PERPLEXITY)
def perplexity(xp, probabilities, *, out=None):
    if out is None:
        out = xp.empty((), probabilities.dtype)
    if not probabilities.size:
        out.fill(1)
        return out
    impossible = probabilities == 0
    logs = xp.log(xp.where(impossible, 1, probabilities))
    out[...] = xp.where(impossible.any(), np.inf, xp.exp(-logs.mean()))
    return out


@cases(PERPLEXITY)
def perplexity_cases(rng):
    X = rng.uniform(0.1, 1, 7)
    yield Case({"probabilities": X}, expect={"output": np.array(np.prod(X ** (-1 / 7)))})
    yield Case({"probabilities": np.zeros(0)}, expect={"output": np.array(1.0)}, id="empty")
    yield Case(
        {"probabilities": np.array([0.0, 0.5])},
        expect={"output": np.array(np.inf)},
        id="impossible",
    )
