"""Activations, arithmetic and sums."""

from __future__ import annotations

from math import prod
from typing import Any

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import TensorSpec
from c2_mkl.activation import add_activation, add_post, keeps_zero
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.image import LAST, elementwise_layout, image_of
from c2_mkl.library import OneDNN

ACTIVATIONS = (
    "Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "Elu", "Swish", "HardSigmoid", "Gelu", "Softplus",
)  # fmt: skip


@mkl_native(*ACTIVATIONS)
def build_activation(request: NativeRequest, library: OneDNN) -> NativeKernel:
    chain = chain_of(request, library)
    applied = [(request.type, request.args), *request.post]
    layout, size = elementwise_layout(request, all(keeps_zero(*one) for one in applied))
    add_activation(chain, request.type, request.args, size, 0, chain.output, request.threads)
    add_post(chain, request.post, size, request.threads)
    return chain.kernel([layout], [layout])


@mkl_native("Add", "Sub", "Mul", "Div")
def build_arithmetic(request: NativeRequest, library: OneDNN) -> NativeKernel:
    A, B = request.inputs
    chain = chain_of(request, library)
    kind = getattr(library.shim, f"C2_{request.type.upper()}")
    if A.shape == B.shape:
        padding = request.type != "Div" and all(keeps_zero(*one) for one in request.post)
        layout, size = elementwise_layout(request, padding)
        fields = {"n": size, "kind": kind, "threads": request.threads}
        chain.add("binary", fields, [0, 1, chain.output])
        layouts = [layout, layout]
    else:
        form, layout = by_channel(request)
        size = form["planes"] * form["positions"] * form["block"]
        chain.add(
            "by_channel", {**form, "kind": kind, "threads": request.threads}, [0, 1, chain.output]
        )
        layouts = [layout, PLAIN]
    add_post(chain, request.post, size, request.threads)
    return chain.kernel(layouts, [layout])


@mkl_native("Sum")
def build_sum(request: NativeRequest, library: OneDNN) -> NativeKernel:
    count = len(request.inputs)
    if not 2 <= count <= 32:
        raise Declined(f"2 to 32 summands, not {count}")
    chain = chain_of(request, library)
    layout, size = elementwise_layout(request, all(keeps_zero(*one) for one in request.post))
    fields = {"n": size, "count": count, "threads": request.threads}
    chain.add("sum", fields, range(count + 1))
    add_post(chain, request.post, size, request.threads)
    return chain.kernel([layout] * count, [layout])


def by_channel(request: NativeRequest) -> tuple[dict[str, Any], Layout]:
    """B along consecutive axes of A: planes, positions, block and channels of A, and the layout of A."""
    A, B = request.inputs
    if request.outputs[0].shape != A.shape:
        raise Declined("A is broadcast too")
    last = request.layouts is not None and request.layouts[0] == LAST
    if last and B.size > 1 and place_of(A, B, request.args) == (1, 1):
        image = image_of(A, LAST)
        return channel_form(image.planes, image.positions, image.block, image.C), LAST
    return plain_form(A, B, request.args), PLAIN


def plain_form(A: TensorSpec, B: TensorSpec, args: dict[str, Any]) -> dict[str, Any]:
    """The same for a plain A."""
    assert A.shape is not None
    first, length = place_of(A, B, args)
    outer, own, inner = prod(A.shape[:first]), B.size, prod(A.shape[first + length :])
    if inner == 1 and own > 1:
        return channel_form(1, outer, own, own)
    return channel_form(outer * own, inner, 1, own)


def channel_form(planes: int, positions: int, block: int, channels: int) -> dict[str, Any]:
    return {"planes": planes, "positions": positions, "block": block, "channels": channels}


def place_of(A: TensorSpec, B: TensorSpec, args: dict[str, Any]) -> tuple[int, int]:
    """The first axis of A that B lies on, and how many it covers. Raises Declined for anything else."""
    from c2.ops.binary.broadcast import operand_shape

    assert A.shape is not None
    shape = operand_shape(A, B, **args)
    padded = (1,) * (len(A.shape) - len(shape)) + tuple(shape)
    wide = [k for k, size in enumerate(padded) if size != 1]
    if not wide:
        return len(A.shape), 0
    first, last = wide[0], wide[-1] + 1
    if padded[first:last] != A.shape[first:last]:
        raise Declined("B is stretched along axes that do not stand together")
    return first, last - first
