"""Add, Sub, Mul and Div."""

import numpy as np

from c2.ops.binary.broadcast import BROADCAST_ARGS, result_shape
from c2.ops.binary.cases import binary_cases, floats, integers
from c2.ops.binary.kernel import binary_kernel, named, quotient
from c2.ops.rules import same_dtype
from c2.registry import Operator, OpSchema, Tensor, TensorSpec
from c2.registry.spec import NUMBER

RULES = """

The result has the dtype of A and B; different dtypes are an error. Without `broadcast` shapes follow NumPy's rule
both ways; with it B alone is stretched.
"""


def infer(A, B, **args):
    same_dtype(A=A, B=B)
    return TensorSpec(result_shape(A, B, **args), A.dtype)


def arithmetic(type_, doc, choose, expect, inplace, reads, shapes=""):
    """One operator; `reads` are the inputs of its gradient operator, `shapes` those of which it reads the shape."""

    def maker(g):
        blobs = {
            "dC": lambda: g.GO("C"),
            "A": lambda: g.shape_of("A") if "A" in shapes else g.I("A"),
            "B": lambda: g.shape_of("B") if "B" in shapes else g.I("B"),
            "C": lambda: g.O("C"),
        }
        return [g.op(f"{type_}Gradient", [blobs[n]() for n in reads], [g.GI("A"), g.GI("B")])]

    schema = OpSchema(
        type_,
        doc=doc + RULES,
        inputs=[Tensor("A", "any shape", NUMBER), Tensor("B", "dtype of A", NUMBER)],
        outputs=[Tensor("C", "dtype of A")],
        args=BROADCAST_ARGS,
        infer=infer,
        inplace=inplace,
    )
    cases = binary_cases(expect, floats(0.5, 2), integers(np.int32), integers(np.int64))
    return Operator(schema, binary_kernel(choose), maker, cases)


def towards_zero(A, B):
    """A / B, cut where both are integers."""
    return A / B if A.dtype.kind == "f" else np.trunc(A / B).astype(A.dtype)


EITHER = [("A", "C"), ("B", "C")]
ARITHMETIC = [
    arithmetic("Add", "C = A + B.", named("add"), lambda A, B: A - (-B), EITHER, ("dC", "A", "B"), "AB"),
    arithmetic("Sub", "C = A - B.", named("subtract"), lambda A, B: A + (-B), EITHER, ("dC", "A", "B"), "AB"),
    arithmetic(
        "Mul", "C = A * B, element by element.", named("multiply"),
        lambda A, B: ((A + B) ** 2 - (A - B) ** 2) / 4 if A.dtype.kind == "f" else ((A + B) ** 2 - (A - B) ** 2) // 4,
        EITHER, ("dC", "A", "B"),
    ),
    arithmetic(
        "Div", """C = A / B. Integers are divided towards zero: -7 / 2 is -3.

        By 0: infinity or NaN for floats, 0 for integers (where Caffe2's process dies).
        """, quotient, towards_zero, [("A", "C")], ("dC", "A", "B", "C"), "A",
    ),
]  # fmt: skip
