"""Print: shows a blob."""

import numpy as np

from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel, require
from c2.registry.schema import NoGradient

FEWEST = 1000  # elements shown where no limit is given


def _infer(tensor, *, to_file, limit, every_n):
    require(
        not to_file,
        "to_file is not supported",
        False,
        True,
        "Fetch the blob and write it where you want it.",
    )


PRINT = OpSchema(
    "Print",
    doc="""Writes the name, dtype, shape and first elements of a blob to the standard output.

    Differs from Caffe2: the wording; it writes no file (to_file is refused).
    """,
    inputs=[Tensor("tensor", "anything", blob=True)],
    args=[
        Arg(
            "to_file",
            bool,
            default=False,
            doc="in Caffe2: append to a file named after the blob; refused here",
        ),
        Arg("limit", int, default=0, doc="how many elements to show; 0: 1000", minimum=0),
        Arg("every_n", int, default=1, doc="show at the first of every n runs", minimum=1),
    ],
    infer=_infer,
    cost=lambda tensor, **args: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(PRINT)
class Print:
    def __init__(self, xp, tensor, *, to_file, limit, every_n, context):
        self.name = context.op.inputs[0] if context is not None else "tensor"
        self.limit, self.every_n, self.runs = limit or FEWEST, every_n, 0

    def __call__(self, tensor):
        shown, self.runs = self.runs % self.every_n == 0, self.runs + 1
        if shown:
            print(f"{self.name}: {describe(tensor, self.limit)}")


def describe(value, limit):
    """One line about a blob."""
    if not hasattr(value, "dtype"):
        return str(value)
    elements = value.reshape(-1)[:limit].tolist()
    rest = ", ..." if value.size > limit else ""
    return f"{value.dtype} {tuple(value.shape)} {', '.join(map(str, elements))}{rest}"


@cases(PRINT)
def print_cases(rng):
    for X in (np.arange(6.0).reshape(2, 3), np.array([b"a", b"b"], object), np.zeros(0)):
        yield Case({"tensor": X}, {"limit": 2})
