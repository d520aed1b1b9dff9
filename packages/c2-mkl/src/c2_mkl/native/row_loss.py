"""SquaredL2Distance and SigmoidCrossEntropyWithLogits, and their gradients."""

from __future__ import annotations

from collections.abc import Sequence

from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix, as_rows
from c2_mkl.call import Chain, chain_of, mkl_native
from c2_mkl.library import OneDNN

ENTROPIES = ("SigmoidCrossEntropyWithLogits", "WeightedSigmoidCrossEntropyWithLogits")


@mkl_native("SquaredL2Distance", "SquaredL2DistanceGradient")
def build_square_distance(request: NativeRequest, library: OneDNN) -> NativeKernel:
    chain = chain_of(request, library)
    given = range(chain.output + len(request.outputs))
    return _added(chain, request, "square_distance", as_rows(request.inputs[0].shape or ()), given)


@mkl_native(*ENTROPIES)
def build_sigmoid_cross_entropy(request: NativeRequest, library: OneDNN) -> NativeKernel:
    chain = chain_of(request, library)
    rows, columns = _matrix(request.inputs[0].shape)
    chain.reserve(4 * request.threads * columns)
    given = [0, 1, len(request.inputs) - 1, chain.output, chain.scratch_buffer]
    return _added(chain, request, "sigmoid_cross_entropy", (rows, columns), given)


@mkl_native(*(f"{type_}Gradient" for type_ in ENTROPIES))
def build_sigmoid_cross_entropy_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    chain = chain_of(request, library)
    given = [0, 1, 2, len(request.inputs) - 1, chain.output]
    return _added(chain, request, "sigmoid_cross_entropy", _matrix(request.inputs[1].shape), given)


def _matrix(shape: tuple[int, ...] | None) -> tuple[int, int]:
    return as_matrix(shape, -1) if shape else (1, 1)


def _added(
    chain: Chain, request: NativeRequest, name: str, matrix: tuple[int, int], buffers: Sequence[int]
) -> NativeKernel:
    mode = (
        1 if request.args.get("log_D_trick") else 2 if request.args.get("unjoined_lr_loss") else 0
    )
    fields = {
        "rows": matrix[0], "columns": matrix[1], "mode": mode, "weighted": int(request.type.startswith("Weighted")),
        "threads": request.threads,
    }  # fmt: skip
    backward = "_gradient" if request.type.endswith("Gradient") else ""
    chain.add(f"{name}{backward}", fields, buffers, context="row_loss")
    return chain.kernel()
