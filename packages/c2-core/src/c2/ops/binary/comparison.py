"""EQ, NE, LT, LE, GT and GE."""

import numpy as np

from c2.ops.binary.broadcast import BROADCAST_ARGS, result_shape
from c2.ops.binary.cases import binary_cases, few
from c2.ops.binary.kernel import binary_kernel, named
from c2.ops.rules import same_dtype
from c2.registry import NoGradient, Operator, OpSchema, Tensor, TensorSpec
from c2.registry.spec import PLAIN


def infer(A, B, **args):
    same_dtype(A=A, B=B)
    return TensorSpec(result_shape(A, B, **args), np.dtype(bool))


def comparison(type_, sign, name, expect):
    schema = OpSchema(
        type_,
        doc=f"""C = A {sign} B, as bool. False is below True.

        Every comparison with NaN is false, but NE is true. Without `broadcast` shapes follow NumPy's rule both ways;
        with it B alone is stretched.
        """,
        inputs=[Tensor("A", "any shape", PLAIN), Tensor("B", "dtype of A", PLAIN)],
        outputs=[Tensor("C", "bool")],
        args=BROADCAST_ARGS,
        infer=infer,
        gradient=NoGradient.FORBIDDEN,
    )
    samples = (
        few(-1.0, 0.0, 2.5, np.nan, np.inf, dtype=float),
        few(-3, 0, 7, dtype=np.int32),
        few(-3, 0, 7, dtype=np.int64),
        few(False, True, dtype=bool),
    )
    return Operator(schema, binary_kernel(named(name)), None, binary_cases(expect, *samples))


def _order(A, B):
    """-1, 0 or 1 as A is below, equal to or above B; NaN where either is."""
    return np.sign(np.subtract(*np.broadcast_arrays(np.arctan(A), np.arctan(B)), dtype=float))


COMPARISONS = [
    comparison("EQ", "==", "equal", lambda A, B: _order(A, B) == 0),
    comparison("NE", "!=", "not_equal", lambda A, B: ~(_order(A, B) == 0)),
    comparison("LT", "<", "less", lambda A, B: _order(A, B) == -1),
    comparison("LE", "<=", "less_equal", lambda A, B: _order(A, B) < 0.5),
    comparison("GT", ">", "greater", lambda A, B: _order(A, B) == 1),
    comparison("GE", ">=", "greater_equal", lambda A, B: _order(A, B) > -0.5),
]
