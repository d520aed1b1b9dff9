"""How NumPy computes while a net runs."""

from __future__ import annotations

import numpy as np

# Elements of NumPy's buffer. With its own 8192, three buffers fill the first cache of most processors, and a vector
# that is broadcast over shorter rows is copied into one, row by row: both take twice the time of the arithmetic.
BUFFER = 512


class Arithmetic:
    """`with Arithmetic():` NumPy says nothing of overflow and the like, and has a small buffer, in this thread."""

    def __init__(self) -> None:
        self._errors = np.errstate(all="ignore")

    def __enter__(self) -> None:
        self._errors.__enter__()
        self._before = np.setbufsize(BUFFER)

    def __exit__(self, *error: object) -> None:
        np.setbufsize(self._before)
        self._errors.__exit__(None, None, None)
