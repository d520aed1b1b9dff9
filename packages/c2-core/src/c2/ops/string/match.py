"""StringStartsWith, StringEndsWith and StringEquals: one bool per string."""

from functools import partial

import numpy as np

from c2.ops.results import stored
from c2.registry import STRING, Arg, Case, Operator, OpSchema, Tensor, same_as
from c2.registry.schema import NoGradient

WORDS = np.array([[b"apple", b"app"], [b"", b"pineapple"]], object)


def match(holds, xp, strings, *, out=None, **args):
    (sought,) = args.values()
    flat = [holds(bytes(s), sought) for s in strings.ravel().tolist()]
    return stored(xp, xp.asarray(flat, "bool").reshape(strings.shape), out)


def _cases(arg, expected, rng):
    for sought, wanted in expected.items():
        args = {arg: sought} if sought else {}
        yield Case({"strings": WORDS}, args, {"bools": np.array(wanted, bool).reshape(2, 2)})
    yield Case({"strings": WORDS[:0]}, {arg: b"a"}, {"bools": np.zeros((0, 2), bool)})


def _operator(type_, arg, formula, holds, expected):
    schema = OpSchema(
        type_,
        doc=f"{formula}\n\nBytes are compared, not letters.",
        inputs=[Tensor("strings", "any shape", STRING)],
        outputs=[Tensor("bools", "bool, shape of strings")],
        args=[Arg(arg, bytes, default=b"", doc="what each string is compared with")],
        infer=same_as("strings", dtype="bool"),
        gradient=NoGradient.FORBIDDEN,
    )
    return Operator(schema, partial(match, holds), cases=partial(_cases, arg, expected))


MATCHES = [
    _operator(
        "StringStartsWith", "prefix",
        "bools = whether each string begins with `prefix`; all do with an empty one.",
        bytes.startswith, {b"app": [1, 1, 0, 0], b"": [1, 1, 1, 1]},
    ),
    _operator(
        "StringEndsWith", "suffix",
        "bools = whether each string ends with `suffix`; all do with an empty one.",
        bytes.endswith, {b"apple": [1, 0, 0, 1], b"": [1, 1, 1, 1]},
    ),
    _operator(
        "StringEquals", "text", "bools = whether each string is `text`.",
        bytes.__eq__, {b"app": [0, 1, 0, 0], b"": [0, 0, 1, 0]},
    ),
]  # fmt: skip
