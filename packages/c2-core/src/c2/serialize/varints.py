"""Protobuf's varints, many at a time, by NumPy.

A varint holds 7 bits of a number per byte, lowest first; the top bit of a byte says that more follow.
Negative numbers are their 64-bit two's complement, so ten bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 1 << 18  # numbers or bytes at a time: the temporaries stay in the cache
_MAX_BYTES = 10
_LIMITS = [np.uint64(1 << (7 * k)) for k in range(1, _MAX_BYTES)]


def encode_varints(numbers: NDArray[Any]) -> bytes:
    """The varints of `numbers`, one after another."""
    blocks = (numbers[i : i + _BLOCK] for i in range(0, len(numbers), _BLOCK))
    return b"".join(_encode(block.astype(np.int64).view(np.uint64)) for block in blocks)


def _encode(numbers: NDArray[np.uint64]) -> bytes:
    if not (numbers >= _LIMITS[0]).any():
        return numbers.astype(np.uint8).tobytes()
    lengths = np.ones(len(numbers), np.intp)
    largest = numbers.max()
    for limit in _LIMITS:
        if limit > largest:
            break
        lengths += numbers >= limit
    ends = np.cumsum(lengths)
    starts = ends - lengths
    out = np.empty(int(ends[-1]), np.uint8)
    rest = numbers
    while len(rest):
        more = rest >= _LIMITS[0]
        out[starts] = (rest & np.uint64(0x7F)).astype(np.uint8) | (more.view(np.uint8) << 7)
        starts = starts[more] + 1
        rest = rest[more] >> np.uint64(7)
    return out.tobytes()


def decode_varints(data: NDArray[np.uint8], out: NDArray[Any], skip_tags: bool = False) -> None:
    """Read `out.size` varints from the start of `data`, cut to the width of `out`'s dtype.

    Args:
        data: well-formed varints, as protobuf wrote them; what follows them is ignored.
        out: (n,), filled.
        skip_tags: each number comes after a one-byte tag.
    """
    done = 0
    start = 0
    per_number = 2 if skip_tags else 1
    while done < out.size:
        block = data[start : start + _BLOCK]
        ends = np.flatnonzero(block < 0x80)[: (out.size - done) * per_number]
        ends = ends[: len(ends) - len(ends) % per_number]
        numbers = _decode(block, ends)[per_number - 1 :: per_number]
        out[done : done + len(numbers)] = numbers.view(np.int64).astype(out.dtype)
        done += len(numbers)
        start += int(ends[-1]) + 1


def _decode(data: NDArray[np.uint8], ends: NDArray[np.intp]) -> NDArray[np.uint64]:
    if int(ends[-1]) + 1 == len(ends):  # one byte each
        return data[: len(ends)].astype(np.uint64)
    numbers = np.zeros(len(ends), np.uint64)
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    numbers = (data[starts] & 0x7F).astype(np.uint64)
    where = np.flatnonzero(ends > starts)
    position = starts[where] + 1
    shift = 7
    while len(where):
        numbers[where] |= (data[position] & 0x7F).astype(np.uint64) << np.uint64(shift)
        more = position < ends[where]
        where, position = where[more], position[more] + 1
        shift += 7
    return numbers
