"""Gather, BatchGather and BatchGatherGradient: slices of a tensor picked by index along an axis."""

import numpy as np

from c2.ops.index.rows import add_at, require_inside
from c2.ops.rules import canonical_axis, equal, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

MATCH_OUTER = Arg(
    "match_outer", bool, default=False,
    doc="axes of INDICES before `axis` are those of DATA, and each outer place has indices of its own",
)  # fmt: skip
INDICES = Tensor("INDICES", "any shape", INDEX)


def _infer_at(DATA, INDICES, axis, match_outer):
    axis = canonical_axis("axis", axis, DATA.ndim)
    inner = INDICES.shape
    if match_outer:
        require(axis >= 1, "match_outer needs an axis behind the first", "1 or more", axis)
        equal("INDICES must have the axes of DATA before `axis`", DATA.shape[:axis], inner[:axis])
        inner = inner[axis:]
    return TensorSpec((*DATA.shape[:axis], *inner, *DATA.shape[axis + 1 :]), DATA.dtype)


def _infer(DATA, INDICES, *, axis, match_outer, dense_gradient):
    return _infer_at(DATA, INDICES, axis, match_outer)


GATHER = OpSchema(
    "Gather",
    doc="""OUTPUT[..., i, ...] = DATA[..., INDICES[i], ...] along `axis`; the axes of INDICES take the place of it.

    With axis=0 a negative index counts from the end; an index outside of the axis is an error. The gradient of DATA is
    sparse for axis 0, unless dense_gradient is given. Differs from Caffe2: an empty DATA with indices is an error too.
    """,
    inputs=[Tensor("DATA", "one axis or more, any dtype"), INDICES],
    outputs=[Tensor("OUTPUT", "DATA with the axes of INDICES in place of `axis`")],
    args=[
        Arg(
            "axis",
            int,
            default=0,
            doc="the axis of DATA that is indexed; negative ones count from the end",
        ),
        MATCH_OUTER,
        Arg(
            "dense_gradient", bool, default=False, doc="give DATA a dense gradient, also for axis 0"
        ),
    ],
    infer=_infer,
    cost=lambda *specs, **args: 0,
)

BATCH_GATHER = OpSchema(
    "BatchGather",
    doc="""OUTPUT[b, i, ...] = DATA[b, INDICES[i], ...]: Gather along axis 1.

    An index outside of the axis is an error, a negative one too.
    """,
    inputs=[Tensor("DATA", "two axes or more, any dtype"), INDICES],
    outputs=[Tensor("OUTPUT", "DATA with the axes of INDICES in place of axis 1")],
    args=[MATCH_OUTER],
    infer=lambda DATA, INDICES, *, match_outer: _infer_at(DATA, INDICES, 1, match_outer),
    cost=lambda *specs, **args: 0,
)


def _infer_gradient(DATA, INDICES, dOUTPUT, *, axis, match_outer):
    same_dtype(DATA=DATA, dOUTPUT=dOUTPUT)
    expected = _infer_at(DATA, INDICES, axis, match_outer)
    equal("dOUTPUT must have the shape that Gather gives", expected.shape, dOUTPUT.shape)
    return DATA.with_shape(DATA.shape)


BATCH_GATHER_GRADIENT = OpSchema(
    "BatchGatherGradient",
    doc="dDATA = 0, and dDATA[..., INDICES[i], ...] += dOUTPUT[..., i, ...] along `axis`.",
    inputs=[
        Tensor("DATA", "input of Gather or BatchGather", FLOAT),
        INDICES,
        Tensor("dOUTPUT", "shape of the output", FLOAT),
    ],
    outputs=[Tensor("dDATA", "shape and dtype of DATA")],
    args=[Arg("axis", int, default=1, doc="the axis of DATA that was indexed"), MATCH_OUTER],
    infer=_infer_gradient,
    cost=lambda DATA, INDICES, dOUTPUT, **args: dOUTPUT.size,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


def _gather(take, xp, DATA, INDICES, axis, match_outer, out):
    size = DATA.shape[axis]
    require_inside(INDICES, size, "INDICES", lowest=0 if axis else -size)
    axis %= DATA.ndim
    if not match_outer:
        return take(DATA, INDICES, axis=axis, out=out)
    flat = _own_rows(xp, DATA, INDICES, axis).reshape(INDICES.shape)
    return take(DATA.reshape(_rows_shape(DATA.shape, axis)), flat, axis=0, out=out)


def _own_rows(xp, DATA, INDICES, axis):
    """Indices into the rows of DATA with its outer axes joined, where each outer place has its own."""
    outer = 1
    for size in DATA.shape[:axis]:
        outer *= size
    n = DATA.shape[axis]
    inside = INDICES.reshape(outer, -1 if INDICES.size else 0) % max(n, 1)
    return inside + xp.arange(outer, dtype="int64")[:, None] * n


def _unbuffered(DATA, INDICES, axis, out):
    """np.take for indices that were checked: told not to check them, it writes to `out` without a copy."""
    return np.take(DATA, INDICES, axis=axis, out=out, mode="wrap")


@kernel(GATHER)
def gather(xp, DATA, INDICES, *, axis, match_outer, dense_gradient, out=None):
    return _gather(xp.take, xp, DATA, INDICES, axis, match_outer, out)


@kernel(GATHER, device="CPU")
def gather_on_cpu(xp, DATA, INDICES, *, axis, match_outer, dense_gradient, out=None):
    return _gather(_unbuffered, xp, DATA, INDICES, axis, match_outer, out)


@kernel(BATCH_GATHER)
def batch_gather(xp, DATA, INDICES, *, match_outer, out=None):
    return _gather(xp.take, xp, DATA, INDICES, 1, match_outer, out)


@kernel(BATCH_GATHER, device="CPU")
def batch_gather_on_cpu(xp, DATA, INDICES, *, match_outer, out=None):
    return _gather(_unbuffered, xp, DATA, INDICES, 1, match_outer, out)


@kernel(BATCH_GATHER_GRADIENT)
def batch_gather_gradient(xp, DATA, INDICES, dOUTPUT, *, axis, match_outer, out=None):
    axis %= DATA.ndim
    require_inside(INDICES, DATA.shape[axis], "INDICES")
    dDATA = xp.empty(DATA.shape, DATA.dtype) if out is None else out
    dDATA[...] = DATA.dtype.type(0)
    if not match_outer:
        outer = DATA.shape[:axis]
        INDICES = xp.broadcast_to(INDICES.reshape(-1), (*outer, INDICES.size))
    rows = _own_rows(xp, DATA, INDICES, axis)
    add_at(xp, dDATA.reshape(_rows_shape(DATA.shape, axis)), rows.reshape(-1), dOUTPUT)
    return dDATA


def _rows_shape(shape, axis):
    """The shape with its axes up to `axis` joined; written out, as -1 means nothing for empty ones."""
    n = 1
    for size in shape[: axis + 1]:
        n *= size
    return (n, *shape[axis + 1 :])


@gradient(GATHER)
def gather_gradient_maker(g):
    axis = g.args["axis"]
    if axis != 0:
        inputs = [g.I("DATA"), g.I("INDICES"), g.GO("OUTPUT")]
        return [g.op("BatchGatherGradient", inputs, [g.GI("DATA")], axis=axis)]
    if g.args["dense_gradient"]:
        inputs = [g.I("INDICES"), g.GO("OUTPUT"), g.I("DATA")]
        return [g.op("SparseToDense", inputs, [g.GI("DATA")])]
    g.set_sparse("DATA", g.I("INDICES"), g.GO("OUTPUT"))
    return []


@gradient(BATCH_GATHER)
def batch_gather_gradient_maker(g):
    inputs = [g.I("DATA"), g.I("INDICES"), g.GO("OUTPUT")]
    return [g.op("BatchGatherGradient", inputs, [g.GI("DATA")])]


def _picked(X, indices, axis):
    """np.stack of slices, one by one."""
    slices = [X.take(int(i), axis) for i in np.ravel(indices)]
    joined = (
        np.stack(slices, axis) if slices else np.zeros((*X.shape[:axis], 0, *X.shape[axis + 1 :]))
    )
    return joined.reshape(*X.shape[:axis], *np.shape(indices), *X.shape[axis + 1 :])


_MATCHED = np.array([[2, 0], [1, 1]])


def _matched(X):
    return np.stack([X[b, _MATCHED[b]] for b in range(2)])


@cases(GATHER)
def gather_cases(rng):
    X = rng.uniform(-1, 1, (3, 2, 4))
    for axis in (0, 1, 2, -1):
        for indices in ([0, 1, 1], [[1, 0], [0, 0]], 1, []):
            picked = np.array(indices, np.int32 if axis else np.int64)
            expected = _picked(X, picked, axis % 3)
            yield Case({"DATA": X, "INDICES": picked}, {"axis": axis}, {"OUTPUT": expected})
    last = np.array([-1, 2, -3])
    yield Case({"DATA": X, "INDICES": last}, {}, {"OUTPUT": X[[2, 2, 0]]}, id="negative")
    words = np.array([b"a", b"b"], object)
    yield Case({"DATA": words, "INDICES": np.array([1])}, {}, {"OUTPUT": words[1:]}, id="strings")
    X = rng.uniform(-1, 1, (2, 3, 4))
    args = {"axis": 1, "match_outer": True}
    yield Case({"DATA": X, "INDICES": _MATCHED}, args, {"OUTPUT": _matched(X)}, id="outer")
    table, index = rng.uniform(-1, 1, (4, 3)), np.array([2, 0])
    expect = {"OUTPUT": np.stack([table[2], table[0]])}
    yield Case({"DATA": table, "INDICES": index}, {"dense_gradient": True}, expect, id="dense")


@cases(BATCH_GATHER)
def batch_gather_cases(rng):
    X = rng.uniform(-1, 1, (2, 3, 4))
    for indices in ([0, 2], [[1, 0], [0, 0]], 1):
        picked = np.array(indices, np.int32)
        yield Case({"DATA": X, "INDICES": picked}, {}, {"OUTPUT": _picked(X, picked, 1)})
    yield Case(
        {"DATA": X, "INDICES": _MATCHED}, {"match_outer": True}, {"OUTPUT": _matched(X)}, id="outer"
    )


@cases(BATCH_GATHER_GRADIENT)
def batch_gather_gradient_cases(rng):
    X = np.zeros((2, 3, 4))
    for axis in (0, 1, -1):
        indices = np.array([1, 0, 1])
        pick = np.eye(X.shape[axis])[indices]
        dY = rng.uniform(-1, 1, _picked(X, indices, axis % 3).shape)
        dX = np.moveaxis(np.tensordot(pick, np.moveaxis(dY, axis, 0), (0, 0)), 0, axis)
        yield Case({"DATA": X, "INDICES": indices, "dOUTPUT": dY}, {"axis": axis}, {"dDATA": dX})
    dY = rng.uniform(-1, 1, (2, 2, 4))
    dX = np.stack([np.eye(3)[_MATCHED[b]].T @ dY[b] for b in range(2)])
    inputs = {"DATA": X, "INDICES": _MATCHED, "dOUTPUT": dY}
    yield Case(inputs, {"match_outer": True}, {"dDATA": dX}, id="outer")
