"""Wrong nets, operators, shapes, values and sizes: a typed error that says what, and a workspace that goes on."""

import numpy as np
import pytest
from drawn_operators import Drawer

import c2
from c2.proto import NetDef
from c2.registry import core_registry
from c2.serialize.budget import set_memory_budget

REGISTRY = core_registry()
B = 2**31 - 1  # the largest int32
IMAGE, FILTER = np.ones((1, 1, 3, 3), np.float32), np.ones((1, 1, 1, 1), np.float32)
SCALAR = np.array(3, np.float32)


@pytest.fixture(autouse=True)
def small_budget():
    set_memory_budget(100_000_000)
    yield
    set_memory_budget(None)


def ints(*values):
    return np.array(values, np.int32)


def longs(*values):
    return np.array(values, np.int64)


def floats(*values):
    return np.array(values, np.float32)


def run(type_, arrays, args):
    """Runs one operator, once as simple and once as compiled net; raises what the first raised."""
    schema = REGISTRY.schema(type_)
    inputs = [f"i{k}" for k in range(len(arrays))]
    outputs = [f"o{k}" for k in range(schema.output_range[0])]
    for i, o in schema.inplace_required_pairs:
        if o < len(outputs):
            outputs[o] = inputs[i]
    return run_op(c2.create_op(type_, inputs, outputs, **args), arrays)


def run_op(op, arrays):
    results = []
    for kind in ("simple", "compiled"):
        workspace = c2.Workspace(registry=REGISTRY)
        for name, array in zip(op.input, arrays):
            if isinstance(array, np.ndarray):
                workspace.feed(name, array)
            else:
                workspace.blob(name).value = array
        net = NetDef(name="bad", op=[op], type=kind, external_output=op.output)
        try:
            workspace.run_once(net)
            workspace.run_once(net)
            results.append([workspace.blob(name).value for name in op.output])
        except c2.C2Error as error:
            results.append(error)
        workspace.feed("afterwards", floats(1))
        workspace.run_once(c2.create_op("Negative", "afterwards", "negative"))
        assert workspace["negative"] == -1
    simple, compiled = results
    if isinstance(simple, Exception):
        assert type(compiled) is type(simple), compiled
        raise simple
    chance = any(kernel.takes_rng for kernel in REGISTRY.kernels(op.type))
    for a, b in zip(simple, compiled):
        if hasattr(a, "dtype"):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            assert chance or a.dtype == object or np.allclose(a, b, 1e-3, 1e-4, equal_nan=True)
    return simple


TOO_LARGE = [
    ("ConstantFill", [], {"shape": [2**40]}), ("GaussianFill", [], {"shape": [2**40]}),
    ("XavierFill", [], {"shape": [2**32, 2]}), ("UniformIntFill", [], {"shape": [2**33]}),
    ("DiagonalFill", [], {"shape": [2**20, 2**20]}), ("MSRAFill", [], {"shape": [2**20, 2**20]}),
    ("ConstantFill", [longs(2**20, 2**20)], {"input_as_shape": 1}),
    ("GaussianFill", [longs(B, 50)], {"input_as_shape": 1}), ("RangeFill", [longs(2**40)], {"input_as_shape": 1}),
    ("LengthsRangeFill", [ints(B)], {}), ("LengthsToSegmentIds", [ints(B)], {}),
    ("PackSegments", [ints(1, 2), np.ones((3, 2), np.float32)], {"max_length": B}),
    ("SparseToDense", [ints(B - 1), floats(1)], {}), ("UnsortedSegmentSum", [floats(1), ints(B - 1)], {}),
    ("UnsortedSegmentMean", [floats(1), ints(B - 1)], {}),
    ("UnsortedSegmentSum", [floats(1), ints(0)], {"num_segments": B}),
    ("SegmentIdsToLengths", [ints(B - 1)], {}), ("SegmentIdsToRanges", [ints(B - 1)], {}),
    ("OneHot", [longs(0), longs(2**40)], {}), ("Range", [floats(0), floats(1e9), floats(1e-3)], {}),
    ("Tile", [floats(1)], {"tiles": 2**40, "axis": 0}), ("Tile", [floats(1), ints(B), ints(0)], {}),
    ("NumpyTile", [floats(1), ints(B)], {}), ("Expand", [np.ones((1, 1), np.float32), ints(B, 9)], {}),
    ("Conv", [IMAGE, FILTER], {"kernel": 1, "pad": 100_000}), ("PadImage", [IMAGE], {"pad": 2**20}),
    ("ConvTranspose", [IMAGE, FILTER], {"kernel": 1, "stride": 2**20}),
    ("ResizeNearest", [IMAGE], {"width_scale": 1e5, "height_scale": 1e5}), ("TopK", [floats(1, 2)], {"k": 2**40}),
    ("LengthsTile", [floats(1), ints(B)], {}),
]  # fmt: skip
WRONG = [
    ("ConstantFill", [], {"shape": [2**62, 2**62]}), ("ConstantFill", [], {"shape": [-1, 3]}),
    ("ConstantFill", [longs(2**62, 0)], {"input_as_shape": 1}),
    ("GivenTensorFill", [], {"shape": [2**40], "values": [1.0]}),
    ("Reshape", [floats(1, 2)], {"shape": [2**62, -1]}), ("Reshape", [floats(1, 2)], {"shape": [-5, 2]}),
    ("Reshape", [floats(1, 2), longs(2**62, -1)], {}), ("Reshape", [floats(1, 2)], {"shape": [-1, -1]}),
    ("Tile", [floats(1)], {"tiles": -1}), ("PrependDim", [floats(1, 2)], {"dim_size": 0}),
    ("ExpandDims", [floats(1)], {"dims": [B]}), ("Squeeze", [floats(1)], {"dims": [B]}),
    ("Conv", [IMAGE, FILTER], {"kernel": B}), ("Conv", [IMAGE, FILTER], {"kernel": 1, "stride": 0}),
    ("Conv", [IMAGE, FILTER], {"kernel": 1, "pad": 2**62}), ("Conv", [IMAGE, FILTER], {"kernel": 1, "group": 0}),
    ("Conv", [IMAGE, FILTER], {"kernel": 1, "pad": -7}),
    ("Conv", [IMAGE, np.ones((1, 2, 1, 1), np.float32)], {"kernel": 1}),
    ("ConvTranspose", [IMAGE, FILTER], {"kernel": 1, "stride": -1}), ("AveragePool", [IMAGE], {"kernel": 0}),
    ("MaxPool", [IMAGE], {"kernel": 2, "stride": -1}), ("MaxPool", [IMAGE], {"kernel": 30}),
    ("MaxPool", [SCALAR], {"kernel": 1}), ("PadImage", [IMAGE], {"pad": -5}),
    ("ResizeNearest", [IMAGE], {"width_scale": float("nan")}),
    ("ResizeNearest", [IMAGE], {"width_scale": float("inf")}),
    ("TopK", [floats(1, 2)], {"k": -1}), ("TopK", [SCALAR], {"k": 1}),
    ("TopKGradient", [floats(1), longs(2**40), floats(1, 2)], {}),
    ("TopKGradient", [floats(1), longs(-2), floats(1, 2)], {}),
    ("Gather", [floats(1, 2), ints(5)], {}), ("Gather", [floats(1, 2), ints(-3)], {}),
    ("Gather", [floats(), ints(0)], {}),
    ("Gather", [floats(1, 2), floats(0)], {}), ("BatchGather", [np.ones((2, 2), np.float32), ints(2)], {}),
    ("ScatterAssign", [floats(1, 2), ints(7), floats(3)], {}), ("OneHot", [longs(9), longs(3)], {}),
    ("SparseAdagrad", [floats(1, 2), floats(1, 2), longs(2), floats(1), floats(1)], {}),
    ("Slice", [floats(1, 2)], {"starts": [1], "ends": [0]}),
    ("SliceGradient", [floats(1, 2, 3), longs(0), longs(3), floats(1)], {}),
    ("Split", [floats(1, 2, 3)], {"split": [4], "axis": 0}), ("Concat", [SCALAR, SCALAR], {}),
    ("Concat", [np.ones((2, 3), np.float32), np.ones((3, 3), np.float32)], {"axis": 1}),
    ("FC", [SCALAR, floats(1), floats(1)], {}), ("Softmax", [floats(1)], {"axis": 7}),
    ("MatMul", [np.ones((2, 3), np.float32), np.ones((2, 3), np.float32)], {}),
    ("Add", [floats(1, 2), floats(1, 2, 3)], {}),
    ("Add", [floats(1), longs(1)], {}), ("ReduceSum", [SCALAR], {"axes": [0]}),
    ("Transpose", [SCALAR], {"axes": [0]}),
    ("Transpose", [floats(1)], {"axes": [0, 0]}), ("LabelCrossEntropy", [np.ones((2, 3), np.float32), ints(0)], {}),
    ("SpatialBN", [IMAGE, *[floats(1, 2)] * 4], {"is_test": 1}),
    ("GroupNorm", [IMAGE, floats(1), floats(1)], {"group": 2}),
    ("LRN", [IMAGE], {"size": 0}), ("Mod", [ints(1)], {"divisor": 0}), ("IndexHash", [longs(1)], {"modulo": 0}),
    ("LengthsSum", [floats(1), ints(B)], {}), ("LengthsSum", [floats(1), ints(2, -1)], {}),
    ("PackSegments", [ints(3, B), np.ones((3, 2), np.float32)], {}), ("BatchMatMul", [floats(1, 2), floats(1)], {}),
    ("SortedSegmentSum", [floats(1, 2), ints(1, 0)], {}), ("EnsureClipped", [floats(1), longs(-1), floats(1)], {}),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "arrays", "args"), TOO_LARGE, ids=[c[0] for c in TOO_LARGE])
def test_too_large_for_the_budget(type_, arrays, args):
    with pytest.raises(
        c2.MemoryBudgetError,
        match=rf"(?s){type_}.*memory budget is 100.0 MB; nothing was allocated",
    ):
        run(type_, arrays, args)


@pytest.mark.parametrize(("type_", "arrays", "args"), WRONG, ids=[c[0] for c in WRONG])
def test_what_cannot_be(type_, arrays, args):
    with pytest.raises((c2.SchemaError, c2.CheckError), match=f"{type_} 'o?i?0' "):
        run(type_, arrays, args)


def test_huge_windows_take_no_time():
    for size in (9, 2**31 - 1, 2**62 + 1):
        run("LRN", [np.ones((1, 4, 2, 2), np.float32)], {"size": size, "alpha": 1.0, "beta": 0.5})


@pytest.mark.parametrize(
    "type_", ["Relu", "Softmax", "FC", "Conv", "MaxPool", "Concat", "Split", "LabelCrossEntropy"]
)
def test_batches_of_nothing(type_):
    empty = np.zeros((0, 2, 4, 4), np.float32)
    rows = np.zeros((0, 3), np.float32)
    inputs, args = {
        "FC": ([rows, np.ones((2, 3), np.float32), np.ones(2, np.float32)], {}),
        "Conv": ([empty, np.ones((3, 2, 3, 3), np.float32)], {"kernel": 3}),
        "MaxPool": ([empty], {"kernel": 2}), "Concat": ([rows, rows], {"axis": 1}),
        "Split": ([empty], {"axis": 1, "split": [2]}),
        "LabelCrossEntropy": ([rows, np.zeros(0, np.int32)], {}),
    }.get(type_, ([rows], {}))  # fmt: skip
    assert run(type_, inputs, args)[0].shape[0] == 0


def drawn(seed):
    types = [t for t in REGISTRY.types() if REGISTRY.schema(t).allow is None and t not in PRINTING]
    drawer = Drawer(REGISTRY, seed)
    for _ in range(DRAWN):
        yield drawer.draw(drawer.one_of(types))


PRINTING = {"Print"}  # would fill the log
DRAWN = 60  # per seed


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.filterwarnings("error")
def test_operators_at_random_raise_nothing_but_errors_of_c2(seed):
    refused = 0
    for op, arrays in drawn(seed):
        try:
            run_op(op, arrays)
        except c2.C2Error as error:
            refused += 1
            told = str(error)
        else:
            continue
        assert op.type in told
    assert DRAWN // 4 < refused < DRAWN, "draws must be of both kinds, to mean anything"
