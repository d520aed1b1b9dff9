"""The compiled part of c2-nnpack: `c2_nnpack._kernels`, made with cffi. Everything else stands in pyproject.toml."""

from __future__ import annotations

import sys
import sysconfig

from setuptools import setup

stable_abi = (
    sys.implementation.name == "cpython"
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
    and not hasattr(sys, "gettotalrefcount")  # a debug build
)

setup(
    cffi_modules=["src/c2_nnpack/build_kernels.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if stable_abi else {},
)
