"""LayerNorm, GroupNorm and InstanceNorm, and their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN


@mkl_native("LayerNorm")
def build_layer_norm(request: NativeRequest, library: OneDNN) -> NativeKernel:
    fields = _layer(request, request.inputs[0].shape or ())
    return _forward(request, library, fields)


@mkl_native("LayerNormGradient")
def build_layer_norm_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    fields = _layer(request, request.inputs[0].shape or ())
    gamma = 5 if fields["affine"] else 4
    return _backward(request, library, fields, [4, gamma, 0, 2, 3])


@mkl_native("GroupNorm", "InstanceNorm")
def build_group_norm(request: NativeRequest, library: OneDNN) -> NativeKernel:
    return _forward(request, library, _groups(request, request.inputs[0].shape or ()))


@mkl_native("GroupNormGradient")
def build_group_norm_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    fields = _groups(request, request.inputs[1].shape or ())
    return _backward(request, library, fields, [1, 2, 0, 4, 5])


@mkl_native("InstanceNormGradient")
def build_instance_norm_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    if len(request.inputs) < 6:
        raise Declined("moments that have to be computed again")
    fields = _groups(request, request.inputs[0].shape or ())
    return _backward(request, library, fields, [0, 1, 3, 4, 5])


def _layer(request: NativeRequest, shape: Sequence[int]) -> dict[str, Any]:
    """Every element of a row has a factor of its own."""
    axis = request.args["axis"] % len(shape)
    rows, columns = prod(shape[:axis]), prod(shape[axis:])
    affine = int(request.args["elementwise_affine"])
    return {
        "rows": rows,
        "groups": 1,
        "channels": columns,
        "positions": 1,
        "affine": affine,
        "inverse": 0,
    }


def _groups(request: NativeRequest, shape: Sequence[int]) -> dict[str, Any]:
    """Every channel has a factor of its own; its positions are neighbours."""
    positions = prod(shape[2:])
    if request.args["order"].upper() != "NCHW" and positions > 1:
        raise Declined("channels that come last")
    C = shape[1] if request.args["order"].upper() == "NCHW" else shape[-1]
    groups = request.args.get("group", C)
    return {
        "rows": shape[0] * groups, "groups": groups, "channels": C // groups, "positions": positions, "affine": 1,
        "inverse": 1,
    }  # fmt: skip


def _forward(request: NativeRequest, library: OneDNN, fields: dict[str, Any]) -> NativeKernel:
    chain = chain_of(request, library)
    if len(request.outputs) == 2:
        raise Declined("one of the two moments")
    scaled = [0, 1, 2] if fields["affine"] else [0, 0, 0]
    given = [*scaled, *range(chain.output, chain.output + len(request.outputs))]
    more = {"gives_moments": int(len(request.outputs) > 1), **_settings(request)}
    chain.add("row_norm", {**fields, **more}, given)
    return chain.kernel()


def _backward(
    request: NativeRequest, library: OneDNN, fields: dict[str, Any], inputs: Sequence[int]
) -> NativeKernel:
    """`inputs` are the positions of X, gamma, dY, mean and deviation."""
    chain = chain_of(request, library)
    chain.reserve(4 * fields["rows"])
    outputs = [chain.output, *(chain.output + k * fields["affine"] for k in (1, 2))]
    given = [*inputs, *outputs, chain.scratch_buffer]
    chain.add("row_norm_gradient", {**fields, **_settings(request)}, given, context="row_norm")
    return chain.kernel()


def _settings(request: NativeRequest) -> dict[str, Any]:
    return {"epsilon": request.args["epsilon"], "threads": request.threads}
