"""Every case of every operator that has native kernels: a net of one operator, compiled, against the case's values."""

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry
from c2.testing.conformance import REFERENCE, conformance_cases, operator_of

CORE = core_registry()
TYPES = [
    "Conv", "Conv1D", "Conv2D", "Conv3D", "FC", "FCTransposed", "MatMul", "BatchMatMul", "MaxPool", "MaxPool1D",
    "MaxPool2D", "MaxPool3D", "AveragePool", "AveragePool1D", "AveragePool2D", "AveragePool3D", "Relu", "LeakyRelu",
    "Clip", "Sigmoid", "Tanh", "Elu", "Swish", "HardSigmoid", "Add", "Sub", "Mul", "Div", "Sum", "SpatialBN", "LRN",
    "Softmax", "Concat", "DepthConcat", "Copy", "Dropout", "Flatten", "FlattenToVec", "StopGradient",
    "ConvGradient", "Conv1DGradient", "Conv2DGradient", "Conv3DGradient", "FCGradient", "FCTransposedGradient",
    "MaxPoolGradient", "MaxPool1DGradient", "MaxPool2DGradient", "MaxPool3DGradient", "AveragePoolGradient",
    "AveragePool1DGradient", "AveragePool2DGradient", "AveragePool3DGradient", "ReluGradient", "LeakyReluGradient",
    "ClipGradient", "SigmoidGradient", "TanhGradient", "EluGradient", "SpatialBNGradient", "SoftmaxGradient",
    "SoftmaxWithLoss", "SoftmaxWithLossGradient", "LabelCrossEntropy", "LabelCrossEntropyGradient", "AveragedLoss",
    "AveragedLossGradient", "Accuracy", "ConstantFill", "WeightedSum", "MomentumSGD", "MomentumSGDUpdate", "Adam",
    "Adagrad", "RmsProp", "Gelu", "Softplus", "GeluGradient", "SwishGradient", "HardSigmoidGradient",
    "SoftplusGradient", "Negative", "Sqr", "Sqrt", "Abs", "Exp", "Log", "Cube", "Reciprocal", "Scale", "Pow",
    "AddGradient", "SubGradient", "MulGradient", "DivGradient", "SumReduceLike",
    "DropoutGrad", "LRNGradient", "LayerNorm", "LayerNormGradient", "GroupNorm", "GroupNormGradient", "InstanceNorm",
    "InstanceNormGradient", "ConvTranspose", "ConvTransposeGradient",
    "Split", "DepthSplit", "Slice", "SliceGradient", "Transpose", "NCHW2NHWC", "NHWC2NCHW", "ChannelShuffle",
    "ChannelShuffleGradient", "ResizeNearest", "ResizeNearestGradient", "ResizeNearest3D", "ResizeNearest3DGradient",
    "UpsampleBilinear", "UpsampleBilinearGradient", "PadImage", "PadImageGradient",
    "ReduceSum", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMin", "ReduceSumGradient",
    "ReduceMeanGradient", "ReduceL1Gradient", "ReduceL2Gradient", "ReduceMaxGradient", "ReduceMinGradient",
    "ReduceFrontSum", "ReduceFrontMean", "ReduceFrontMax", "ReduceBackSum", "ReduceBackMean", "ReduceBackMax",
    "ReduceFrontSumGradient", "ReduceFrontMeanGradient", "ReduceFrontMaxGradient", "ReduceBackSumGradient",
    "ReduceBackMeanGradient", "ReduceBackMaxGradient", "RowwiseMax", "RowwiseMaxGradient", "ColwiseMax",
    "ColwiseMaxGradient", "SumElements", "SumElementsGradient", "SumSqrElements", "ReduceTailSum", "SquaredL2Distance",
    "SquaredL2DistanceGradient", "SigmoidCrossEntropyWithLogits", "SigmoidCrossEntropyWithLogitsGradient",
    "WeightedSigmoidCrossEntropyWithLogits", "WeightedSigmoidCrossEntropyWithLogitsGradient",
]  # fmt: skip
CASES = list(conformance_cases(CORE, ("float32",), types=TYPES))


def compiled(registry, one, constants, threads):
    op, blobs = operator_of(CORE, one, "")
    net = c2.Net("one")
    net.proto.type = "compiled"
    net.proto.op.add().CopyFrom(op)
    workspace = c2.Workspace(registry=registry)
    for name, value in blobs.items():
        workspace.feed(name, value.copy())
    kept = [n for n in op.output if n not in op.input]
    made = CompiledNet(
        check_net(net.proto, registry), workspace, registry, keep=kept, threads=threads,
        constants=list(blobs)[1:] if constants else (),
    )  # fmt: skip
    return op, blobs, workspace, made


def kept_floats(op, workspace):
    return [n for n in op.output if getattr(workspace[n], "dtype", None) == np.float32]


@pytest.mark.parametrize("constants", [False, True], ids=["fed", "constants"])
@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_case(registry, one, constants):
    if constants and len(one.case.inputs) < 2:
        pytest.skip("one input: nothing to hold constant")
    op, blobs, workspace, net = compiled(registry, one, constants, threads=2)
    net.run()
    if not set(op.output) & set(op.input):  # else the second run starts from the first one's result
        for name in kept_floats(op, workspace):
            workspace.blob(name).value[...] = (
                77  # what the first run left must not pass for the second's result
            )
        net.run()
    schema, tolerance = CORE.schema(one.type), REFERENCE["float32"]
    for position, name in enumerate(op.output):
        tensor = schema.output(position)
        expected = one.case.expect.get(tensor.name)
        if tensor.variadic and expected is not None:
            expected = expected[position - len(schema.outputs) + 1]
        if expected is not None:
            found = workspace[name]
            assert found.shape == np.shape(expected)
            if found.dtype.kind == "f":
                np.testing.assert_allclose(found, expected, tolerance.relative, tolerance.absolute)
            else:
                np.testing.assert_array_equal(found, expected)
    for name, value in blobs.items():
        if name in op.output:
            continue  # updated by the operator: it must be in place
        np.testing.assert_array_equal(workspace[name], value, err_msg=f"input '{name}' was changed")


# Reasons for which a case may go to the reference kernel; anything else must run natively.
REASONS = (
    "empty tensors", "float32 only", "2 to 32 summands", "A is broadcast too", "stretched along axes", "test mode",
    "moments of several batches", "class numbers only", "no value or shape from an input", "shapes are not known",
    "odd sizes and one output", "shape of a third input", "vectors, or batch axes", "pads that crop", "numbers only",
    "one output only", "negative alpha", "one input of numbers", "powers other than", "axes that do not stand together",
    "channels that come last", "moments that have to be computed again", "one of the two moments",
    "bounds from inputs", "scales from an input", "nothing but padding", "lengths",
)  # fmt: skip


@pytest.mark.parametrize("type_", TYPES)
def test_most_cases_run_natively(registry, type_):
    native = 0
    for one in (c for c in CASES if c.type == type_):
        net = compiled(registry, one, False, threads=1)[3]
        for stage in net.program().stages:
            native += stage.engine == "MKL"
            for engine, reason in stage.declined:
                assert engine == "MKL" or "shapes are not known" in reason
                assert any(r in reason for r in REASONS), reason
    assert native, f"no case of {type_} runs natively"
