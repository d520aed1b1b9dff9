"""OpenMP's runtime: the one that this process has, or the system's. None is a dependency, one thread does without."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path

NAME = "libgomp.so.1"
FUNCTIONS = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")


@dataclass(frozen=True)
class OpenMP:
    """A loaded libgomp: where it was found, and the addresses of FUNCTIONS. It stays loaded."""

    name: str
    addresses: tuple[int, ...]


def find_openmp() -> OpenMP | None:
    """libgomp, or None where there is none.

    The loader gives the one that is there already, as oneDNN's is, so that both share one team of threads.
    """
    for name in (NAME, str(Path(sys.prefix, "lib", NAME))):
        try:
            library = ctypes.CDLL(name)
            functions = [getattr(library, function) for function in FUNCTIONS]
        except (OSError, AttributeError):
            continue
        addresses = [ctypes.cast(f, ctypes.c_void_p).value for f in functions]
        return OpenMP(name, tuple(a for a in addresses if a))
    return None
