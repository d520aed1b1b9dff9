"""Split, Slice and the gradient of Slice: parts along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Any

from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.shape.joined_axis import joined_axis
from c2.ops.shape.slice import resolve_slices
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN

MOST = 32  # parts that the C part's context has room for


@mkl_native("Split", "DepthSplit", any_dtype=True)
def build_split(request: NativeRequest, library: OneDNN) -> NativeKernel:
    X, parts = request.inputs[0], request.outputs
    assert X.shape is not None
    if len(parts) > MOST or X.dtype == object:
        raise Declined(f"at most {MOST} parts, and numbers only")
    outer = prod(X.shape[: joined_axis(request.args["axis"], request.args["order"], len(X.shape))])
    nbytes = [part.nbytes // outer for part in parts]
    fields = _rows(outer, X.nbytes, 0, nbytes, request.threads)
    chain = chain_of(request, library)
    given = range(len(request.inputs), len(request.inputs) + len(parts))
    chain.add("split", fields, [0, *given])
    slices = tuple(accumulate(nbytes[:-1], initial=0)) if outer == 1 else ()
    return chain.kernel(output_slices=slices)


@mkl_native("Slice", any_dtype=True)
def build_slice(request: NativeRequest, library: OneDNN) -> NativeKernel:
    fields = _cut(request)
    chain = chain_of(request, library)
    chain.add("split", fields, [0, chain.output])
    return chain.kernel(output_slices=(fields["start"],) if fields["outer"] == 1 else ())


@mkl_native("SliceGradient", any_dtype=True)
def build_slice_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    chain = chain_of(request, library)
    chain.add("put", _cut(request), [1, chain.output], context="split")
    return chain.kernel()


def _cut(request: NativeRequest) -> dict[str, Any]:
    """The part of the first input that a Slice takes."""
    X, args = request.inputs[0], request.args
    assert X.shape is not None
    if args["starts"] is None or len(request.inputs) > 2 or X.dtype == object:
        raise Declined("bounds from inputs, or no numbers")
    slices = resolve_slices(X.shape, args["starts"], args["ends"])
    bounds = [(s.start, s.stop) for s in slices]
    cut = [k for k, (s, size) in enumerate(zip(bounds, X.shape)) if s != (0, size)]
    axis = cut[0] if cut else 0
    start, stop = bounds[axis] if cut else (0, X.shape[0])
    inner = prod(X.shape[axis + 1 :]) * X.dtype.itemsize
    outer = prod(X.shape[:axis])
    return _rows(outer, X.nbytes, start * inner, [(stop - start) * inner], request.threads)


def _rows(
    outer: int, nbytes: int, start: int, parts: Sequence[int], threads: int
) -> dict[str, Any]:
    return {
        "outer": outer, "joined": nbytes // outer, "start": start, "bytes": list(parts), "count": len(parts),
        "threads": threads,
    }  # fmt: skip
