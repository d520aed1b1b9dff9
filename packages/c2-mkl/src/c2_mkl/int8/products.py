"""Int8Conv, Int8ConvRelu and Int8FC: integer sums by oneDNN, rounded once in double; bit for bit c2-core's results.

Steps of the filters, data - zero point, lie in -255..255. Where they leave the 8 bits that oneDNN takes, what is over
becomes filters of its own, whose products are added to the same sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from c2.compile.layout import PLAIN
from c2.compile.net import default_threads
from c2.ops.conv.geometry import Window
from c2.ops.int8 import products as portable
from c2.registry import TensorSpec, kernel
from c2.serialize.blobs import Int8Tensor
from c2_mkl import onednn_numbers as n
from c2_mkl.call import ENGINE, Chain, Declined
from c2_mkl.image import image_of
from c2_mkl.int8.call import Int8Call, least_of, why_no_int8
from c2_mkl.library import OneDNN, onednn
from c2_mkl.native.convolution_geometry import Geometry
from c2_mkl.packing import pack
from c2_mkl.primitive import Array, Primitive, any_layout, primitive, strided
from c2_mkl.reduced.storage import strides_of_last

MOST_TERMS = 2**31 // (255 * 128)  # of a sum that int32 holds whatever the numbers are
BYTES = "NHWC"


class Products:
    """A kernel of 8-bit products: made anew when shapes, scales, filters or bias change."""

    def __init__(self, xp: Any, *specs: Any, **args: Any) -> None:
        self.args = args
        self.made: Int8Call | None = None
        self.made_for: tuple[Any, ...] = ()
        self.constants: tuple[Array | None, Array | None] = (None, None)

    def call_of(
        self, X: Int8Tensor, W: Int8Tensor, bias: Array | None, geometry: Geometry, relu: bool
    ) -> Int8Call | None:
        """The native call for these tensors; None where there is none, and c2-core's kernel serves."""
        key = (X.data.shape, X.scale, X.zero_point, W.scale, W.zero_point)
        same = all(map(_equal, self.constants, (W.data, bias)))  # they may be written in place
        if key != self.made_for or not same:
            scale, zero_point = self.args["Y_scale"], self.args["Y_zero_point"]
            fields = {
                "factor": X.scale * W.scale / scale, "zero_point": zero_point,
                "least": least_of(zero_point, relu),
            }  # fmt: skip
            self.constants = (W.data.copy(), None if bias is None else bias.copy())
            self.made_for = key
            try:
                self.made = _build(onednn(), X, W, self.constants[1], geometry, fields)
            except Declined:
                self.made = None
        return self.made


def _equal(a: Array | None, b: Array | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)


def _build(
    library: OneDNN, X: Int8Tensor, W: Int8Tensor, bias: Array | None, geometry: Geometry,
    fields: dict[str, Any],
) -> Int8Call:  # fmt: skip
    threads, channels = default_threads(), geometry.target.C
    if np.prod(geometry.weights[-len(geometry.window.kernel) - 1 :]) > MOST_TERMS:
        raise Declined("sums that may leave 32 bits")
    sums = TensorSpec((geometry.target.N, *geometry.target.sizes, channels), np.dtype(np.int32))
    chain = Chain(library, 1, 1)
    place = (chain.scratch_buffer, chain.reserve(sums.nbytes))
    for k, steps in enumerate(_parts(W)):
        one = _convolution(library, geometry, threads, adds=k > 0)
        packed = pack(
            library,
            steps,
            strided(library, geometry.weights, geometry.weight_strides, n.S8),
            one,
            threads,
        )
        zero = np.array([X.zero_point], np.int32)
        one.add_to(chain, threads, [
            (n.SOURCE, one.layout(n.QUERY_SOURCE), 0), (n.WEIGHTS, one.layout(n.QUERY_WEIGHTS), packed.array),
            (n.TARGET, one.layout(n.QUERY_TARGET), place),
            (n.ZERO_POINTS | n.SOURCE, strided(library, [1], dtype=n.S32), zero),
        ])  # fmt: skip
        chain.keep += [packed, steps]
    held = None if bias is None else np.ascontiguousarray(bias, np.int32)
    address = library.ffi.NULL if held is None else library.ffi.cast("int32_t *", held.ctypes.data)
    chain.add(
        "int8_result",
        {**fields, "rows": sums.size // channels, "channels": channels, "bias": address, "threads": threads},
        [chain.scratch_buffer, chain.output], (place[1], 0), keep=held,
    )  # fmt: skip
    return Int8Call(library, chain.kernel([PLAIN], [PLAIN]))


def _parts(W: Int8Tensor) -> list[Array]:
    """Steps of the filters as 8-bit integers that add up to them."""
    left = W.data.astype(np.int16) - W.zero_point
    parts: list[Array] = []
    while not parts or left.any():
        parts.append(left.clip(-128, 127).astype(np.int8))
        left = left - parts[-1]
    return parts


def _convolution(library: OneDNN, geometry: Geometry, threads: int, adds: bool) -> Primitive:
    def append(post: Any) -> None:
        library.api.post_ops_append_sum(post, 1.0, 0, n.S32)

    window = geometry.window
    ends = [
        strided(library, image.dims, strides_of_last(image.dims), dtype)
        for image, dtype in ((geometry.source, n.U8), (geometry.target, n.S32))
    ]
    one = primitive(
        library, "convolution_forward", library.engine, n.INFERENCE, n.DIRECT, ends[0],
        any_layout(library, geometry.weights, n.S8), library.ffi.NULL, ends[1], list(window.stride),
        [d - 1 for d in window.dilation], list(window.head), list(geometry.tail), threads=threads,
        append=append if adds else None, zero_points=[n.SOURCE],
    )  # fmt: skip
    if one.is_slow:
        raise Declined("oneDNN has only plain loops for it")
    return one


def _images(X: Sequence[int], Y: Sequence[int], window: Window, group: int) -> Geometry:
    source, target = (
        image_of(TensorSpec(tuple(shape), np.dtype(np.uint8)), PLAIN, BYTES) for shape in (X, Y)
    )
    return Geometry(source, target, window, group, BYTES)


def _by_core(kernel: Any, *inputs: Any, **args: Any) -> Int8Tensor:
    found: Int8Tensor = kernel(np, *inputs, **args)
    return found


def _conv_kernel(type_: str, relu: bool) -> type[Products]:
    reference = (portable.INT8_CONV_RELU if relu else portable.INT8_CONV).kernel

    class Int8Conv(Products):
        def __call__(self, X: Any, W: Any, b: Any = None) -> Int8Tensor:
            window = dict(self.args)
            group, order = window.pop("group"), window.pop("order")
            scale, zero_point = window.pop("Y_scale"), window.pop("Y_zero_point")
            found = portable.conv_window(X, W, order, group, window)
            shape = (X.data.shape[0], *found.outputs, W.data.shape[0])
            geometry = _images(X.data.shape, shape, found, group)
            call = self.call_of(X, W, portable.bias_steps(b, X, W), geometry, relu)
            if call is None:
                return _by_core(reference, X, W, b, **self.args)
            return Int8Tensor(call([X.data], shape), scale, zero_point)

    Int8Conv.__name__, Int8Conv.__module__ = type_, __name__
    return kernel(type_, device="CPU", engine=ENGINE, supports=why_no_int8)(Int8Conv)


INT8_CONV, INT8_CONV_RELU = _conv_kernel("Int8Conv", False), _conv_kernel("Int8ConvRelu", True)


@kernel("Int8FC", device="CPU", engine=ENGINE, supports=why_no_int8)
class Int8FC(Products):
    """A convolution 1x1 of one image, whose positions are the rows of X."""

    def __call__(self, X: Any, W: Any, b: Any) -> Int8Tensor:
        args = self.args
        rows, columns, shape = portable.fc_sizes(X, W, args["axis"], args["axis_w"])
        one = (1, 1)
        window = Window(one, one, one, (0, 0), (0, 0), (rows[0], 1), (rows[0], 1))
        geometry = _images((1, rows[0], 1, rows[1]), (1, rows[0], 1, columns[0]), window, 1)
        call = self.call_of(X, W, portable.bias_steps(b, X, W), geometry, False)
        if call is None:
            return _by_core(portable.INT8_FC.kernel, X, W, b, **args)
        return Int8Tensor(call([X.data], shape), args["Y_scale"], args["Y_zero_point"])
