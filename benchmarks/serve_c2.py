"""One form of c2 (see inference_c2.py) with one net ready, for inference.py.

python serve_c2.py FORM JOB PRECISION THREADS
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from serve import serve


def load() -> None:
    """Imports c2 and finds the plugins; their libraries are loaded by the first net that uses them."""
    if FORM == "NNPACK":
        os.environ["C2_DISABLE_PLUGINS"] = "mkl"
    import_module("inference_c2")
    import_module("c2.registry").default()


if __name__ == "__main__":
    FORM, JOB, PRECISION = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    serve(
        load,
        lambda: import_module("inference_c2").ready(FORM, JOB, PRECISION, int(sys.argv[4])),
        lambda: import_module("inference_c2").version(FORM),
    )
