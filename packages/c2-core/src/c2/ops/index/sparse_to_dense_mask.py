"""SparseToDenseMask: (id, value) pairs as rows with one place for each wanted id."""

import numpy as np

from c2.ops.index.rows import segment_ids
from c2.ops.rules import equal, rank, same_dtype
from c2.registry import (
    REQUIRED,
    Arg,
    Case,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    gradient,
    kernel,
    require,
)
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

LENGTHS = Tensor(
    "lengths", "(N,): pairs of each row; without it there is one row and no axis for it", frozenset({"int32"}),
    optional=True,
)  # fmt: skip
ARGS = [
    Arg("mask", "ints", default=REQUIRED, doc="the wanted ids, one per place, not negative"),
    Arg("return_presence_mask", bool, default=False, doc="tell which places a pair was found for"),
    Arg(
        "max_skipped_indices",
        int,
        default=50,
        doc="how many negative ids are skipped before it is an error",
    ),
]


def _require_mask(mask):
    require(len(mask) > 0, "mask must name one id or more", "ids", tuple(mask))
    require(min(mask) >= 0, "ids in mask must not be negative", "0 or more", tuple(mask))
    require(len(set(mask)) == len(mask), "ids in mask must be different", "each once", tuple(mask))


def _infer(
    indices, values, default_value, lengths=None, *, mask, return_presence_mask, max_skipped_indices
):
    _require_mask(mask)
    rank("indices", indices, 1)
    same_dtype(values=values, default_value=default_value)
    equal(
        "values must have one row per index", indices.size, values.shape[0] if values.ndim else None
    )
    equal("default_value must have the shape of one value", values.shape[1:], default_value.shape)
    if lengths is not None:
        rank("lengths", lengths, 1)
    places = (len(mask),) if lengths is None else (lengths.size, len(mask))
    return TensorSpec((*places, *values.shape[1:]), values.dtype), TensorSpec(places, "bool")


SPARSE_TO_DENSE_MASK = OpSchema(
    "SparseToDenseMask",
    doc="""output[n, j] = the value of the last pair of row n with id mask[j], or default_value where there is none.

    Ids that mask does not name are left out. Negative ids are skipped; more than max_skipped_indices of them are an
    error. lengths must not ask for more pairs than there are.
    """,
    inputs=[
        Tensor("indices", "(K,): the ids", INDEX),
        Tensor("values", "(K, ...), any dtype"),
        Tensor("default_value", "(...): shape and dtype of one value"),
        LENGTHS,
    ],
    outputs=[
        Tensor("output", "(N, len(mask), ...), or (len(mask), ...) without lengths"),
        Tensor(
            "presence_mask",
            "bool, without the axes of a value; for return_presence_mask",
            optional=True,
        ),
    ],
    args=ARGS,
    infer=_infer,
    check=lambda n_inputs, n_outputs, args: (
        None
        if n_outputs == 1 or args.get("return_presence_mask")
        else "a second output needs return_presence_mask=1"
    ),
    cost=lambda indices, *specs, **args: indices.size,
)


def _infer_gradient(
    indices, doutput, lengths=None, *, mask, return_presence_mask, max_skipped_indices
):
    _require_mask(mask)
    rank("indices", indices, 1)
    lead = 1 if lengths is None else 2
    require(doutput.ndim >= lead, f"doutput must have {lead} axes or more", lead, doutput.shape)
    places = (len(mask),) if lengths is None else (lengths.size, len(mask))
    equal("doutput must begin with the axes of output", places, doutput.shape[:lead])
    return TensorSpec((indices.size, *doutput.shape[lead:]), doutput.dtype)


SPARSE_TO_DENSE_MASK_GRADIENT = OpSchema(
    "SparseToDenseMaskGradient",
    doc="dvalues[k] = doutput at the place that pair k filled, 0 where it filled none.",
    inputs=[
        Tensor("indices", "(K,): the ids", INDEX),
        Tensor("doutput", "shape of output", FLOAT),
        LENGTHS,
    ],
    outputs=[Tensor("dvalues", "(K, ...)")],
    args=ARGS,
    infer=_infer_gradient,
    cost=lambda indices, *specs, **args: indices.size,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


def _filled(xp, indices, lengths, mask):
    """(places, pairs): the flat place that a pair fills, once for each filled place, by the last of its pairs."""
    wanted = xp.asarray(mask, dtype="int64")
    order = xp.argsort(wanted)
    at = xp.minimum(xp.searchsorted(wanted[order], indices), len(wanted) - 1)
    known = wanted[order][at] == indices
    columns = order[at]
    pairs = xp.arange(indices.size)
    if lengths is None:
        rows = 0
    else:
        total = int(lengths.sum())
        require(
            total <= indices.size,
            "lengths must not add up to more than the pairs",
            indices.size,
            total,
        )
        rows = segment_ids(xp, lengths, indices.size)
        known &= pairs < total
    places = (rows * len(wanted) + columns)[known]
    filled, last = xp.unique(places[::-1], return_index=True)
    return filled, pairs[known][::-1][last]


@kernel(SPARSE_TO_DENSE_MASK)
def sparse_to_dense_mask(
    xp, indices, values, default_value, lengths=None, *, mask, return_presence_mask, max_skipped_indices, n_outputs,
    out=None,
):  # fmt: skip
    skipped = int((indices < 0).sum())
    require(
        skipped <= max_skipped_indices,
        "too many negative ids",
        f"{max_skipped_indices} or fewer",
        skipped,
    )
    lead = (len(mask),) if lengths is None else (lengths.size, len(mask))
    outs = out if isinstance(out, tuple) else (out, None)
    output = xp.empty((*lead, *values.shape[1:]), values.dtype) if outs[0] is None else outs[0]
    output[...] = default_value
    filled, pairs = _filled(xp, indices, lengths, mask)
    flat_shape = (lead[0] * (lead[1] if len(lead) > 1 else 1), *values.shape[1:])
    output.reshape(flat_shape)[filled] = values[pairs]
    if n_outputs == 1:
        return output
    presence = xp.empty(lead, "bool") if outs[1] is None else outs[1]
    presence[...] = False
    presence.reshape(-1)[filled] = True
    return output, presence


@kernel(SPARSE_TO_DENSE_MASK_GRADIENT)
def sparse_to_dense_mask_gradient(
    xp, indices, doutput, lengths=None, *, mask, return_presence_mask, max_skipped_indices, out=None
):
    lead = 1 if lengths is None else 2
    dvalues = xp.empty((indices.size, *doutput.shape[lead:]), doutput.dtype) if out is None else out
    dvalues[...] = doutput.dtype.type(0)
    filled, pairs = _filled(xp, indices, lengths, mask)
    rows = len(mask) if lengths is None else len(mask) * lengths.size
    dvalues[pairs] = doutput.reshape(rows, *doutput.shape[lead:])[filled]
    return dvalues


@gradient(SPARSE_TO_DENSE_MASK)
def sparse_to_dense_mask_gradient_maker(g):
    lengths = [g.I("lengths")] if g.n_inputs == 4 else []
    inputs = [g.I("indices"), g.GO("output"), *lengths]
    return [g.op("SparseToDenseMaskGradient", inputs, [g.GI("values")])]


_IDS = np.array([2, 5, 1, 1, 3, -7, 2])


def _dense(values, default, lengths, mask):
    """Expected output and presence, pair by pair."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    output = np.array([[default for _ in mask] for _ in lengths], values.dtype)
    presence = np.zeros((len(lengths), len(mask)), bool)
    for n, i, v in zip(rows, _IDS, values):
        if i in mask:
            output[n, mask.index(i)], presence[n, mask.index(i)] = v, True
    return output, presence


@cases(SPARSE_TO_DENSE_MASK)
def sparse_to_dense_mask_cases(rng):
    mask = [3, 1, 2, 10**6]
    for shape in [(7,), (7, 2)]:
        values, default = rng.uniform(-1, 1, shape), np.full(shape[1:], 9.0)
        for lengths in ([4, 0, 3], [1, 3, 1]):
            for dtype in ("int32", "int64"):
                inputs = {"indices": _IDS.astype(dtype), "values": values, "default_value": default}
                output, presence = _dense(values, default, lengths, mask)
                more = {"lengths": np.array(lengths, np.int32)}
                yield Case({**inputs, **more}, {"mask": mask}, {"output": output}, outputs=1)
                args = {"mask": mask, "return_presence_mask": True, "max_skipped_indices": 1}
                yield Case({**inputs, **more}, args, {"output": output, "presence_mask": presence})
        output, presence = _dense(values, default, [7], mask)
        expect = {"output": output[0], "presence_mask": presence[0]}
        yield Case(inputs, {"mask": mask, "return_presence_mask": True}, expect)
    words = {
        "indices": np.array([4]),
        "values": np.array([b"a"], object),
        "default_value": np.array(b"z", object),
    }
    expect = {"output": np.array([b"z", b"a"], object)}
    yield Case(words, {"mask": [0, 4]}, expect, outputs=1, id="strings")


@cases(SPARSE_TO_DENSE_MASK_GRADIENT)
def sparse_to_dense_mask_gradient_cases(rng):
    mask, lengths = [3, 1, 2], np.array([4, 0, 3], np.int32)
    dY = rng.uniform(1, 2, (3, 3))
    expected = [
        dY[0, 2],
        0,
        0,
        dY[0, 1],
        dY[2, 0],
        0,
        dY[2, 2],
    ]  # of the two pairs with id 1 the last
    yield Case(
        {"indices": _IDS, "doutput": dY, "lengths": lengths}, {"mask": mask}, {"dvalues": expected}
    )
    line = rng.uniform(1, 2, (3, 2))
    expected = np.zeros((7, 2))
    expected[[3, 4, 6]] = line[[1, 0, 2]]
    yield Case(
        {"indices": _IDS, "doutput": line}, {"mask": mask}, {"dvalues": expected}, id="one-row"
    )
