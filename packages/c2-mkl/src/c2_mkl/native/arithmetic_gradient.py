"""Gradients of Add, Sub, Mul and Div, and the sums that undo a broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.binary.broadcast import aligned_shape, operand_shape
from c2.registry import TensorSpec
from c2_mkl.activation import add_unary
from c2_mkl.call import Chain, Declined, chain_of, mkl_native
from c2_mkl.image import elementwise_layout
from c2_mkl.library import OneDNN
from c2_mkl.native.elementwise import plain_form
from c2_mkl.native.fold import add_fold


@mkl_native("AddGradient", "SubGradient", "MulGradient", "DivGradient")
def build_arithmetic_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    made = _Gradient(request, library)
    if made.A.shape == made.B.shape:
        return made.of_equal_shapes()
    if made.A.shape != made.dC.shape:
        raise Declined("A is broadcast too")
    return made.of_stretched()


class _Gradient:
    """The calls of one gradient. dA may lie where dC does, so it is written last; of a difference, first."""

    def __init__(self, request: NativeRequest, library: OneDNN) -> None:
        self.request, self.threads = request, request.threads
        self.type = request.type.removesuffix("Gradient")
        self.chain = chain_of(request, library)
        self.of_dC, self.of_A, self.of_B = (
            (2, 0, 0) if len(request.inputs) == 3 and self.is_div else (0, 1, 2)
        )
        self.of_C = len(request.inputs) - 1 if self.of_dC == 0 else 1
        self.dC, self.A, self.B = (request.inputs[k] for k in (self.of_dC, self.of_A, self.of_B))
        self.dA, self.dB = self.chain.output, self.chain.output + 1

    @property
    def is_div(self) -> bool:
        return self.type == "Div"

    def of_equal_shapes(self) -> NativeKernel:
        layout, size = elementwise_layout(self.request, keeps_padding=not self.is_div)
        if self.type in ("Add", "Sub"):
            nbytes = layout.nbytes(self.dC)
            self.chain.add("copy", {"bytes": nbytes}, [self.of_dC, self.dA])
            self._add_dB_of_sum(size, nbytes)
        else:
            other = self.of_C if self.is_div else self.of_A
            given = [self.of_dC, self.of_B, other, self.dA, self.dB]
            self.chain.add("pair_gradient", self._fields(self.type, size), given, context="binary")
        return self.chain.kernel([layout] * len(self.request.inputs), [layout] * 2)

    def _add_dB_of_sum(self, size: int, nbytes: int) -> None:
        if self.type == "Add":
            self.chain.add("copy", {"bytes": nbytes}, [self.of_dC, self.dB])
        else:
            add_unary(self.chain, "NEGATIVE", 0.0, 0.0, size, [self.of_dC, self.dB], self.threads)

    def _fields(self, operation: str, size: int) -> dict[str, Any]:
        kind = getattr(self.chain.library.shim, f"C2_{operation.upper()}")
        return {"n": size, "kind": kind, "threads": self.threads}

    def of_stretched(self) -> NativeKernel:
        form = plain_form(self.A, self.B, self.request.args)
        source = self._terms_of_dB(form)
        seen = operand_shape(self.A, self.B, **self.request.args)
        factor = -1.0 if self.type in ("Sub", "Div") else 1.0
        add_sum_to(self.chain, self.dC, seen, [source, self.dB], self.threads, factor)
        if self.type in ("Add", "Sub"):
            self.chain.add("copy", {"bytes": self.dC.nbytes}, [self.of_dC, self.dA])
        else:
            self._by_channel(form, [self.of_dC, self.of_B, self.dA])
        return self.chain.kernel([PLAIN] * len(self.request.inputs), [PLAIN] * 2)

    def _terms_of_dB(self, form: dict[str, Any]) -> int:
        """The position of what dB is the sum of, but for its sign."""
        if self.type in ("Add", "Sub"):
            return self.of_dC
        self.chain.reserve(self.dC.nbytes)
        place = self.chain.scratch_buffer
        other = self.of_C if self.is_div else self.of_A
        self.chain.add("binary", self._fields("Mul", self.dC.size), [self.of_dC, other, place])
        if self.is_div:
            self._by_channel(form, [place, self.of_B, place])
        return place

    def _by_channel(self, form: dict[str, Any], buffers: Sequence[int]) -> None:
        kind = self._fields(self.type, 0)["kind"]
        self.chain.add("by_channel", {**form, "kind": kind, "threads": self.threads}, buffers)


def add_sum_to(
    chain: Chain,
    source: TensorSpec,
    entered: Sequence[int],
    buffers: Sequence[int],
    threads: int,
    factor: float = 1.0,
) -> None:
    """Appends the sum over the axes along which an operand of shape `entered` was stretched to that of `source`."""
    assert source.shape is not None
    padded = (1,) * (len(source.shape) - len(entered)) + tuple(entered)
    axes = [k for k, (s, p) in enumerate(zip(source.shape, padded)) if p == 1 and s != 1]
    add_fold(chain, source.shape, axes, buffers, threads, factor=factor)


@mkl_native("SumReduceLike")
def build_sum_reduce_like(request: NativeRequest, library: OneDNN) -> NativeKernel:
    A, B = request.inputs
    assert A.shape is not None
    assert B.shape is not None
    chain = chain_of(request, library)
    entered = aligned_shape(A.shape, B.shape, **request.args)
    add_sum_to(chain, A, entered, [0, chain.output], request.threads)
    return chain.kernel()
