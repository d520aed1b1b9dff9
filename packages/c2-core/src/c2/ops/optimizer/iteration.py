"""Iter and AtomicIter, counters of iterations."""

import threading

import numpy as np

from c2.ops.rules import one_element
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient

COUNT = frozenset({"int64"})


def _infer(iteration=None):
    if iteration is None:
        return TensorSpec((1,), np.int64)
    one_element(iter=iteration)
    return TensorSpec(iteration.shape, np.int64)


ITER = OpSchema(
    "Iter",
    doc="""iter = iter + 1, in place.

    Without an input it counts 1, 2, 3, ... by itself, as old nets have it. A negative count is an error. Differs from
    Caffe2: the counter of the form without input starts from 1 in every net, where Caffe2 goes on from what the
    output blob holds.
    """,
    inputs=[Tensor("iter", "one element", COUNT, optional=True)],
    outputs=[Tensor("output", "the same blob as iter")],
    infer=_infer,
    inplace_required={"iter": "output"},
    gradient=NoGradient.STOPS,
)

ATOMIC_ITER = OpSchema(
    "AtomicIter",
    doc="""iter = iter + 1, in place, while holding a mutex; for nets that run at the same time.

    A negative count is an error.
    """,
    inputs=[
        Tensor("mutex", "what CreateMutex makes", blob=True),
        Tensor("iter", "one element", COUNT),
    ],
    outputs=[Tensor("output", "the same blob as iter")],
    infer=lambda mutex, iteration: _infer(iteration),
    inplace_required={"iter": "output"},
    gradient=NoGradient.STOPS,
)


@kernel(ITER)
class Iter:
    """Counts by itself where there is no input."""

    def __init__(self, xp, iteration=None):
        self.own = None if iteration is not None else xp.zeros(1, np.int64)

    def __call__(self, iteration=None, out=None):
        if iteration is not None:
            return _next(iteration, out)
        _next(self.own, self.own)
        if out is None:
            return self.own.copy()
        out[...] = self.own
        return out


@kernel(ATOMIC_ITER)
def atomic_iter(xp, mutex, iteration, *, out=None):
    require(
        hasattr(mutex, "__enter__"),
        "mutex must be what CreateMutex makes",
        "a mutex",
        type(mutex).__name__,
    )
    with mutex:  # counts here, in place: whatever stores results later no longer holds the mutex
        return _next(iteration, iteration)


def _next(iteration, out):
    if out is None:
        out = iteration.copy()
    count = iteration.item()
    if count < 0:
        raise ValueError(f"the iteration must not be negative, got {count}")
    out.fill(count + 1)
    return out


@cases(ITER)
def iter_cases(rng):
    for start in (0, 41, 2**40):
        yield Case({"iter": np.array([start])}, expect={"output": np.array([start + 1])})
    yield Case({"iter": np.array(5)}, expect={"output": np.array(6)}, id="no axis")


@cases(ATOMIC_ITER)
def atomic_iter_cases(rng):
    yield Case({"mutex": threading.Lock(), "iter": np.array([7])}, expect={"output": np.array([8])})
