"""The optional compiled part of c2-core: `c2.compile._runner`, a small C loop made with cffi.

Everything else about the package stands in pyproject.toml. `C2_PURE` in the environment decides:

- unset: compile where the build script and a C compiler are there, else make a pure wheel;
- `1`: make the pure wheel, compile nothing;
- `0`: compile, and fail where that is not possible (what a release build wants).
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

BUILD_SCRIPT = "src/c2/compile/build_runner.py"
OLDEST_PYTHON = "cp310"

PURE = os.environ.get("C2_PURE", "")
if PURE not in ("", "0", "1"):
    raise SystemExit(f"C2_PURE: expected 1 (pure), 0 (compiled) or unset, got {PURE!r}")
if PURE == "0" and not Path(BUILD_SCRIPT).exists():
    raise SystemExit(f"C2_PURE=0 asks for the compiled part, but {BUILD_SCRIPT} is absent")


class OptionalBuildExt(build_ext):
    """Drops the compiled part, saying so, where it cannot be compiled."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:  # the compiler drivers of setuptools share no base class
            if PURE == "0":
                raise
            print(f"c2-core: pure Python, without a compiled runner: {error}", file=sys.stderr)
            self.distribution.ext_modules = []


class TaggedBdistWheel(bdist_wheel):
    """Compiles first, so that the wheel's tag says what the wheel really holds."""

    def run(self) -> None:
        if self.distribution.has_ext_modules():
            self.run_command("build_ext")
            if not self.distribution.has_ext_modules():
                self.root_is_pure = True
        super().run()


def compiled_part() -> dict[str, Any]:
    if PURE == "1" or not Path(BUILD_SCRIPT).exists():
        return {}
    stable_abi = (
        sys.implementation.name == "cpython"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and not hasattr(sys, "gettotalrefcount")  # a debug build
    )
    return {
        "cffi_modules": [f"{BUILD_SCRIPT}:ffibuilder"],
        "cmdclass": {"build_ext": OptionalBuildExt, "bdist_wheel": TaggedBdistWheel},
        "options": {"bdist_wheel": {"py_limited_api": OLDEST_PYTHON}} if stable_abi else {},
    }


setup(**compiled_part())
