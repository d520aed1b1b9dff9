"""Gradients of Add, Sub, Mul and Div: the chain rule, then sums over what was stretched."""

from c2.ops.binary.broadcast import BROADCAST_ARGS, fits_result, operand_shape, sum_to
from c2.ops.binary.cases import floats, gradient_cases
from c2.ops.binary.kernel import quotient
from c2.ops.rules import equal, same_dtype
from c2.registry import NoGradient, Operator, OpSchema, Tensor
from c2.registry.spec import NUMBER


class Gradient:
    """Base of the kernels: where the result broadcast, and how to sum it back."""

    def __init__(self, xp, dC, A, B, C=None, **args):
        self.xp = xp
        self.seen = operand_shape(A, B, **args)
        self.divide = quotient(xp, dC.dtype)
        self.to_A = sum_to(xp, dC.shape, A.shape, A.shape)
        self.to_B = sum_to(xp, dC.shape, self.seen, B.shape)

    def both(self, dC, out, make_dA, make_dB):
        """(dA, dB); the one that is written over dC comes last."""
        out_A, out_B = out or (None, None)
        if out_A is dC:
            dB = make_dB(out_B)
            return make_dA(out_A), dB
        dA = make_dA(out_A)
        return dA, make_dB(out_B)


class AddGradient(Gradient):
    def __call__(self, dC, A, B, out=None):
        return self.both(dC, out, lambda o: self.to_A(dC, o), lambda o: self.to_B(dC, o))


class SubGradient(Gradient):
    def __call__(self, dC, A, B, out=None):
        def make_dB(o):
            dB = self.to_B(dC, o)
            return self.xp.negative(dB, out=dB)

        return self.both(dC, out, lambda o: self.to_A(dC, o), make_dB)


class MulGradient(Gradient):
    def __call__(self, dC, A, B, out=None):
        return self.both(
            dC, out,
            lambda o: self.to_A(self._product(dC, B.reshape(self.seen), o), o),
            lambda o: self.to_B(self._product(dC, A, o), o),
        )  # fmt: skip

    def _product(self, dC, other, out):
        fits = out is not None and out.shape == dC.shape
        return self.xp.multiply(dC, other, out=out if fits else None)


class DivGradient(Gradient):
    """dA = dC / B; dB = -dC * C / B."""

    def __init__(self, xp, first, second, third, C=None, **args):
        dC, A, B = (first, second, third) if C is not None else (third, first, first)
        super().__init__(xp, dC, A, B, C, **args)

    def __call__(self, *arrays, out=None):
        dC, B, C = (arrays[0], *arrays[2:]) if len(arrays) == 4 else (arrays[2], *arrays[:2])
        divisor = B.reshape(self.seen)

        def make_dB(o):
            product = self.xp.multiply(dC, C, out=self.xp.empty_like(dC))
            quotient = self.divide(product, divisor, out=product)
            return self.to_B(self.xp.negative(quotient, out=quotient), o)

        return self.both(dC, out, lambda o: self.to_A(self.divide(dC, divisor), o), make_dB)


def infer(dC, A, B, **args):
    same_dtype(dC=dC, A=A, B=B)
    fits_result(dC, A, B, **args)
    return A, B


def infer_div(first, second, third, C=None, **args):
    dC, A, B, C = (first, second, third, C) if C is not None else (third, first, first, second)
    same_dtype(dC=dC, A=A, B=B, C=C)
    equal("C must have the shape of dC", dC.shape, C.shape)
    fits_result(dC, A, B, **args)
    return A, B


def operator(kernel, doc, function, slopes, *, reads, infer, inplace):
    names = reads.split()
    return Operator(
        OpSchema(
            kernel.__name__,
            doc=doc,
            inputs=[Tensor(n, DOCS[n], NUMBER, optional=n == "C") for n in names],
            outputs=[Tensor("dA", "gradient of A"), Tensor("dB", "gradient of B")],
            args=BROADCAST_ARGS,
            infer=infer,
            inplace=inplace,
            gradient=NoGradient.FORBIDDEN,
        ),
        kernel, None, gradient_cases(function, slopes, floats(0.5, 2), reads),
    )  # fmt: skip


DOCS = {"dC": "gradient of the result", "A": "first input", "B": "second input", "C": "result"}
EITHER = [("dC", "dA"), ("dC", "dB")]
SUMS = " Both are summed over the axes on which the input was stretched."
GRADIENTS = [
    operator(
        AddGradient, "dA = dC, dB = dC." + SUMS, lambda A, B: A + B, lambda A, B: (1, 1),
        reads="dC A B", infer=infer, inplace=EITHER,
    ),
    operator(
        SubGradient, "dA = dC, dB = -dC." + SUMS, lambda A, B: A - B, lambda A, B: (1, -1),
        reads="dC A B", infer=infer, inplace=EITHER,
    ),
    operator(
        MulGradient, "dA = dC * B, dB = dC * A." + SUMS, lambda A, B: A * B, lambda A, B: (B, A),
        reads="dC A B", infer=infer, inplace=EITHER,
    ),
    operator(
        DivGradient, f"""dA = dC / B, dB = -dC * C / B.{SUMS}

        With three inputs they are B, C, dC, as nets of 2017 have it, and A has the shape of B.
        """, lambda A, B: A / B, lambda A, B: (1 / B, -A / B**2),
        reads="dC A B C", infer=infer_div, inplace=[("dC", "dA")],
    ),
]  # fmt: skip
