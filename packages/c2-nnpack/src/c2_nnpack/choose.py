"""Which algorithm a convolution gets: the one with the least estimated time, or none where direct ones win.

An estimate counts cycles of a core that does one multiplication and addition of 16 floats per cycle; constants are
measured on a Zen 4 core. Only their ratios matter, as direct convolutions are estimated alike. The number of threads
does not count, so that the same bits come out for any.
"""

from __future__ import annotations

from dataclasses import dataclass

# m of F(m x m, 3 x 3) -> bound of the error that is tested, relative to the largest output. The largest one found with
# up to 512 channels is a quarter to a half of it; a direct convolution in float32 has 7e-7.
ERRORS = {2: 3e-6, 4: 5e-5, 6: 1e-4}
AUTO = (2, 4, 6)
NEAR = 1 << 20  # bytes of weights that stay in a core's cache
SHARED = 4 << 20  # bytes of weights that stay in the cache of all cores until the net's next run
CYCLES_PER_BYTE = (
    1 / 8
)  # of weights from memory: half of what reading takes, as it goes on meanwhile
TRANSFORM = 12  # cycles for a point of a tile, on the way there and back, per 16 channels
FEW = (
    16  # channels: with fewer, most of a block is padding, which direct convolutions need not have
)
GAIN = 0.85  # of the direct convolution's time: what has to be reached


@dataclass(frozen=True)
class Convolution:
    """A convolution 3x3 of stride 1: batch, channels, outputs, and the size of what comes out."""

    N: int
    C: int
    K: int
    height: int
    width: int
    threads: int = 1

    @property
    def blocks(self) -> tuple[int, int]:
        """Blocks of 16 channels, in and out."""
        return -(-self.C // 16), -(-self.K // 16)

    def tiles(self, m: int) -> int:
        return self.N * -(-self.height // m) * -(-self.width // m)


def direct_cycles(one: Convolution) -> float:
    """Of a direct convolution at the peak of the CPU."""
    C, K = one.blocks
    products = 9 * 16 * C * K * one.N * one.height * one.width
    return products + _reading(9 * C * K)


def winograd_cycles(one: Convolution, m: int) -> float:
    C, K = one.blocks
    points, tiles = (m + 2) ** 2, one.tiles(m)
    products = points * 16 * C * K * tiles
    transforms = points * (C + K) * tiles * TRANSFORM / 2
    return products + transforms + _reading(points * C * K)


def _reading(blocks: int) -> float:
    nbytes = blocks * 16 * 16 * 4
    return max(0, nbytes - SHARED) * CYCLES_PER_BYTE


def choose_tile(one: Convolution, any_gain: bool = False) -> int | str:
    """The m of the fastest F(m x m, 3 x 3), or why none is; `any_gain` asks for the fastest whatever it gains."""
    if min(one.C, one.K) < FEW and not any_gain:
        return f"fewer than {FEW} channels"
    best = min(AUTO, key=lambda m: winograd_cycles(one, m))
    if any_gain or winograd_cycles(one, best) <= GAIN * direct_cycles(one):
        return best
    return "Winograd would not be faster than a direct convolution here"


def tiles_at_a_time(one: Convolution, m: int) -> int:
    """Tiles that are transformed together: few, so that they stay near; more where weights come from memory.

    Groups of them are of nearly the same size, and as many for each thread.
    """
    C, K = one.blocks
    tiles, most = one.tiles(m), 14 if (m + 2) ** 2 * C * K * 1024 <= NEAR else 56
    groups = -(-tiles // most)
    if groups > 1:
        groups = -(-groups // one.threads) * one.threads
    return -(-tiles // groups)
