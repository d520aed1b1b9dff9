"""StringPrefix and StringSuffix: the first or last bytes of each string."""

from functools import partial

import numpy as np

from c2.ops.results import stored
from c2.ops.string.match import WORDS
from c2.registry import STRING, Arg, Case, Operator, OpSchema, Tensor, same_as
from c2.registry.schema import NoGradient

LENGTH = Arg("length", int, default=3, doc="bytes to keep, at most", minimum=0)


def _first(string, length):
    return string[:length]


def _last(string, length):
    return string[max(len(string) - length, 0) :]


def cut(part, xp, strings, *, length, out=None):
    out = stored(xp, strings, out)
    for place, string in enumerate(strings.ravel().tolist()):
        out.flat[place] = part(bytes(string), length)
    return out


def _cases(output, expected, rng):
    for length, wanted in expected.items():
        args = {} if length == 3 else {"length": length}
        yield Case({"strings": WORDS}, args, {output: np.array(wanted, object).reshape(2, 2)})
    yield Case({"strings": WORDS[:0]}, {}, {output: WORDS[:0]})
    yield Case({"strings": np.array(b"ab", object)}, {}, {output: np.array(b"ab", object)})


def _operator(type_, output, which, part, expected):
    schema = OpSchema(
        type_,
        doc=f"""{output} = the {which} `length` bytes of each string; the whole of a shorter one.

        Letters of several bytes may be cut apart.
        """,
        inputs=[Tensor("strings", "any shape", STRING)],
        outputs=[Tensor(output, "shape of strings")],
        args=[LENGTH],
        infer=same_as("strings"),
        gradient=NoGradient.FORBIDDEN,
    )
    return Operator(schema, partial(cut, part), cases=partial(_cases, output, expected))


CUTS = [
    _operator(
        "StringPrefix", "prefixes", "first", _first,
        {3: [b"app", b"app", b"", b"pin"], 0: [b""] * 4, 4: [b"appl", b"app", b"", b"pine"]},
    ),
    _operator(
        "StringSuffix", "suffixes", "last", _last,
        {3: [b"ple", b"app", b"", b"ple"], 0: [b""] * 4, 4: [b"pple", b"app", b"", b"pple"]},
    ),
]  # fmt: skip
