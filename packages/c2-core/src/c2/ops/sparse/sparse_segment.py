"""Sparse{Sorted,Unsorted}Segment{Sum,Mean,WeightedSum}: sums over ids of rows that indices pick."""

from functools import partial

import numpy as np

from c2.ops.index.rows import empty_rows, require_inside
from c2.ops.rules import equal, rank
from c2.ops.segment.add_up import add_up_at, as_columns
from c2.ops.segment.reduction import SEGMENT_IDS, counts
from c2.ops.segment.segment_reduce import NUM_SEGMENTS, largest, require_sorted
from c2.ops.segment.weighted_sum import (
    GRAD_ON_WEIGHTS,
    require_no_gradient_of_weights,
    weighted_sums,
)
from c2.ops.sparse.lookup import INDICES, require_weights
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.spec import FLOAT

DATA = Tensor("DATA", "(R, ...): the table", FLOAT)
SCALARS = Tensor("SCALARS", "(K,): the weight of each place", FLOAT)


def _infer(DATA, INDICES, SEGMENT_IDS, *, num_segments=-1):
    require(DATA.ndim >= 1, "DATA must have one axis or more", "1 or more axes", DATA.shape)
    rank("INDICES", INDICES, 1)
    rank("SEGMENT_IDS", SEGMENT_IDS, 1)
    equal("SEGMENT_IDS must have one element per index", INDICES.size, SEGMENT_IDS.size)
    return TensorSpec(None if num_segments < 0 else (num_segments, *DATA.shape[1:]), DATA.dtype)


def _infer_weighted(DATA, SCALARS, INDICES, SEGMENT_IDS, *, grad_on_weights, num_segments=-1):
    require_weights("SCALARS", SCALARS, INDICES, DATA.dtype)
    return _infer(DATA, INDICES, SEGMENT_IDS, num_segments=num_segments)


def _segments(in_order, ids, num_segments):
    """How many there are."""
    if in_order:
        require_sorted(ids)
        return largest(ids)
    n = largest(ids) if num_segments < 0 else num_segments
    require_inside(ids, n, "SEGMENT_IDS")
    return n


def _sums(in_order, mean, xp, DATA, INDICES, ids, num_segments, out, weights=None):
    n = _segments(in_order, ids, num_segments)
    require_inside(INDICES, DATA.shape[0], "INDICES")
    if out is None:
        out = empty_rows(xp, n, DATA)

    def rows(places):
        picked = xp.take(DATA, INDICES[places], axis=0)
        if weights is not None:
            picked *= as_columns(weights[places], picked)
        return picked

    add_up_at(xp, ids, n, rows, out)
    if mean:
        out /= counts(xp, ids, n, DATA)
    return out


def _reduce(in_order, mean, xp, DATA, INDICES, SEGMENT_IDS, *, num_segments=-1, out=None):
    return _sums(in_order, mean, xp, DATA, INDICES, SEGMENT_IDS, num_segments, out)


def _reduce_weighted(
    in_order, xp, DATA, SCALARS, INDICES, SEGMENT_IDS, *,
    grad_on_weights, num_segments=-1, out=None,
):  # fmt: skip
    return _sums(in_order, False, xp, DATA, INDICES, SEGMENT_IDS, num_segments, out, SCALARS)


def _maker(g):
    """The gradient of the dense operator gives the values; the indices are those of the lookup."""
    values = f"{g.shape_of('DATA')}_grad_values"
    weights = []
    if "grad_on_weights" in g.args:
        require_no_gradient_of_weights(g)
        weights = [g.I("SCALARS")]
    g.set_sparse("DATA", g.I("INDICES"), values)
    type_ = f"{g.op_def.type.removeprefix('Sparse')}Gradient"
    return [g.op(type_, [*weights, g.GO("OUTPUT"), g.I("SEGMENT_IDS")], [values])]


def _cases(in_order, what, rng):
    ids = [0, 0, 1, 2, 2] if in_order else [3, 0, 3, 1, 3]
    picked = [3, 0, 1, 1, 3]
    for shape in ((4, 2), (4,)):
        X, W = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, 5)
        inputs = {"DATA": X, "SCALARS": W, "INDICES": np.array(picked)}
        inputs["SEGMENT_IDS"] = np.array(ids, np.int32)
        if what != "WeightedSum":
            del inputs["SCALARS"]
            W = [1 / ids.count(i) if what == "Mean" else 1.0 for i in ids]
        sums = partial(weighted_sums, X[picked], W, ids)
        yield Case(inputs, {}, {"OUTPUT": sums(max(ids) + 1)})
        if not in_order:
            yield Case(inputs, {"num_segments": 6}, {"OUTPUT": sums(6)})
    empty = {"DATA": X, "INDICES": np.zeros(0, np.int32), "SEGMENT_IDS": np.zeros(0, np.int32)}
    if what != "WeightedSum":
        yield Case(empty, {}, {"OUTPUT": X[:0]}, grad=())


def _operator(in_order, what):
    weighted = what == "WeightedSum"
    formula = (
        "sum(SCALARS[k] * DATA[INDICES[k]])" if weighted else f"{what.lower()}(DATA[INDICES[k]])"
    )
    order = "begin at 0 and rise by 0 or 1" if in_order else "come in any order"
    last = "the largest id" + ("" if in_order else ", or num_segments - 1")
    schema = OpSchema(
        f"Sparse{'Sorted' if in_order else 'Unsorted'}Segment{what}",
        doc=f"""OUTPUT[n] = {formula} over the places k with SEGMENT_IDS[k] = n.

        SEGMENT_IDS {order}{"" if in_order else "; a segment without places gives 0"}. Every index must be one of a row.
        Differs from Caffe2: float16 and float64 are taken too.
        """,
        inputs=[DATA, *[SCALARS][:weighted], INDICES, SEGMENT_IDS],
        outputs=[Tensor("OUTPUT", f"(N, ...), where N - 1 is {last}")],
        args=[*[NUM_SEGMENTS][: not in_order], *[GRAD_ON_WEIGHTS][:weighted]],
        infer=_infer_weighted if weighted else _infer,
        cost=lambda *specs, **args: 2 * specs[-1].size * (specs[0].size // max(specs[0].shape[0], 1)),
    )  # fmt: skip
    kernel = (
        partial(_reduce_weighted, in_order)
        if weighted
        else partial(_reduce, in_order, what == "Mean")
    )
    return Operator(schema, kernel, _maker, partial(_cases, in_order, what))


SPARSE_SEGMENTS = [
    _operator(in_order, what)
    for in_order in (True, False)
    for what in ("Sum", "Mean", "WeightedSum")
]
