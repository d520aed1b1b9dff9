"""AddPadding, RemovePadding and GatherPadding: rows around each sequence."""

import numpy as np

from c2.errors import GradientError
from c2.ops.index.rows import segment_places
from c2.ops.results import stored
from c2.ops.rules import equal, rank
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import PLAIN

DATA = Tensor("data_in", "(K, ...): the sequences one after the other", PLAIN)
LENGTHS = Tensor(
    "lengths", "(N,): rows of each sequence; left out: one of K rows", frozenset({"int32"}), True
)
LENGTHS_OUT = Tensor("lengths_out", "int32 (N,): rows of each sequence of data_out", optional=True)
WIDTHS = [
    Arg("padding_width", int, default=1, doc="rows of padding before each sequence", minimum=0),
    Arg(
        "end_padding_width", int, default=-1, minimum=-1,
        doc="rows of padding behind each sequence; -1: as many as before",
    ),
]  # fmt: skip


def _widths(padding_width, end_padding_width):
    return padding_width, padding_width if end_padding_width < 0 else end_padding_width


def _infer(sign, data_in, lengths, widths):
    """Specs of data and lengths, longer (sign 1) or shorter (-1) by the padding."""
    require(data_in.ndim >= 1, "data_in must have one axis or more", "(K, ...)", data_in.shape)
    if lengths is not None:
        rank("lengths", lengths, 1)
    N = 1 if lengths is None else lengths.size
    rows = data_in.shape[0] + sign * N * sum(_widths(**widths))
    require(rows >= 0, "data_in must have the rows of padding", "0 or more rows without it", rows)
    return TensorSpec((rows, *data_in.shape[1:]), data_in.dtype), TensorSpec((N,), "int32")


def _infer_add(data_in, lengths=None, start_padding=None, end_padding=None, **widths):
    for name, padding in (("start_padding", start_padding), ("end_padding", end_padding)):
        if padding is not None:
            row = data_in.with_shape(data_in.shape[1:])
            equal(f"{name} must be as large as a row of data_in", row.size, padding.size)
            equal(f"{name} must have the dtype of data_in", row.dtype, padding.dtype)
    return _infer(1, data_in, lengths, widths)


ADD_PADDING = OpSchema(
    "AddPadding",
    doc="""data_out = each sequence with padding_width rows before it and end_padding_width rows behind it.

    The rows are start_padding and end_padding; the former serves for both where the latter is left out, and 0 where
    both are. lengths must add up to K. Differs from Caffe2: every number is taken.
    """,
    inputs=[
        DATA,
        LENGTHS,
        Tensor("start_padding", "(...): the row before", PLAIN, optional=True),
        Tensor("end_padding", "(...): the row behind", PLAIN, optional=True),
    ],
    outputs=[Tensor("data_out", "(K + N * rows of padding, ...)"), LENGTHS_OUT],
    args=WIDTHS,
    infer=_infer_add,
    cost=lambda *specs, **args: 0,
)

REMOVE_PADDING = OpSchema(
    "RemovePadding",
    doc="""data_out = each sequence without its first padding_width and last end_padding_width rows.

    lengths must add up to K, and no sequence may be shorter than its padding.
    """,
    inputs=[DATA, LENGTHS],
    outputs=[Tensor("data_out", "(K - N * rows of padding, ...)"), LENGTHS_OUT],
    args=WIDTHS,
    infer=lambda data_in, lengths=None, **widths: _infer(-1, data_in, lengths, widths),
    cost=lambda *specs, **args: 0,
)


def _infer_gather(data_in, lengths, **widths):
    require(data_in.ndim >= 1, "data_in must have one axis or more", "(K, ...)", data_in.shape)
    rank("lengths", lengths, 1)
    return (data_in.with_shape(data_in.shape[1:]),) * 2


GATHER_PADDING = OpSchema(
    "GatherPadding",
    doc="""padding_sum = the sum of all rows before sequences, end_padding_sum of all rows behind them.

    With one output it is the sum of both. What AddPadding needs to differentiate. lengths must add up to K. Differs
    from Caffe2: widths of 0 give zeros.
    """,
    inputs=[DATA, Tensor("lengths", "(N,): rows of each sequence, with its padding", LENGTHS.dtypes)],
    outputs=[Tensor("padding_sum", "(...)"), Tensor("end_padding_sum", "(...)", optional=True)],
    args=WIDTHS,
    infer=_infer_gather,
    gradient=NoGradient.FORBIDDEN,
)  # fmt: skip


def _checked_lengths(xp, data_in, lengths, shortest):
    """The lengths, one for all rows if there are none."""
    if lengths is None:
        return xp.full(1, data_in.shape[0], "int32")
    equal("lengths must add up to the rows of data_in", data_in.shape[0], int(lengths.sum()))
    if lengths.size:
        low = int(lengths.min())
        require(low >= shortest, "a sequence is too short", f"{shortest} rows or more", low)
    return lengths


def _outs(out):
    return out if isinstance(out, tuple) else (out, None)


@kernel(ADD_PADDING)
def add_padding(
    xp, data_in, lengths=None, start_padding=None, end_padding=None, *,
    padding_width, end_padding_width, n_outputs, out=None,
):  # fmt: skip
    before, behind = _widths(padding_width, end_padding_width)
    outs = _outs(out)
    lengths = _checked_lengths(xp, data_in, lengths, 0)
    K, row = data_in.shape[0], data_in.shape[1:]
    padded = outs[0]
    if padded is None:
        padded = xp.empty((K + lengths.size * (before + behind), *row), data_in.dtype)
    padded[...] = data_in.dtype.type(0) if start_padding is None else start_padding.reshape(row)
    segment, place = segment_places(xp, lengths, K)
    starts = xp.cumsum(lengths + (before + behind)) - lengths - behind
    if end_padding is not None and behind:
        ends = (starts + lengths)[:, None] + xp.arange(behind)
        padded[ends.reshape(-1)] = end_padding.reshape(row)
    padded[starts[segment] + place] = data_in
    if n_outputs == 1:
        return padded
    return padded, stored(xp, lengths + (before + behind), outs[1], dtype="int32")


@kernel(REMOVE_PADDING)
def remove_padding(
    xp, data_in, lengths=None, *, padding_width, end_padding_width, n_outputs, out=None
):
    before, behind = _widths(padding_width, end_padding_width)
    outs = _outs(out)
    lengths = _checked_lengths(xp, data_in, lengths, before + behind)
    segment, place = segment_places(xp, lengths, data_in.shape[0])
    inside = (place >= before) & (place < lengths[segment] - behind)
    kept = stored(xp, data_in[inside], outs[0])
    if n_outputs == 1:
        return kept
    return kept, stored(xp, lengths - (before + behind), outs[1], dtype="int32")


@kernel(GATHER_PADDING)
def gather_padding(xp, data_in, lengths, *, padding_width, end_padding_width, n_outputs, out=None):
    before, behind = _widths(padding_width, end_padding_width)
    outs = _outs(out)
    lengths = _checked_lengths(xp, data_in, lengths, max(before, behind))
    ends = xp.cumsum(lengths)
    starts = (ends - lengths)[:, None] + xp.arange(before)
    behinds = ends[:, None] - 1 - xp.arange(behind)
    if n_outputs == 1:
        both = xp.concatenate([starts.reshape(-1), behinds.reshape(-1)])
        return _row_sum(xp, data_in, both, outs[0])
    return (
        _row_sum(xp, data_in, starts.reshape(-1), outs[0]),
        _row_sum(xp, data_in, behinds.reshape(-1), outs[1]),
    )


def _row_sum(xp, data, rows, out):
    return stored(xp, data[rows].sum(axis=0, dtype=data.dtype), out)


def _with_lengths(g):
    """The gradient of data_out, and the lengths where there are some."""
    if g.n_inputs == 1:
        return [g.GO("data_out")]
    if g.n_outputs < 2:
        raise GradientError(
            f"{g.op_def.type} {g.op_def.name!r}: its gradient needs the output lengths_out. Ask for it"
        )
    return [g.GO("data_out"), g.O("lengths_out")]


@gradient(ADD_PADDING)
def add_padding_gradient_maker(g):
    inputs = _with_lengths(g)
    ops = [g.op("RemovePadding", inputs, [g.GI("data_in")])]
    if g.n_inputs >= 3:
        paddings = ("start_padding", "end_padding")[: g.n_inputs - 2]
        ops.append(g.op("GatherPadding", inputs, [g.GI(name) for name in paddings]))
    return ops


@gradient(REMOVE_PADDING)
def remove_padding_gradient_maker(g):
    return [g.op("AddPadding", _with_lengths(g), [g.GI("data_in")])]


_WIDTHS = [
    {},
    {"padding_width": 2, "end_padding_width": 0},
    {"padding_width": 0, "end_padding_width": 2},
]


def _parts(X, lengths):
    return np.split(X, np.cumsum(lengths)[:-1])


@cases(ADD_PADDING)
def add_padding_cases(rng):
    for shape, lengths in [((5, 2), [2, 0, 3]), ((3,), [3]), ((4, 1, 2), [1, 3])]:
        X = rng.uniform(-1, 1, shape)
        for args in _WIDTHS:
            before, behind = _widths(
                args.get("padding_width", 1), args.get("end_padding_width", -1)
            )
            for count in range(3):  # how many paddings are given
                pads = [rng.uniform(-1, 1, shape[1:]) for _ in range(count)] or [
                    np.zeros(shape[1:])
                ]
                rows = [
                    row
                    for part in _parts(X, lengths)
                    for row in [pads[0]] * before + list(part) + [pads[-1]] * behind
                ]
                inputs = {"data_in": X, "lengths": np.array(lengths, np.int32)}
                inputs.update(zip(("start_padding", "end_padding"), pads[:count], strict=False))
                longer = np.array(lengths) + before + behind
                yield Case(inputs, args, {"data_out": np.array(rows), "lengths_out": longer})
    zero = np.zeros((1, 2))
    expect = {"data_out": np.concatenate([zero, X[:, 0], zero]), "lengths_out": [6]}
    yield Case({"data_in": X[:, 0]}, {}, expect)
    ints = np.array([1, 2])
    yield Case({"data_in": ints}, {}, {"data_out": np.array([0, 1, 2, 0])}, outputs=1)


@cases(REMOVE_PADDING)
def remove_padding_cases(rng):
    for shape, lengths in [((8, 2), [3, 2, 3]), ((4,), [4]), ((6, 1, 2), [2, 4])]:
        X = rng.uniform(-1, 1, shape)
        for args in _WIDTHS:
            before, behind = _widths(
                args.get("padding_width", 1), args.get("end_padding_width", -1)
            )
            parts = [part[before : len(part) - behind] for part in _parts(X, lengths)]
            inputs = {"data_in": X, "lengths": np.array(lengths, np.int32)}
            shorter = np.array(lengths) - before - behind
            yield Case(inputs, args, {"data_out": np.concatenate(parts), "lengths_out": shorter})
    yield Case({"data_in": X}, {}, {"data_out": X[1:-1], "lengths_out": [4]})
    yield Case({"data_in": X}, {}, {"data_out": X[1:-1]}, outputs=1)


@cases(GATHER_PADDING)
def gather_padding_cases(rng):
    for shape, lengths in [((8, 2), [3, 2, 3]), ((6, 1, 2), [2, 4])]:
        X = rng.uniform(-1, 1, shape)
        inputs = {"data_in": X, "lengths": np.array(lengths, np.int32)}
        for args in _WIDTHS:
            before, behind = _widths(
                args.get("padding_width", 1), args.get("end_padding_width", -1)
            )
            parts = _parts(X, lengths)
            first = sum(part[:before].sum(0) for part in parts)
            last = sum(part[len(part) - behind :].sum(0) for part in parts)
            yield Case(inputs, args, {"padding_sum": first, "end_padding_sum": last})
            yield Case(inputs, args, {"padding_sum": first + last}, outputs=1)
