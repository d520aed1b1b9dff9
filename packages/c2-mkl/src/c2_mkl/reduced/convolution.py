"""Conv in bf16 and int8: channels last, weights packed once, sums and activations inside."""

from __future__ import annotations

from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.conv.geometry import resolve_window, spatial
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Declined, chain_of, reduced_native
from c2_mkl.image import Image, image_of
from c2_mkl.library import OneDNN
from c2_mkl.native.convolution_geometry import Geometry
from c2_mkl.primitive import Handle, Primitive, any_layout, primitive, strided
from c2_mkl.reduced.arithmetic import Arithmetic, arithmetic_of
from c2_mkl.reduced.depthwise import depthwise
from c2_mkl.reduced.storage import Kept, kept_for, kept_inputs, strides_of_last
from c2_mkl.reduced.weights import place_reduced, stored_as


@reduced_native("Conv", "Conv1D", "Conv2D", "Conv3D")
def build_convolution(request: NativeRequest, library: OneDNN) -> NativeKernel:
    order, group = request.args["order"], request.args["group"]
    names = ("order", "group", "no_gradient_to_input")
    arguments = {k: v for k, v in request.args.items() if k not in names}
    window = resolve_window(spatial(request.inputs[0].shape or (), order), **arguments)
    if len(window.kernel) > 3 or min(window.head) < 0:
        raise Declined("more than three spatial axes, or pads that crop")
    ends = (image_of(request.inputs[0], PLAIN, order), image_of(request.outputs[0], PLAIN, order))
    return _kernel(request, library, Geometry(*ends, window, group, order))


def _kernel(request: NativeRequest, library: OneDNN, geometry: Geometry) -> NativeKernel:
    adds = bool(request.post) and request.post[0][0] in ("Sum", "Add")
    count, last = len(request.inputs), geometry.order.upper() == "NCHW"
    have = kept_inputs(request)
    X = have[0] if have[0] is not None and have[0].last == last else kept_for(request, 0, last)
    Y = kept_for(request, count, last)
    S = _summand(request, have[-1], last) if adds else None
    arithmetic = arithmetic_of(request, library, X, Y, S)
    own = depthwise(request, library, geometry, arithmetic, (X, Y, S))
    if own is not None:
        return own
    masks, factors = arithmetic.arguments(library, 1 if geometry.group == 1 else 3)
    one = _primitive(request, library, geometry, (X, Y, S), arithmetic, masks)
    if one.is_slow:
        raise Declined(f"oneDNN has only plain loops for it in {request.precision}")
    chain = chain_of(request, library)
    steps = arithmetic.weight_steps
    place = place_reduced(chain, request, geometry.weights, geometry.weight_strides, one, steps)
    arguments: list[tuple[int, Any, Any]] = [
        (n.SOURCE, one.layout(n.QUERY_SOURCE), 0),
        (n.WEIGHTS, one.layout(n.QUERY_WEIGHTS), place),
        (n.TARGET, one.layout(n.QUERY_TARGET), chain.output),
        *factors,
    ]
    if arithmetic.bias is not None:
        arguments.append((n.BIAS, strided(library, [geometry.target.C]), arithmetic.bias))
    middle = [PLAIN] * (count - 1)
    if S is not None:  # oneDNN adds to what is there already
        middle[-1] = S
        chain.add("copy", {"bytes": S.nbytes(request.outputs[0])}, [count - 1, chain.output])
    one.add_to(chain, request.threads, arguments)
    return chain.kernel([X, *middle], [Y])


def _summand(request: NativeRequest, have: Kept | None, last: bool) -> Kept:
    if have is not None and have.last == last:
        return have
    return kept_for(request, len(request.inputs) - 1, last)


def _primitive(
    request: NativeRequest,
    library: OneDNN,
    geometry: Geometry,
    layouts: tuple[Kept, Kept, Kept | None],
    arithmetic: Arithmetic,
    masks: dict[int, int],
) -> Primitive:
    (X, Y, S), window = layouts, geometry.window
    bias = library.ffi.NULL if arithmetic.bias is None else strided(library, [geometry.target.C])

    def append(post: Any) -> None:
        if S is not None:
            library.api.post_ops_append_sum(post, arithmetic.summand, 0, S.dtype)
        arithmetic.append_to(library)(post)

    return primitive(
        library, "convolution_forward", library.engine, n.INFERENCE, n.DIRECT, _memory(library, geometry.source, X),
        any_layout(library, geometry.weights, stored_as(request)), bias, _memory(library, geometry.target, Y),
        list(window.stride), [d - 1 for d in window.dilation], list(window.head), list(geometry.tail),
        threads=request.threads, append=append, scales=masks,
    )  # fmt: skip


def _memory(library: OneDNN, image: Image, layout: Kept) -> Handle:
    """An image with its channels last, whatever the order of the operator."""
    return strided(library, image.dims, strides_of_last(image.dims), layout.dtype)
