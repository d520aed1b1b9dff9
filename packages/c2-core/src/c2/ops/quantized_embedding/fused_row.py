"""The fused row: codes of few bits, then the scale and the bias, all in one row of bytes.

X = code * scale + bias. Codes stand from the low bits of the first byte on. Scale and bias are two float32, or two
float16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from c2.registry import TensorSpec, require


@dataclass(frozen=True)
class FusedRow:
    """A layout of rows.

    Attributes:
        bits: of one code; 8, 4 or 2.
        half: scale and bias are float16.
    """

    bits: int
    half: bool

    @property
    def dtype(self) -> Any:
        """Of scale and bias."""
        return np.dtype(np.float16 if self.half else np.float32)

    @property
    def tail(self) -> int:
        """Bytes of scale and bias."""
        return 2 * self.dtype.itemsize

    @property
    def per_byte(self) -> int:
        return 8 // self.bits

    def __str__(self) -> str:
        return f"{self.bits}-bit codes, then scale and bias as {self.dtype}"


BITS_8, BITS_8_HALF = FusedRow(8, False), FusedRow(8, True)
BITS_4, BITS_2 = FusedRow(4, True), FusedRow(2, True)


def encoded_shape(X: TensorSpec, layout: FusedRow) -> tuple[int, ...]:
    """The shape of the bytes of X."""
    require(X.ndim >= 1, "input must have one axis or more", "(..., D)", X.shape)
    assert X.shape is not None
    D = X.shape[-1]
    require(D > 0, "rows of input must have elements", "1 or more", D)
    fits = D % layout.per_byte == 0
    require(
        fits, "the last size of input must fill whole bytes", f"a multiple of {layout.per_byte}", D
    )
    return (*X.shape[:-1], D // layout.per_byte + layout.tail)


def decoded_shape(name: str, rows: TensorSpec, layout: FusedRow) -> tuple[int, ...]:
    """The shape of the numbers in rows of bytes."""
    require(rows.ndim >= 1, f"{name} must have one axis or more", "(..., bytes)", rows.shape)
    assert rows.shape is not None
    B = rows.shape[-1]
    require(layout.tail <= B, f"a row of {name} must hold scale and bias", layout.tail, B)
    return (*rows.shape[:-1], (B - layout.tail) * layout.per_byte)


def decode(xp: Any, rows: Any, layout: FusedRow) -> Any:
    """The numbers of rows, float32."""
    scale_bias = (
        xp.ascontiguousarray(rows[..., -layout.tail :]).view(layout.dtype).astype("float32")
    )
    codes = rows[..., : -layout.tail]
    if layout.bits < 8:
        parts = [codes >> (layout.bits * k) for k in range(layout.per_byte)]
        codes = xp.stack(parts, axis=-1) & (2**layout.bits - 1)
        codes = codes.reshape(*rows.shape[:-1], (rows.shape[-1] - layout.tail) * layout.per_byte)
    X = codes.astype("float32")
    X *= scale_bias[..., :1]
    X += scale_bias[..., 1:]
    return X


def encode(xp: Any, X: Any, layout: FusedRow) -> Any:
    """The rows of bytes for the numbers X."""
    X = X.astype("float32", copy=False)
    bias, peak = X.min(axis=-1, keepdims=True), X.max(axis=-1, keepdims=True)
    largest = xp.float32(2**layout.bits - 1)
    if layout.half:
        bias = bias.astype("float16").astype(
            "float32"
        )  # so that the codes count from the stored one
        scale = ((peak - bias) / largest).astype("float16").astype("float32")
        inverse = 1 / scale
        flat = (scale == 0) | xp.isinf(inverse)
        scale, inverse = xp.where(flat, 1, scale), xp.where(flat, 1, inverse)
    else:
        scale = (peak - bias) / largest
        inverse = largest / (peak - bias + xp.float32(1e-8))
    codes = xp.rint((X - bias) * inverse)
    codes = xp.clip(xp.where(xp.isnan(codes), 0, codes), 0, largest).astype("uint8")
    if layout.bits < 8:
        pairs = codes.reshape(*X.shape[:-1], X.shape[-1] // layout.per_byte, layout.per_byte)
        codes = pairs[..., 0]
        for k in range(1, layout.per_byte):
            codes = codes | (pairs[..., k] << (layout.bits * k))
    scale_bias = xp.concatenate([scale, bias], axis=-1).astype(layout.dtype).view("uint8")
    return xp.concatenate([codes, scale_bias], axis=-1)
