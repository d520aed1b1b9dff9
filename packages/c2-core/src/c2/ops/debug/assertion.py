"""Assert and Fail: stop the net with an error."""

import numpy as np

from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import BOOL, INDEX

ASSERT = OpSchema(
    "Assert",
    doc="""Raises an error unless every element of X is true, or not 0; it names the first that is not.

    An empty X passes.
    """,
    inputs=[Tensor("X", "any shape", BOOL | INDEX)],
    args=[Arg("error_msg", str, default="", doc="what the error says first")],
    cost=lambda X, **args: X.size,
    gradient=NoGradient.FORBIDDEN,
)

FAIL = OpSchema(
    "Fail",
    doc="Raises an error, always: to end a branch that must not be reached.",
    cost=lambda: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(ASSERT)
def assert_(xp, X, *, error_msg):
    if not bool(X.all()):
        flat = X.reshape(-1)
        first = int(xp.argmin(flat != 0))
        said = f"{error_msg}: " if error_msg else ""
        raise ValueError(
            f"{said}every element of X must be true\n  expected true, got {flat[first]} at element {first}"
        )


@kernel(FAIL)
def fail(xp):
    raise RuntimeError("the operator Fail was reached")


@cases(ASSERT)
def assert_cases(rng):
    for X in (
        np.array([True, True]),
        np.array([[1, -2]]),
        np.ones((), np.int32),
        np.zeros(0, bool),
    ):
        yield Case({"X": X}, {"error_msg": "never shown"})


@cases(FAIL)
def fail_cases(rng):
    """None: it has no result to compare; tests/core/ops/test_debug.py runs it."""
    return iter(())
