"""And, Or, Xor and Not on bools; BitwiseAnd, BitwiseOr and BitwiseXor on the bits of integers."""

import numpy as np

from c2.ops.binary.broadcast import BROADCAST_ARGS, result_shape
from c2.ops.binary.cases import binary_cases, few
from c2.ops.binary.kernel import binary_kernel, named
from c2.ops.elementwise import ufunc
from c2.ops.rules import same_dtype
from c2.registry import Case, NoGradient, Operator, OpSchema, Tensor, TensorSpec, same_as
from c2.registry.spec import BOOL, INT

BOOLS = few(False, True, dtype=bool)
INTS = tuple(few(-7, 0, 5, 12, dtype=d) for d in (np.int32, np.int64))


def infer(A, B, **args):
    same_dtype(A=A, B=B)
    return TensorSpec(result_shape(A, B, **args), A.dtype)


def logic(type_, doc, name, dtypes, expect, *samples):
    schema = OpSchema(
        type_,
        doc=f"""{doc}

        Without `broadcast` shapes follow NumPy's rule both ways; with it B alone is stretched.
        """,
        inputs=[Tensor("A", "any shape", dtypes), Tensor("B", "dtype of A", dtypes)],
        outputs=[Tensor("C", "dtype of A")],
        args=BROADCAST_ARGS,
        infer=infer,
        inplace={"A": "C"},
        gradient=NoGradient.FORBIDDEN,
    )
    return Operator(schema, binary_kernel(named(name)), None, binary_cases(expect, *samples))


def bit_by_bit(rule):
    """A function of bools applied to every bit, in Python."""

    def one(a, b):
        bits = (rule(a >> k & 1, b >> k & 1) << k for k in range(63))
        return sum(bits) - (rule(a < 0, b < 0) << 63)

    def expect(A, B):
        if A.dtype == bool:
            return np.asarray(
                np.vectorize(lambda a, b: bool(rule(int(a), int(b))), otypes=[bool])(A, B)
            )
        whole = np.vectorize(lambda a, b: one(int(a), int(b)), otypes=[object])(A, B)
        return np.asarray(whole).astype(A.dtype)

    return expect


def not_cases(rng):
    for X in (np.array(True), np.zeros((0, 2), bool), BOOLS(rng, (2, 3))):
        yield Case({"X": X}, expect={"Y": X != True})  # noqa: E712


NOT = [
    Operator(
        OpSchema(
            "Not",
            doc="Y = not X.",
            inputs=[Tensor("X", "any shape", BOOL)],
            outputs=[Tensor("Y", "shape of X, bool")],
            infer=same_as("X"),
            gradient=NoGradient.FORBIDDEN,
        ),
        ufunc("logical_not"), None, not_cases,
    ),
]  # fmt: skip
LOGIC = [
    logic("And", "C = A and B.", "logical_and", BOOL, lambda A, B: A * B, BOOLS),
    logic("Or", "C = A or B.", "logical_or", BOOL, lambda A, B: (A * 1 + B) > 0, BOOLS),
    logic(
        "Xor",
        "C = A or B, but not both.",
        "logical_xor",
        BOOL,
        lambda A, B: (A * 1 + B) == 1,
        BOOLS,
    ),
]
BITS = [
    logic(f"Bitwise{name}", f"C = A {sign} B, bit by bit.", f"bitwise_{name.lower()}", INT | BOOL,
          bit_by_bit(rule), *INTS, BOOLS)
    for name, sign, rule in (
        ("And", "&", lambda a, b: a * b),
        ("Or", "|", lambda a, b: max(a, b)),
        ("Xor", "^", lambda a, b: int(a != b)),
    )
]  # fmt: skip
