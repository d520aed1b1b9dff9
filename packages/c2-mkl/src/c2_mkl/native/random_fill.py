"""Random fillers of simple nets: numbers made in vectors, the same for any number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.compile.net import default_threads
from c2.ops.fill.random_fill import GaussianFill, MSRAFill, UniformFill, XavierFill
from c2.registry import kernel
from c2_mkl.call import ENGINE
from c2_mkl.library import onednn, why_not


class _Vectorised:
    """Replaces the generator of a filler; the operator's own generator gives a seed for every run."""

    rng: Any

    def uniform(self, out: np.ndarray[Any, Any], low: float, high: float) -> None:
        self._fill(out, low, high - low, normal=False)

    def normal(self, out: np.ndarray[Any, Any], mean: float, std: float) -> None:
        self._fill(out, mean, std, normal=True)

    def _fill(self, out: np.ndarray[Any, Any], a: float, b: float, normal: bool) -> None:
        library = onednn()
        fields = {
            "n": out.size, "seed": int(self.rng.integers(1 << 63)), "a": a, "b": b, "normal": normal,
            "threads": default_threads(),
        }  # fmt: skip
        context = library.ffi.new("c2_random *", fields)
        buffers = library.ffi.new("void *[]", [library.ffi.cast("void *", out.ctypes.data)])
        library.shim.c2_run_random(context, buffers)


def _declines(*specs: Any, **args: Any) -> str | None:
    return why_not()


for _reference in (UniformFill, GaussianFill, XavierFill, MSRAFill):
    _name = _reference.__name__
    _made = type(_name, (_Vectorised, _reference), {"__module__": __name__})
    globals()[_name] = kernel(_name, device="CPU", engine=ENGINE, supports=_declines)(_made)
