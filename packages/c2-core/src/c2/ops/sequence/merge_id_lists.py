"""MergeIdLists: the ids of several features of an example, each id once."""

import numpy as np

from c2.ops.index.rows import segment_ids
from c2.ops.rules import equal, rank
from c2.ops.sequence.lengths_tables import INT32, require_lengths
from c2.registry import INDEX, Case, OpSchema, Tensor, TensorSpec, cases, kernel
from c2.registry.schema import NoGradient


def _infer(*lists):
    for k, (lengths, values) in enumerate(zip(lists[::2], lists[1::2], strict=True)):
        rank(f"lengths_{k}", lengths, 1)
        rank(f"values_{k}", values, 1)
        equal(f"lengths_{k} must be int32", np.dtype("int32"), lengths.dtype)
        equal("all lengths must have one element per example", lists[0].size, lengths.size)
        equal("all values must have one dtype", lists[1].dtype, values.dtype)
    return TensorSpec(lists[0].shape, "int32"), TensorSpec(None, lists[1].dtype)


def _check(n_inputs, n_outputs, args):
    return None if n_inputs % 2 == 0 else "it takes pairs of lengths and values"


MERGE_ID_LISTS = OpSchema(
    "MergeIdLists",
    doc="""merged_values = for each example, the ids that any of its lists has, each once.

    They rise within an example. Differs from Caffe2: lengths must add up to the number of values.
    """,
    inputs=[
        Tensor("lengths_0", "(N,): ids of each example", INT32),
        Tensor("values_0", "the ids, one example after the other", INDEX),
        Tensor("further", "lengths_1, values_1, ...", INDEX, variadic=True, minimum=0),
    ],
    outputs=[
        Tensor("merged_lengths", "int32 (N,)"),
        Tensor("merged_values", "dtype of values_0"),
    ],
    infer=_infer,
    check=_check,
    cost=lambda *specs: 0,
    gradient=NoGradient.STOPS,
)


@kernel(MERGE_ID_LISTS)
def merge_id_lists(xp, *lists):
    n = lists[0].size
    for lengths, values in zip(lists[::2], lists[1::2], strict=True):
        require_lengths(lengths)
        equal("lengths must add up to the number of values", values.size, int(lengths.sum()))
    pairs = list(zip(lists[::2], lists[1::2], strict=True))
    example = xp.concatenate([segment_ids(xp, lengths, v.size) for lengths, v in pairs])
    ids = xp.concatenate([values for _, values in pairs])
    order = xp.argsort(ids, kind="stable")
    order = order[xp.argsort(example[order], kind="stable")]
    example, ids = example[order], ids[order]
    first = xp.ones(ids.size, "bool")
    first[1:] = (ids[1:] != ids[:-1]) | (example[1:] != example[:-1])
    kept = example[first]
    lengths = xp.bincount(kept, minlength=n) if kept.size else xp.zeros(n)
    return lengths.astype("int32"), ids[first]


def _joined(lists, dtype):
    return np.array([x for each in lists for x in each], dtype)


@cases(MERGE_ID_LISTS)
def merge_id_lists_cases(rng):
    for dtype in (np.int32, np.int64):
        parts = [[[3, 1, 1], [], [9]], [[1], [5], [3, 3, -2]]]
        lists = [
            array
            for part in parts
            for array in (
                np.array([len(x) for x in part], np.int32),
                _joined(part, dtype),
            )
        ]
        merged = [sorted({*a, *b}) for a, b in zip(*parts)]
        lengths = np.array([len(x) for x in merged], np.int32)
        expect = {"merged_lengths": lengths, "merged_values": _joined(merged, dtype)}
        inputs = {"lengths_0": lists[0], "values_0": lists[1], "further": lists[2:]}
        yield Case(inputs, {}, expect)
    once = {"merged_lengths": [2, 0, 1], "merged_values": [1, 3, 9]}
    yield Case({"lengths_0": lists[0], "values_0": lists[1], "further": []}, {}, once)
    empty = {"lengths_0": lists[0] * 0, "values_0": lists[1][:0]}
    yield Case(empty, {}, {"merged_lengths": [0, 0, 0], "merged_values": []})
