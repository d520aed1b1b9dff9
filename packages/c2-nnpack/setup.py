"""The compiled part of c2-nnpack: `c2_nnpack._kernels`, made with cffi. Everything else stands in pyproject.toml."""

from __future__ import annotations

import os
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor

from setuptools import setup
from setuptools.command.build_ext import build_ext

stable_abi = (
    sys.implementation.name == "cpython"
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
    and not hasattr(sys, "gettotalrefcount")  # a debug build
)


class ToldBuildExt(build_ext):
    """Compiles files side by side, and says what is missing where the C part cannot be compiled."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:  # the compiler drivers of setuptools share no base class
            raise SystemExit(
                f"c2-nnpack: its C part could not be compiled: {error}\nIt needs gcc or clang and Python's headers "
                "(Debian: apt-get install gcc python3-dev), or install a wheel, which needs none of them"
            ) from error

    def build_extensions(self) -> None:
        compile_all = self.compiler.compile

        def side_by_side(sources: list[str], **how: object) -> list[str]:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                made = pool.map(lambda source: compile_all([source], **how), sources)
                return [file for files in made for file in files]

        self.compiler.compile = side_by_side
        super().build_extensions()


setup(
    cmdclass={"build_ext": ToldBuildExt},
    cffi_modules=["src/c2_nnpack/build_kernels.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if stable_abi else {},
)
