"""StringJoin: the elements of each row, written out one after the other."""

import numpy as np

from c2.ops.rules import rank
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient


def _infer(input, *, delimiter, axis):
    rank("input", input, 1, 2)
    require(axis < input.ndim, "axis must be one of input", f"below {input.ndim}", axis)
    return TensorSpec((input.shape[axis],), "object")


STRING_JOIN = OpSchema(
    "StringJoin",
    doc="""strings[n] = the elements of row n of `input`, with the delimiter behind each of them, the last one too.

    The rows are those of `axis`; an element of a vector is a row. Floats have six digits, bools are 1 and 0, 8-bit
    integers are bytes. Differs from Caffe2: empty inputs are taken too.
    """,
    inputs=[Tensor("input", "one or two axes, any dtype")],
    outputs=[Tensor("strings", "one string per row")],
    args=[
        Arg("delimiter", bytes, default=b",", doc="what follows each element"),
        Arg("axis", int, default=0, doc="the axis that stays", minimum=0, maximum=1),
    ],
    infer=_infer,
    gradient=NoGradient.FORBIDDEN,
)


def _writer(dtype):
    """How Caffe2 writes an element of this dtype."""
    if dtype.kind == "O":
        return bytes
    if dtype.kind == "f":
        return lambda x: b"%g" % x
    if dtype.itemsize == 1 and dtype.kind in "iu":
        return lambda x: bytes([x % 256])
    return lambda x: b"%d" % x


@kernel(STRING_JOIN)
def string_join(xp, input, *, delimiter, axis):
    rows = input.reshape(-1, 1) if input.ndim == 1 else input if axis == 0 else input.T
    write = _writer(input.dtype)
    strings = xp.empty(rows.shape[0], "object")
    for n, row in enumerate(rows.tolist()):
        strings[n] = b"".join(write(x) + delimiter for x in row)
    return strings


@cases(STRING_JOIN)
def string_join_cases(rng):
    words = np.array([[b"a", b""], [b"bc", b"d"]], object)
    for X, args, expected in [
        (words, {}, [b"a,,", b"bc,d,"]),
        (words, {"axis": 1, "delimiter": b"--"}, [b"a--bc--", b"--d--"]),
        (words[1], {}, [b"bc,", b"d,"]),
        (words[1], {"delimiter": b""}, [b"bc", b"d"]),
        (np.array([[1, -22]]), {}, [b"1,-22,"]),
        (np.array([[True, False]]), {}, [b"1,0,"]),
        (np.array([65, 66], np.uint8), {}, [b"A,", b"B,"]),
        (np.array([[1.5, 2], [1 / 3, 1e20]]), {}, [b"1.5,2,", b"0.333333,1e+20,"]),
        (words[:0], {}, []),
    ]:
        yield Case({"input": X}, args, {"strings": np.array(expected, object)})
