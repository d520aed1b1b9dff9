"""Ten thousand handwritten digits of MNIST (LeCun, Cortes & Burges, 1998); licence and origin in mnist10k.NOTICE."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np

from c2.errors import C2Error

PARTS = ("all", "train", "test")

Array = np.ndarray[Any, Any]


def mnist10k(part: str = "all") -> tuple[Array, Array]:
    """Images and labels, sorted by label.

    The split is fixed: row i of "all" is in "test" where i % 10 == 9, else in "train". As rows are sorted by label,
    each digit has a tenth of its images in the test part.

    >>> x, y = mnist10k("test")
    >>> x.shape, x.dtype, y.shape, y.dtype
    ((1000, 1, 28, 28), dtype('uint8'), (1000,), dtype('uint8'))

    Args:
        part: "all" (10,000 rows), "train" (9,000) or "test" (1,000).

    Returns:
        x uint8 (N, 1, 28, 28), 0 black to 255 white ink, and y uint8 (N,), 0 to 9.

    Raises:
        C2Error: there is no such part.
    """
    if part not in PARTS:
        raise C2Error(f"mnist10k: part must be one of {', '.join(PARTS)}, got {part!r}")
    with (
        files("c2_zoo.datasets").joinpath("mnist10k.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as data,
    ):
        x, y = data["x"], data["y"]
    if part == "all":
        return x, y
    chosen = (np.arange(len(y)) % 10 == 9) == (part == "test")
    return x[chosen], y[chosen]
