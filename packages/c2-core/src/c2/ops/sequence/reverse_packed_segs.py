"""ReversePackedSegs: each sequence backwards, its padding left where it is."""

import numpy as np

from c2.ops.index.rows import require_inside
from c2.ops.results import stored
from c2.ops.rules import equal, rank
from c2.registry import INDEX, Case, OpSchema, Tensor, cases, gradient, kernel
from c2.registry.spec import PLAIN


def _infer(data, lengths):
    rank("data", data, 3)
    rank("lengths", lengths, 1)
    equal("lengths must have one element per sequence", data.shape[1], lengths.size)
    return data.with_shape(data.shape)


REVERSE_PACKED_SEGS = OpSchema(
    "ReversePackedSegs",
    doc="""reversed[t, n] = data[lengths[n] - 1 - t, n] where t < lengths[n], else data[t, n].

    No length may be above T. What a bidirectional recurrent network needs.
    """,
    inputs=[
        Tensor("data", "(T, N, D): sequences side by side", PLAIN),
        Tensor("lengths", "(N,): steps of each sequence", INDEX),
    ],
    outputs=[Tensor("reversed data", "shape and dtype of data")],
    infer=_infer,
    cost=lambda *specs: 0,
)


@kernel(REVERSE_PACKED_SEGS)
def reverse_packed_segs(xp, data, lengths, *, out=None):
    T, N = data.shape[:2]
    require_inside(lengths, T + 1, "lengths")
    step = xp.arange(T)[:, None]
    source = xp.where(step < lengths, lengths - 1 - step, step)
    return stored(xp, data[source, xp.arange(N)], out)


@gradient(REVERSE_PACKED_SEGS)
def reverse_packed_segs_gradient_maker(g):
    inputs = [g.GO("reversed data"), g.I("lengths")]
    return [g.op("ReversePackedSegs", inputs, [g.GI("data")])]


@cases(REVERSE_PACKED_SEGS)
def reverse_packed_segs_cases(rng):
    X = rng.uniform(-1, 1, (4, 3, 2))
    Y = X.copy()
    Y[:, 0], Y[:2, 1] = X[::-1, 0], X[1::-1, 1]
    for dtype in (np.int32, np.int64):
        inputs = {"data": X, "lengths": np.array([4, 2, 0], dtype)}
        yield Case(inputs, {}, {"reversed data": Y})
    empty = {"data": X[:, :0], "lengths": np.zeros(0, np.int32)}
    yield Case(empty, {}, {"reversed data": X[:, :0]})
