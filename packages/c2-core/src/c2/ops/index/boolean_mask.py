"""BooleanMask, its gradient, and BooleanUnmask."""

import numpy as np

from c2.ops.rules import equal, rank, same_dtype
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import BOOL


def _infer_mask(data, mask):
    require(data.ndim >= 1, "data must have one axis or more", "1 or more axes", data.shape)
    rank("mask", mask, 1)
    equal("mask must have one element per row of data", data.shape[0], mask.size)
    return TensorSpec(None, data.dtype), TensorSpec(None, "int64")


BOOLEAN_MASK = OpSchema(
    "BooleanMask",
    doc="masked_data = the rows of data where mask is true; masked_indices = their places.",
    inputs=[Tensor("data", "(N, ...), any dtype"), Tensor("mask", "(N,)", BOOL)],
    outputs=[
        Tensor("masked_data", "(rows kept, ...); dtype of data"),
        Tensor("masked_indices", "int64 (rows kept,)", optional=True),
    ],
    infer=_infer_mask,
    cost=lambda *specs: 0,
)


def _infer_gradient(mask, dY):
    rank("mask", mask, 1)
    require(dY.ndim >= 1, "dY must have one axis or more", "1 or more axes", dY.shape)
    return TensorSpec((mask.size, *dY.shape[1:]), dY.dtype)


BOOLEAN_MASK_GRADIENT = OpSchema(
    "BooleanMaskGradient",
    doc="""dX = dY, row after row, where mask is true, and 0 elsewhere.

    Differs from Caffe2: rows of any shape go back (there only the first numbers, as a vector), and dY must have a
    row for each true.
    """,
    inputs=[Tensor("mask", "(N,)", BOOL), Tensor("dY", "(rows kept, ...)")],
    outputs=[Tensor("dX", "(N, ...); dtype of dY")],
    infer=_infer_gradient,
    cost=lambda *specs: 0,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


def _infer_unmask(*inputs):
    masks, values = inputs[::2], inputs[1::2]
    same_dtype(**{f"values_{k}": v for k, v in enumerate(values)})
    for k, (mask, value) in enumerate(zip(masks, values)):
        require(mask.dtype == bool, f"mask_{k} must hold booleans", "bool", mask.dtype)
        rank(f"mask_{k}", mask, 1)
        rank(f"values_{k}", value, 1)
        equal(f"mask_{k} must be as long as mask_0", masks[0].size, mask.size)
    return TensorSpec(masks[0].shape, values[0].dtype)


def _check_pairs(n_inputs, n_outputs, args):
    return None if n_inputs % 2 == 0 else f"takes pairs of a mask and values, got {n_inputs} inputs"


BOOLEAN_UNMASK = OpSchema(
    "BooleanUnmask",
    doc="""unmasked_data[n] = the next value of the first mask that is true at n: undoes BooleanMask.

    Values are used in order, one for each place that no earlier mask covers; all must be used, and every place be
    covered. Differs from Caffe2: values of different dtypes are refused (there they are misread).
    """,
    inputs=[
        Tensor(
            "mask",
            "mask_0, values_0, mask_1, values_1, ...: bool (N,), and a vector",
            variadic=True,
            minimum=2,
        )
    ],
    outputs=[Tensor("unmasked_data", "(N,); dtype of the values")],
    infer=_infer_unmask,
    check=_check_pairs,
    cost=lambda *specs: 0,
    gradient=NoGradient.STOPS,
)


@kernel(BOOLEAN_MASK)
def boolean_mask(xp, data, mask, *, n_outputs):
    kept = data[mask]
    return kept if n_outputs == 1 else (kept, xp.nonzero(mask)[0].astype("int64"))


@kernel(BOOLEAN_MASK_GRADIENT)
def boolean_mask_gradient(xp, mask, dY, *, out=None):
    equal("dY must have one row per true of mask", int(mask.sum()), dY.shape[0])
    dX = xp.empty((mask.size, *dY.shape[1:]), dY.dtype) if out is None else out
    dX[...] = dY.dtype.type(0)
    dX[mask] = dY
    return dX


@kernel(BOOLEAN_UNMASK)
def boolean_unmask(xp, *inputs, out=None):
    N, dtype = inputs[0].size, inputs[1].dtype
    unmasked = xp.empty(N, dtype) if out is None else out
    free = xp.ones(N, "bool")
    for k, (mask, values) in enumerate(zip(inputs[::2], inputs[1::2])):
        taken = mask & free
        equal(
            f"values_{k} must have one element per place that mask_{k} is the first to cover",
            int(taken.sum()),
            values.size,
        )
        unmasked[taken] = values
        free &= ~mask
    require(
        not free.any(),
        "every place must be covered by a mask",
        "all true together",
        f"{int(free.sum())} without",
    )
    return unmasked


@gradient(BOOLEAN_MASK)
def boolean_mask_gradient_maker(g):
    return [g.op("BooleanMaskGradient", [g.I("mask"), g.GO("masked_data")], [g.GI("data")])]


@cases(BOOLEAN_MASK)
def boolean_mask_cases(rng):
    for shape in [(5,), (5, 2), (5, 1, 3)]:
        X, mask = rng.uniform(-1, 1, shape), np.array([True, False, True, True, False])
        expect = {"masked_data": np.stack([X[0], X[2], X[3]]), "masked_indices": [0, 2, 3]}
        yield Case({"data": X, "mask": mask}, {}, expect)
        one = {"masked_data": expect["masked_data"]}
        yield Case({"data": X, "mask": mask}, {}, one, outputs=1)
    words, none = np.array([b"a", b"b"], object), np.array([False, False])
    yield Case({"data": words, "mask": ~none}, {}, {"masked_data": words, "masked_indices": [0, 1]})
    expect = {"masked_data": words[:0], "masked_indices": np.zeros(0)}
    yield Case({"data": words, "mask": none}, {}, expect, id="none")


@cases(BOOLEAN_MASK_GRADIENT)
def boolean_mask_gradient_cases(rng):
    mask = np.array([True, False, True])
    for dY in (np.array([1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 4.0]])):
        expected = np.stack([dY[0], 0 * dY[0], dY[1]])
        yield Case({"mask": mask, "dY": dY}, {}, {"dX": expected})


@cases(BOOLEAN_UNMASK)
def boolean_unmask_cases(rng):
    t, f = True, False
    for dtype in (float, np.int32, np.bool_, object):
        masks = [np.array(m) for m in ([t, f, f, t], [t, t, f, f], [t, t, t, t])]
        values = [np.array(v).astype(dtype) for v in ([1, 4], [2], [3])]
        inputs = [a for pair in zip(masks, values) for a in pair]
        yield Case({"mask": inputs}, {}, {"unmasked_data": np.array([1, 2, 3, 4]).astype(dtype)})
