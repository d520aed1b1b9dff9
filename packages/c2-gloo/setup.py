"""The compiled part of c2-gloo: `c2_gloo._gloo`, made with cffi. Everything else stands in pyproject.toml.

It needs the headers of Gloo (Debian: libgloo-dev). Without them the package is built without it and says so when it is
used, unless C2_GLOO=1 asks for it.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from setuptools import setup

HEADERS = ("/usr/include", "/usr/local/include", os.path.join(sys.prefix, "include"))
there = any(Path(folder, "gloo/allreduce.h").exists() for folder in HEADERS)
wanted = os.environ.get("C2_GLOO", "1" if there else "0") == "1"
stable_abi = (
    sys.implementation.name == "cpython"
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
    and not hasattr(sys, "gettotalrefcount")  # a debug build
)

setup(
    cffi_modules=["src/c2_gloo/build_gloo.py:ffibuilder"] if wanted else [],
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if wanted and stable_abi else {},
)
