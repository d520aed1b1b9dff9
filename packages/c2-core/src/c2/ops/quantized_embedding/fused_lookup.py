"""Lookups in tables of fused rows, pruned ones among them, and GatherFused8BitRowwise."""

from functools import partial

import numpy as np

from c2.ops.index.rows import require_inside
from c2.ops.quantized_embedding.conversion import BYTES, packed, unpacked, whole_rows
from c2.ops.quantized_embedding.fused_row import BITS_2, BITS_4, BITS_8, decode, decoded_shape
from c2.ops.results import stored
from c2.ops.rules import rank
from c2.ops.sparse.lookup import (
    INDICES,
    LENGTHS,
    infer_lookup,
    look_up,
    require_lookup,
    require_weights,
)
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec
from c2.registry.schema import NoGradient

WEIGHTS = Tensor("WEIGHTS", "(K,): the weight of each place", frozenset({"float32"}))
MAPPING = Tensor(
    "COMPRESSED_INDICES_MAPPING",
    "the row of DATA for each row of the table before pruning, -1 where it is gone; or one 0: nothing is gone",
    frozenset({"int32"}),
)


def _infer(layout, DATA, INDICES, LENGTHS, WEIGHTS=None):
    rank("DATA", DATA, 2)
    if WEIGHTS is not None:
        require_weights("WEIGHTS", WEIGHTS, INDICES, np.dtype("float32"))
    return infer_lookup(INDICES, LENGTHS, decoded_shape("DATA", DATA, layout)[1:], "float32")


def _sums(layout, mean, xp, DATA, INDICES, LENGTHS, WEIGHTS, out):
    require_lookup(INDICES, LENGTHS, DATA.shape[0])
    if out is None:
        width = (DATA.shape[1] - layout.tail) * layout.per_byte
        out = xp.empty((LENGTHS.size, width), "float32")

    def pick(indices):
        return decode(xp, xp.take(DATA, indices, axis=0), layout)

    return look_up(xp, pick, INDICES, LENGTHS, out, weights=WEIGHTS, mean=mean)


def _pruned_sums(layout, mean, xp, DATA, INDICES, LENGTHS, WEIGHTS, mapping, out):
    """The places of rows that are gone have the weight 0 on some other row; they count in a mean."""
    if not (mapping.size == 1 and int(mapping[0]) == 0):
        require_inside(INDICES, mapping.size, "INDICES")
        INDICES = mapping[INDICES]
        gone = INDICES < 0
        if gone.any():
            require_inside(INDICES[~gone], DATA.shape[0], "COMPRESSED_INDICES_MAPPING")
            DATA = xp.concatenate([DATA, xp.zeros((1, DATA.shape[1]), "uint8")])  # a row of zeros
            INDICES = xp.where(gone, DATA.shape[0] - 1, INDICES)
    return _sums(layout, mean, xp, DATA, INDICES, LENGTHS, WEIGHTS, out)


def _operator(type_, layout, what, pruned):
    weighted, mean = what == "WeightedSum", what == "Mean"

    def infer(DATA, *inputs):
        WEIGHTS = inputs[0] if weighted else None
        INDICES, LENGTHS = inputs[weighted], inputs[weighted + 1]
        if pruned:
            rank("COMPRESSED_INDICES_MAPPING", inputs[-1], 1)
        return _infer(layout, DATA, INDICES, LENGTHS, WEIGHTS)

    def kernel(xp, DATA, *inputs, out=None):
        WEIGHTS = inputs[0] if weighted else None
        INDICES, LENGTHS = inputs[weighted], inputs[weighted + 1]
        if pruned:
            return _pruned_sums(layout, mean, xp, DATA, INDICES, LENGTHS, WEIGHTS, inputs[-1], out)
        return _sums(layout, mean, xp, DATA, INDICES, LENGTHS, WEIGHTS, out)

    row = "MAPPING[INDICES[k]]" if pruned else "INDICES[k]"
    formula = f"{'WEIGHTS[k] * ' if weighted else ''}row({row})"
    gone = "Rows that were pruned count as zeros, and as rows in a mean. " if pruned else ""
    schema = OpSchema(
        type_,
        doc=f"""output[n] = {"mean" if mean else "sum"}({formula}) over the LENGTHS[n] places k of segment n.

        row(r) are the numbers of row r of DATA, {layout}. {gone}A segment without places gives 0. LENGTHS must add up
        to K, and every index must be one of a row.
        """,
        inputs=[
            Tensor("DATA", "(R, bytes): fused rows", BYTES),
            *[WEIGHTS][:weighted],
            INDICES,
            LENGTHS,
            *[MAPPING][:pruned],
        ],
        outputs=[Tensor("output", "float32 (N, D)")],
        infer=infer,
        cost=lambda DATA, *inputs: 3 * inputs[weighted].size * DATA.shape[1] * layout.per_byte,
        gradient=NoGradient.STOPS,
    )
    return Operator(schema, kernel, cases=partial(_cases, layout, what, pruned))


def _cases(layout, what, pruned, rng):
    rows = packed(whole_rows(rng, layout), layout)
    table = unpacked(rows, layout)
    mapping = np.array([2, -1, 0, 1], np.int32) if pruned else None
    if pruned:
        table = np.array([table[m] if m >= 0 else 0 * table[0] for m in mapping])
    for picked, lengths in [([0, 2, 1, 0, 2], [2, 0, 3]), ([1] * 12, [1] * 12), ([], [0])]:
        indices = np.array(picked, np.int64)
        W = rng.uniform(-1, 1, len(indices)).astype(np.float32)
        each = W if what == "WeightedSum" else np.ones(len(indices))
        sums, at = [], 0
        for n in lengths:
            share = n if what == "Mean" and n else 1
            sums.append(each[at : at + n] @ table[indices[at : at + n]] / share)
            at += n
        inputs = {"DATA": rows, "INDICES": indices}
        inputs["LENGTHS"] = np.array(lengths, np.int32)
        if what == "WeightedSum":
            inputs["WEIGHTS"] = W
        if pruned:
            inputs["COMPRESSED_INDICES_MAPPING"] = mapping
        yield Case(inputs, {}, {"output": np.array(sums)})


FUSED_LOOKUPS = [
    _operator(f"SparseLengths{what}Fused{layout.bits}BitRowwise", layout, what, False)
    for layout in (BITS_8, BITS_4, BITS_2)
    for what in ("Sum", "Mean", "WeightedSum")
] + [
    _operator(f"SparseLengths{what}{layout.bits}BitRowwiseSparse", layout, what, True)
    for layout in (BITS_8, BITS_4, BITS_2)
    for what in ("Sum", "Mean", "WeightedSum")
]


def _infer_gather(DATA, INDICES):
    rank("DATA", DATA, 2)
    rank("INDICES", INDICES, 1)
    return TensorSpec((INDICES.size, decoded_shape("DATA", DATA, BITS_8)[1]), "float32")


def gather_fused(xp, DATA, INDICES, *, out=None):
    require_inside(INDICES, DATA.shape[0], "INDICES")
    return stored(xp, decode(xp, xp.take(DATA, INDICES, axis=0), BITS_8), out)


def _gather_cases(rng):
    X = whole_rows(rng, BITS_8)
    for indices in ([2, 0, 0], []):
        for dtype in (np.int32, np.int64):
            inputs = {"DATA": packed(X, BITS_8), "INDICES": np.array(indices, dtype)}
            yield Case(inputs, {}, {"OUTPUT": X[np.array(indices, int)]})


FUSED_GATHER = [
    Operator(
        OpSchema(
            "GatherFused8BitRowwise",
            doc=f"OUTPUT[k] = the numbers of row INDICES[k] of DATA, {BITS_8}. An index outside is an error.",
            inputs=[Tensor("DATA", "(R, bytes): fused rows", BYTES), INDICES],
            outputs=[Tensor("OUTPUT", "float32 (K, D)")],
            infer=_infer_gather,
            gradient=NoGradient.FORBIDDEN,
        ),
        gather_fused,
        cases=_gather_cases,
    )
]
