"""Sums, means, norms and extremes over axes, and their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.reduce.axes import reduced_axes
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN
from c2_mkl.native.fold import add_fold, fold_form

KINDS = {"Sum": "SUM", "Mean": "SUM", "L1": "ABS", "L2": "SQUARE", "Max": "MAX", "Min": "MIN"}
SIDES = tuple(
    f"Reduce{side}{what}" for side in ("Front", "Back") for what in ("Sum", "Mean", "Max")
)
ROWS = ("RowwiseMax", "ColwiseMax")
ELEMENTS = ("SumElements", "SumSqrElements")


@mkl_native(*(f"Reduce{what}" for what in KINDS), *SIDES, *ROWS, *ELEMENTS, "ReduceTailSum")
def build_reduction(request: NativeRequest, library: OneDNN) -> NativeKernel:
    if len(request.inputs) > 1:
        raise Declined("lengths")
    X = request.inputs[0]
    assert X.shape is not None
    axes, chain = _axes(request, X.shape), chain_of(request, library)
    add_fold(
        chain, X.shape, axes, [0, chain.output], request.threads, kind=_kind(request.type),
        factor=_factor(request, X.shape, axes), root=request.type == "ReduceL2",
    )  # fmt: skip
    return chain.kernel()


# Positions of dY, X and Y among the inputs; of the sums Y is not read.
_ORDERS = {
    **{f"Reduce{what}Gradient": (0, 1, 2) for what in KINDS},
    **{f"{type_}Gradient": (0, 1, 2 if type_.endswith("Max") else 0) for type_ in SIDES},
    **{f"{type_}Gradient": (2, 0, 1) for type_ in ROWS},
    "SumElementsGradient": (1, 0, 1),
}


@mkl_native(*_ORDERS)
def build_reduction_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    order = _ORDERS[request.type]
    if len(request.inputs) > max(order) + 1 and request.type.startswith(
        ("ReduceFront", "ReduceBack")
    ):
        raise Declined("lengths")
    shape, chain = request.inputs[order[1]].shape or (), chain_of(request, library)
    axes = _axes(request, shape)
    fields = {
        **fold_form(shape, axes), "kind": getattr(library.shim, f"C2_FOLD_{_kind(request.type)}"),
        "factor": _factor(request, shape, axes), "threads": request.threads,
    }  # fmt: skip
    chain.add("unfold", fields, [*order, chain.output], context="fold")
    return chain.kernel()


def _kind(type_: str) -> str:
    type_ = type_.removesuffix("Gradient")
    if type_ == "SumSqrElements":
        return "SQUARE"
    return next((kind for what, kind in KINDS.items() if type_.endswith(what)), "SUM")


def _axes(request: NativeRequest, shape: Sequence[int]) -> tuple[int, ...]:
    """The axes that a reduction, or the one that this is the gradient of, takes away."""
    ndim, type_ = len(shape), request.type
    if type_.startswith(ROWS):
        return (2,) if type_.startswith("Rowwise") else (1,)
    if type_.startswith(("Sum", "ReduceTail")):
        return tuple(range(type_ == "ReduceTailSum", ndim))
    if "num_reduce_dim" in request.args:
        n = request.args["num_reduce_dim"]
        return tuple(range(n)) if "Front" in type_ else tuple(range(ndim - n, ndim))
    return reduced_axes(request.args["axes"], ndim)


def _factor(request: NativeRequest, shape: Sequence[int], axes: Sequence[int]) -> float:
    """Of a mean, one by the number of elements."""
    averages = "Mean" in request.type or request.args.get("average", False)
    return 1 / prod(shape[a] for a in axes) if averages else 1.0
