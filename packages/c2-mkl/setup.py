"""The compiled part of c2-mkl, made with cffi, once per kind of vectors. Everything else stands in pyproject.toml."""

from __future__ import annotations

import platform
import sys
import sysconfig

from setuptools import setup
from setuptools.command.build_ext import build_ext

stable_abi = (
    sys.implementation.name == "cpython"
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
    and not hasattr(sys, "gettotalrefcount")  # a debug build
)
builds = ["base", "avx2", "avx512"] if platform.machine() == "x86_64" else ["base"]


class OneAfterTheOther(build_ext):
    """The modules are made from the same files, through the same object files."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = False


setup(
    cmdclass={"build_ext": OneAfterTheOther},
    cffi_modules=[f"src/c2_mkl/build_shim.py:{build}" for build in builds],
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if stable_abi else {},
)
