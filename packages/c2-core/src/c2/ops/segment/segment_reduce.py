"""SortedSegment{Sum,Mean} and UnsortedSegment{Sum,Mean}, and their gradients."""

from functools import partial

import numpy as np

from c2.ops.index.rows import require_inside
from c2.ops.results import stored
from c2.ops.rules import equal, rank
from c2.ops.segment.reduction import DATA, SEGMENT_IDS, counts, segment_sum
from c2.registry import Arg, Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

NUM_SEGMENTS = Arg("num_segments", int, default=-1, doc="N; -1: as many as the largest id asks for")


def _infer(DATA, SEGMENT_IDS, *, num_segments=-1):
    require(DATA.ndim >= 1, "DATA must have one axis or more", "1 or more axes", DATA.shape)
    rank("SEGMENT_IDS", SEGMENT_IDS, 1)
    equal("SEGMENT_IDS must have one element per row of DATA", DATA.shape[0], SEGMENT_IDS.size)
    return TensorSpec(None if num_segments < 0 else (num_segments, *DATA.shape[1:]), DATA.dtype)


def require_sorted(ids):
    """Ids that rise by 0 or 1 from 0 on."""
    if ids.size:
        require(int(ids[0]) == 0, "the first of SEGMENT_IDS must be 0", 0, int(ids[0]))
        steps = ids[1:] - ids[:-1]
        fits = bool(((steps == 0) | (steps == 1)).all())
        require(
            fits,
            "SEGMENT_IDS must rise without gaps",
            "steps of 0 or 1",
            "others",
            "Use UnsortedSegment*.",
        )


def largest(ids):
    return int(ids.max()) + 1 if ids.size else 0


def sorted_sum(mean, xp, DATA, SEGMENT_IDS, *, out=None):
    require_sorted(SEGMENT_IDS)
    return _reduced(mean, xp, DATA, SEGMENT_IDS, largest(SEGMENT_IDS), out)


def unsorted_sum(mean, xp, DATA, SEGMENT_IDS, *, num_segments, out=None):
    n = largest(SEGMENT_IDS) if num_segments < 0 else num_segments
    require_inside(SEGMENT_IDS, n, "SEGMENT_IDS")
    return _reduced(mean, xp, DATA, SEGMENT_IDS, n, out)


def _reduced(mean, xp, DATA, ids, n, out):
    total = segment_sum(xp, DATA, ids, n, out)
    return xp.divide(total, counts(xp, ids, n, DATA), out=total) if mean else total


def _maker(g):
    inputs = [g.GO("OUTPUT"), g.I("SEGMENT_IDS")]
    return [g.op(f"{g.op_def.type}Gradient", inputs, [g.GI("DATA")])]


def _cases(in_order, mean, rng):
    for shape, ids in [
        ((4, 2), [0, 0, 1, 2]),
        ((3,), [0, 1, 1]),
        ((2, 1, 2), [0, 0]),
        ((0, 2), []),
    ]:
        X = rng.uniform(-1, 1, shape)
        yield _case(X, ids, mean, max(ids, default=-1) + 1, {})
    if in_order:
        return
    X = rng.uniform(-1, 1, (5, 2))
    for ids in ([3, 0, 3, 3, 1], [2, 2, 2, 2, 2]):
        yield _case(X, ids, mean, max(ids) + 1, {})
        yield _case(X, ids, mean, 6, {"num_segments": 6})


def _case(X, ids, mean, n, args):
    picked = np.array(ids, np.int32)
    belongs = np.array([[float(i == s) for i in ids] for s in range(n)]).reshape(n, len(ids))
    if mean:
        belongs /= np.maximum(belongs.sum(1, keepdims=True), 1)
    expected = np.tensordot(belongs, X, (1, 0))
    grad = None if X.size else ()
    return Case({"DATA": X, "SEGMENT_IDS": picked}, args, {"OUTPUT": expected}, grad=grad)


# -- gradients


def _infer_gradient(dOUTPUT, SEGMENT_IDS):
    rank("SEGMENT_IDS", SEGMENT_IDS, 1)
    require(
        dOUTPUT.ndim >= 1, "dOUTPUT must have one axis or more", "1 or more axes", dOUTPUT.shape
    )
    return TensorSpec((SEGMENT_IDS.size, *dOUTPUT.shape[1:]), dOUTPUT.dtype)


def _gradient(in_order, mean, xp, dOUTPUT, SEGMENT_IDS, *, out=None):
    n = dOUTPUT.shape[0]
    require_inside(SEGMENT_IDS, n, "SEGMENT_IDS")
    if in_order:
        require_sorted(SEGMENT_IDS)
        equal("dOUTPUT must have one row per segment", largest(SEGMENT_IDS), n)
    share = dOUTPUT / counts(xp, SEGMENT_IDS, n, dOUTPUT) if mean else dOUTPUT
    return stored(xp, share[SEGMENT_IDS], out)


def _gradient_cases(in_order, mean, rng):
    for shape, ids in [((3, 2), [0, 0, 1, 2]), ((2,), [0, 1, 1]), ((0, 2), [])]:
        yield _gradient_case(rng.uniform(-1, 1, shape), ids, mean)
    if not in_order:
        yield _gradient_case(rng.uniform(-1, 1, (4, 2)), [3, 0, 3, 3], mean)


def _gradient_case(dY, ids, mean):
    rows = [dY[i] / (ids.count(i) if mean else 1) for i in ids]
    inputs = {"dOUTPUT": dY, "SEGMENT_IDS": np.array(ids, np.int32)}
    return Case(inputs, {}, {"dDATA": np.array(rows).reshape(len(ids), *dY.shape[1:])})


def _pair(in_order, mean):
    type_ = f"{'Sorted' if in_order else 'Unsorted'}Segment{'Mean' if mean else 'Sum'}"
    what = "mean" if mean else "sum"
    order = (
        "SEGMENT_IDS begin at 0 and rise by 0 or 1" if in_order else "SEGMENT_IDS come in any order"
    )
    forward = OpSchema(
        type_,
        doc=f"""OUTPUT[n] = the {what} of the rows k with SEGMENT_IDS[k] = n.

        {order}. {"" if in_order else "A segment without rows gives 0. "}Differs from Caffe2: float16 and float64 are
        taken too.
        """,
        inputs=[DATA, SEGMENT_IDS],
        outputs=[
            Tensor(
                "OUTPUT",
                "(N, ...), where N - 1 is the largest id"
                + ("" if in_order else ", or num_segments"),
            )
        ],
        args=[] if in_order else [NUM_SEGMENTS],
        infer=_infer,
        cost=lambda DATA, SEGMENT_IDS, **args: DATA.size,
    )
    backward = OpSchema(
        f"{type_}Gradient",
        doc=f"dDATA[k] = dOUTPUT[n]{' / (rows of segment n)' if mean else ''} with n = SEGMENT_IDS[k].",
        inputs=[Tensor("dOUTPUT", "(N, ...)", FLOAT), SEGMENT_IDS],
        outputs=[Tensor("dDATA", "(K, ...)")],
        infer=_infer_gradient,
        gradient=NoGradient.NOT_IMPLEMENTED,
    )
    kernel = partial(sorted_sum if in_order else unsorted_sum, mean)
    return [
        Operator(forward, kernel, _maker, partial(_cases, in_order, mean)),
        Operator(
            backward,
            partial(_gradient, in_order, mean),
            cases=partial(_gradient_cases, in_order, mean),
        ),
    ]


SEGMENT_REDUCTIONS = [
    *_pair(True, False),
    *_pair(True, True),
    *_pair(False, False),
    *_pair(False, True),
]
