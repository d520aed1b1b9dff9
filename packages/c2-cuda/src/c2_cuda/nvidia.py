"""NVIDIA's libraries beside CuPy, called through cffi: found, their versions checked, their errors raised."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from typing import Any

from cffi import FFI

from c2.errors import KernelError, PluginError


class NvidiaLibrary:
    """The functions of a library, as `types.h` and `functions.h` of a package declare them.

    Attributes:
        ffi: that knows its types.
        functions: by NVIDIA's names.
    """

    def __init__(self, package: str, prefix: str, name: str, install: str) -> None:
        """
        Args:
            package: where the two headers are.
            prefix: of its functions' names.
            name: as `cuda.pathfinder` knows it.
            install: what to do where it is missing.

        Raises:
            PluginError: it cannot be found or loaded.
        """
        self.name, self._prefix, self._install = name, prefix, install
        self.ffi = FFI()
        here = files(package)
        self.ffi.cdef(
            "".join(here.joinpath(h).read_text("utf-8") for h in ("types.h", "functions.h"))
        )
        self.path = self._find()
        try:
            self.functions: Any = self.ffi.dlopen(self.path)
        except OSError as error:
            raise PluginError(f"{name} cannot be loaded: {error}; {install}") from error

    def _find(self) -> str:
        try:
            pathfinder: Any = import_module("cuda.pathfinder")
            return str(pathfinder.load_nvidia_dynamic_lib(self.name).abs_path)
        except (ImportError, RuntimeError) as error:  # what pathfinder raises is a RuntimeError
            first = str(error).strip().splitlines()[0]
            raise PluginError(f"{self.name} was not found: {first}; {self._install}") from error

    def call(self, name: str, *args: Any) -> None:
        """Calls a function, named without the prefix. Raises KernelError where it gives another status than success."""
        why = self.status(name, *args)
        if why is not None:
            raise KernelError(f"{self.name} {self.version()}: {self._prefix}{name}: {why}")

    def status(self, name: str, *args: Any) -> str | None:
        """Calls a function; None, or what the library says where it declines."""
        status: int = getattr(self.functions, self._prefix + name)(*args)
        return None if status == 0 else self.why(status)

    def version(self) -> str:
        raise NotImplementedError

    def why(self, status: int) -> str:
        """The library's own words."""
        raise NotImplementedError

    def text(self, chars: Any) -> str:
        raw: Any = self.ffi.string(chars)
        return str(raw.decode(errors="replace")).strip()

    def require_major(self, found: int, *expected: int) -> None:
        """Raises PluginError for a library of another major version than these declarations are of."""
        if found not in expected:
            wanted = " or ".join(map(str, expected))
            raise PluginError(
                f"{self.path} is version {self.version()}, expected {wanted}; {self._install}"
            )


_plain = FFI()  # types that all libraries share


def address(array: Any) -> Any:
    """The pointer of a CuPy array; NULL of None."""
    return _plain.NULL if array is None else _plain.cast("void *", array.data.ptr)


def numbers(kind: str, *values: Any) -> Any:
    """An array in host memory: `numbers("int", 2, 3)`."""
    return _plain.new(f"{kind}[]", [int(v) if kind == "int" else v for v in values])
