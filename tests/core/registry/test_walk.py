"""Every operator says what it is, runs, differentiates or says why not, is tested, and is the one Caffe2 has."""

import json
import os
from itertools import islice
from pathlib import Path

import pytest

from c2.autodiff.backward import gradients_of
from c2.autodiff.maker import GradientSlice
from c2.graph.op import create_op
from c2.registry import core_registry
from c2.testing import conformance_cases

REGISTRY = core_registry()
TYPES = REGISTRY.types()
FACTS = (
    Path(os.environ.get("C2_SHARED", Path(__file__).parents[3].parent / "shared"))
    / "data"
    / "caffe2"
)
ANY = 2**31 - 1  # Caffe2's "no upper bound"
UNSAID = "Caffe2's schema leaves the number open"

# Operators without cases in their module, with the reason; they have tests of their own.
JOB = "takes a store or a communicator: tests/core/communicate, tests/gloo"
TESTED_ELSEWHERE = {
    "Checkpoint": "writes files", "Load": "reads files", "Save": "writes files", "Fail": "always fails",
    **dict.fromkeys(
        ("Allgather", "AllgatherMeanRows", "Allreduce", "AllreduceMean", "AllreduceMeanStart", "AllreduceMeanWait",
         "AllreduceSum", "Barrier", "Broadcast", "CloneCommonWorld", "CreateCommonWorld", "DestroyCommonWorld",
         "FileStoreHandlerCreate", "ReceiveTensor", "RedisStoreHandlerCreate", "Reduce", "ReduceScatter", "SendTensor",
         "StoreAdd", "StoreGet", "StoreSet", "StoreWait"), JOB,
    ),
}  # fmt: skip
# Where the number of blobs is not that of Caffe2's schema.
INPUTS = {
    **dict.fromkeys(
        ("AffineChannelGradient", "Allreduce", "BooleanUnmask", "Broadcast", "ColwiseMaxGradient", "LayerNorm",
         "LayerNormGradient", "Load", "MergeIdLists", "ReceiveTensor", "ReduceScatter", "ScatterWeightedSum",
         "SendTensor", "SliceGradient", "SoftmaxWithLossGradient", "SpatialBN", "SpatialBNGradient",
         "SpatialSoftmaxWithLossGradient", "UniformFill", "UniformIntFill", "WeightedSum", "WeightedSumGradient"),
        UNSAID,
    ),
    **dict.fromkeys(
        ("Int8FC", "Int8Quantize"), "scale and zero point are arguments alone, not a last input Qparam"
    ),
    **dict.fromkeys(("Int8Sum", "Int8SumRelu"), "Caffe2's kernel reads two"),
    **dict.fromkeys(
        ("Conv1DGradient", "Conv2DGradient", "Conv3DGradient", "ConvGradient", "LC1DGradient", "LC2DGradient",
         "LC3DGradient", "LCGradient"), "two inputs pass Caffe2's schema and fail in its kernel",
    ),
}  # fmt: skip
OUTPUTS = dict.fromkeys(
    ("AffineChannelGradient", "Allreduce", "Barrier", "Broadcast", "ColwiseMaxGradient", "GroupNorm",
     "LayerNormGradient",
     "NumpyTile", "SliceGradient", "LengthsMaxWithMainInputAndForwardOutputGradient",
     "LengthsWeightedSumWithMainInputGradient", "Int8FC", "ReduceScatter", "SoftmaxWithLoss", "SpatialBN"), UNSAID,
)  # fmt: skip
SEVERAL = "one name for all of a variadic input or output"
NAMES = {
    **dict.fromkeys(
        ("BooleanUnmask", "Broadcast", "Concat", "HasElements", "Histogram", "Load", "Max", "Mean", "Min",
         "MergeIdLists", "PadEmptySamples", "ScatterWeightedSum", "Split", "Sum", "SumRelu", "WeightedSum"), SEVERAL,
    ),
    **dict.fromkeys(("LC", "LC1D", "LC2D", "LC3D", "Rowwise8BitQuantizedToFloat"), "Caffe2 leaves one without name"),
    **dict.fromkeys(("LpNormGradient", "SoftsignGradient"), "named as in all other gradient operators"),
    "BatchBucketize": "Caffe2's kernel reads them in the order written here",
    "BernoulliJSD": "Caffe2 names the first of two inputs by the second",
    "ConstantFill": "the number of rows may come as a second input", "MatMul": "the gradient passes a third input",
    **dict.fromkeys(("Int8FC", "Int8Quantize"), "without Qparam"),
    "GroupNorm": "what Caffe2 calls std is its inverse", "PiecewiseLinearTransform": "optional stands beside the name",
    "RemoveDataBlocks": "no blank in a name", "ReplaceNaN": "Caffe2 lists the output among the inputs",
    "SplitByLengths": "Caffe2 misspells lengths",
}  # fmt: skip
ALIAS = "Caffe2's documentation misspells the argument that its kernel reads"
ARGUMENTS = {
    **{
        (f"Reduce{side}{what}", "num_reduce_dims"): ALIAS
        for side in ("Front", "Back")
        for what in ("Sum", "Mean", "Max")
    },
    ("GroupNorm", "num_groups"): ALIAS, ("Logit", "eps (optional)"): ALIAS, ("ReplaceNaN", "value (optional)"): ALIAS,
    **{("Int8Slice", name): "not read here: starts and ends say it" for name in ("dim", "start_idx", "end_idx")},
    ("Int8ResizeNearest", "output_size"): "not read here: the scales say it",
    ("RMSNorm", "epsilon"): ALIAS, ("ConvTranspose", "shared_buffer"): "a hint of Caffe2's CPU kernel",
    ("ConvTranspose", "no_bias"): "the number of inputs says it",
}  # fmt: skip
IN_PLACE: dict[str, str] = {}
# The gradient depends on arguments: these are asked for by name.
GRADIENT_ARGUMENTS = {
    "Cast": {"to": 1, "from_type": 1},
    "Dropout": {"is_test": 0},
    "Pow": {"exponent": 2.0},
}


def facts(name):
    path = FACTS / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no {name}.json: C2_SHARED names the folder that holds data/caffe2")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def known():
    """Caffe2's schema of each operator that c2 has too."""
    return {t: f["schema"] for t, f in facts("opmeta").items() if t in REGISTRY and f["schema"]}


def differences(expected, actual):
    """What differs, and was not said to."""
    return {key: (expected[key], actual[key]) for key in expected if expected[key] != actual[key]}


@pytest.mark.parametrize("type_", TYPES)
def test_an_operator_is_whole(type_):
    schema = REGISTRY.schema(type_)
    first, _, more = schema.doc.partition("\n")
    assert first, "the first line of the documentation is the formula"
    assert first[-1] in ".,;:" or more, f"a sentence, or the first line of one: {first!r}"
    assert all(t.name for t in (*schema.inputs, *schema.outputs))
    assert not [a.name for a in schema.args if not a.doc], "arguments without documentation"
    assert len({t.name for t in schema.inputs}) == len(schema.inputs)
    assert len({t.name for t in schema.outputs}) == len(schema.outputs)
    assert REGISTRY.kernels(type_)
    has_cases = next(conformance_cases(REGISTRY, types=[type_]), None) is not None
    assert has_cases != (type_ in TESTED_ELSEWHERE)
    has_maker = REGISTRY.gradient_maker(type_) is not None
    assert has_maker != (schema.gradient is not None), (
        "a gradient maker, or else the kind of its absence"
    )


def test_numbers_of_blobs(known):
    for which, said in (("in", INPUTS), ("out", OUTPUTS)):
        actual = {t: getattr(REGISTRY.schema(t), f"{which}put_range") for t in known}
        expected = {
            t: (f[f"min_{which}"], None if f[f"max_{which}"] == ANY else f[f"max_{which}"])
            for t, f in known.items()
        }
        assert set(differences(expected, actual)) == set(said)


def test_names_of_blobs(known):
    wrong = {}
    for which in ("inputs", "outputs"):
        actual = {t: [x.name for x in getattr(REGISTRY.schema(t), which)] for t in known}
        expected = {
            t: f[{"inputs": "ins", "outputs": "outs"}[which]] or actual[t] for t, f in known.items()
        }
        wrong.update(differences(expected, actual))
    assert set(wrong) == set(NAMES), wrong


def test_arguments(known):
    missing, optional = set(), set()
    for type_, schema in known.items():
        arg_by_name = REGISTRY.schema(type_).arg_by_name
        for name, required in schema["args"]:
            if name not in arg_by_name:
                missing.add((type_, name))
            elif required and not arg_by_name[name].required:
                optional.add((type_, name))
    assert missing == set(ARGUMENTS)
    assert not optional


def test_in_place(known):
    """Whether the first output may be, or must be, the first input."""
    listed = facts("inplace")
    actual = {
        t: (0, 0) in s.inplace_pairs | s.inplace_required_pairs
        for t, s in zip(TYPES, map(REGISTRY.schema, TYPES))
    }
    expected = {
        t: verdict == "allow"
        for verdict in ("allow", "deny")
        for t in listed[verdict]
        if t in actual
    }
    assert set(differences(expected, actual)) == set(IN_PLACE)


def gradient_names(gradient):
    if isinstance(gradient, GradientSlice):
        return f"S({gradient.indices},{gradient.values})"
    return gradient or "-"


@pytest.mark.parametrize("type_", [t for t in TYPES if REGISTRY.gradient_maker(t)])
def test_gradient_operators(type_):
    gradients = facts("gradmap")
    if type_ not in gradients:
        pytest.skip("Caffe2 has no gradient for it, or makes none without knowing more")
    ops, g_input, n_inputs, n_outputs = gradients[type_]
    args = GRADIENT_ARGUMENTS.get(type_)
    if args is None:
        first = next(islice(conformance_cases(REGISTRY, types=[type_]), 1))
        required = {a.name for a in REGISTRY.schema(type_).args if a.required}
        args = {name: value for name, value in first.case.args.items() if name in required}
    op = create_op(
        type_, [f"X{k}" for k in range(n_inputs)], [f"Y{k}" for k in range(n_outputs)], **args
    )
    made, found = gradients_of(op, [f"dY{k}" for k in range(n_outputs)], REGISTRY)
    assert [[m.type, list(m.input), list(m.output)] for m in made] == ops
    assert list(map(gradient_names, found)) == [g or "-" for g in g_input]
