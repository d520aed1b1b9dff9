"""Losses and their gradients, Accuracy, and the constant that a gradient starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix
from c2.ops.loss.labels import check_labels
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN


@mkl_native("LabelCrossEntropy", "LabelCrossEntropyGradient", integers=(1,))
def build_label_cross_entropy(request: NativeRequest, library: OneDNN) -> NativeKernel:
    shape = request.inputs[0].shape or ()
    form = _labelled(request, as_matrix(shape, 1) if len(shape) > 1 else (1, *shape))
    backward = request.type.endswith("Gradient")
    return _labels(request, library, f"label_cross_entropy{'_gradient' if backward else ''}", form)


@mkl_native("SoftmaxWithLoss", "SoftmaxWithLossGradient", integers=(1,))
def build_softmax_with_loss(request: NativeRequest, library: OneDNN) -> NativeKernel:
    args, backward = request.args, request.type.endswith("Gradient")
    if args["label_prob"]:
        raise Declined("class numbers only, no probabilities as labels")
    weighted = len(request.inputs) - 2 * backward > 2
    more = {
        "scale": args["scale"], "weighted": int(weighted), "by_batch": int(bool(args["average_by_batch_size"])),
    }  # fmt: skip
    X = request.inputs[0]
    assert X.shape is not None
    form = _labelled(request, as_matrix(X.shape, args["axis"]))
    name = f"softmax_with_loss{'_gradient' if backward else ''}"
    return _labels(request, library, name, {**form, **more})


@mkl_native("Accuracy", integers=(1,))
def build_accuracy(request: NativeRequest, library: OneDNN) -> NativeKernel:
    form = _labelled(request, request.inputs[0].shape or ())
    return _labels(request, library, "accuracy", {**form, "top": request.args["top_k"]})


def _labelled(request: NativeRequest, matrix: tuple[int, ...]) -> dict[str, Any]:
    rows, columns = matrix
    wide = request.inputs[1].dtype == "int64"
    return {"rows": rows, "columns": columns, "wide_labels": int(wide)}


def _labels(
    request: NativeRequest, library: OneDNN, name: str, fields: dict[str, Any]
) -> NativeKernel:
    chain = chain_of(request, library)
    given = range(len(request.inputs) + len(request.outputs))
    chain.add(name, fields, given, context="labelled")

    def explain(code: int, inputs: Sequence[Any]) -> None:
        if code == library.shim.C2_BAD_LABEL:
            check_labels(inputs[1], fields["columns"])

    return chain.kernel(explain=explain)


@mkl_native("AveragedLoss", "AveragedLossGradient")
def build_averaged_loss(request: NativeRequest, library: OneDNN) -> NativeKernel:
    name = "averaged_gradient" if request.type.endswith("Gradient") else "averaged"
    chain = chain_of(request, library)
    given = range(len(request.inputs) + 1)
    chain.add(name, {"n": request.inputs[0].size}, given, context="averaged")
    return chain.kernel()


@mkl_native("ConstantFill", any_dtype=True)
def build_constant_fill(request: NativeRequest, library: OneDNN) -> NativeKernel:
    Y, args = request.outputs[0], request.args
    if Y.dtype != "float32" or args["input_as_shape"] or len(request.inputs) > 1:
        raise Declined("float32 only, and no value or shape from an input")
    chain = chain_of(request, library)
    fields = {"n": Y.size, "value": args["value"] or 0.0, "buffer": len(request.inputs)}
    chain.add("fill", fields, range(len(request.inputs) + 1))
    return chain.kernel()
