"""IsMemberOf: which elements are in a set."""

import numpy as np

from c2.ops.results import stored
from c2.registry import Arg, Case, NoGradient, OpSchema, Tensor, cases, kernel, same_as
from c2.registry.arguments import AnyField
from c2.registry.spec import BOOL, INT, STRING


def list_of_one_kind(n_inputs, n_outputs, args):
    """What is wrong with the members, which may be integers or strings."""
    value = args["value"]
    if isinstance(value, (int, float, bytes)) or any(isinstance(v, float) for v in value):
        return f"argument 'value' must be a list of integers or of strings, got {value!r}"
    return None


IS_MEMBER_OF = OpSchema(
    "IsMemberOf",
    doc="""Y = whether each element of X is one of `value`.

    Nothing is a member of an empty list. Strings are never among integers, and integers never among strings.

    Differs from Caffe2: `value` must be a list; where `dtype` is given and is not that of X, Caffe2 finds no members.
    """,
    inputs=[Tensor("X", "any shape", INT | BOOL | STRING)],
    outputs=[Tensor("Y", "bool, shape of X")],
    args=[
        AnyField("value", "ints or strings", default=(), doc="the members"),
        Arg("dtype", int, default=None, doc="TensorProto.DataType of the members; not read"),
    ],
    infer=same_as("X", dtype="bool"),
    check=list_of_one_kind,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(IS_MEMBER_OF)
class IsMemberOf:
    def __init__(self, xp, X, *, value, dtype):
        self.xp = xp
        self.members = [v for v in value if isinstance(v, bytes) == (X.dtype == object)]
        self.array = None if X.dtype == object else xp.asarray(self.members).astype(X.dtype)

    def __call__(self, X, out=None):
        if self.array is None:
            members = set(self.members)
            found = np.array([x in members for x in X.reshape(-1)], bool).reshape(X.shape)
        else:
            found = self.xp.isin(X, self.array)
        return stored(self.xp, found, out)


@cases(IS_MEMBER_OF)
def is_member_of_cases(rng):
    for X in (
        rng.integers(0, 5, (3, 4)),
        rng.integers(0, 5, (3,), np.int32),
        np.array(3),
        np.zeros(0, int),
    ):
        for value in ((1, 3), (0,), ()):
            expected = sum((v == X for v in value), np.zeros(X.shape, bool)) > 0
            yield Case({"X": X}, {"value": list(value)}, expect={"Y": expected})
    strings = np.array([b"a", b"bc", b""], object)
    yield Case({"X": strings}, {"value": ["bc", "d"]}, expect={"Y": np.array([False, True, False])})
    yield Case({"X": strings}, {"value": [1]}, expect={"Y": np.zeros(3, bool)})
    bools = np.array([True, False])
    yield Case({"X": bools}, {"value": [True]}, expect={"Y": bools})
    yield Case({"X": bools}, {"value": [1], "dtype": 5}, expect={"Y": bools})
