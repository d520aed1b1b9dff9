"""Finds oneDNN, and loads it at first use: locally, by its full path, once per process."""

from __future__ import annotations

import ctypes.util
import os
import platform
import sys
import threading
from functools import cache
from pathlib import Path

from c2.errors import PluginError
from c2_mkl.instructions import KNOWN, LIMIT, Instructions, limit, load_build, title_of
from c2_mkl.onednn_numbers import CPU

MAJOR = 3
NAME = f"libdnnl.so.{MAJOR}"
DISTRIBUTIONS = ("onednn-cpu-gomp", "onednn-cpu-iomp", "onednn")
# What oneDNN must be able to use for a precision to be worth having.
NEEDED = {"bf16": KNOWN["avx512_bf16"], "int8": KNOWN["avx2"]}
VNNI = [KNOWN[name].bits for name in ("avx512_vnni", "avx2_vnni")]  # either will do


def check_machine() -> None:
    """Raises PluginError with the reason where c2-mkl has nothing to offer."""
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise PluginError(f"it is for Linux on x86-64; this is {system} on {machine}")
    from importlib.util import find_spec

    limit()
    if find_spec("c2_mkl._base") is None:
        raise PluginError(
            "its C part (c2_mkl._base) was not built. Install a wheel of c2-mkl, or build it with a C compiler present"
        )


def find_library() -> str:
    """The path of oneDNN: $C2_ONEDNN, else of an installed wheel, else in the environment's lib, else the system's.

    Raises:
        PluginError: there is none, or none of the right major version.
    """
    given = os.environ.get("C2_ONEDNN")
    if given:
        if not Path(given).is_file():
            raise PluginError(f"C2_ONEDNN names '{given}', which is no file")
        return given
    for path in _candidates():
        if path.is_file():
            return str(path)
    system = ctypes.util.find_library("dnnl")
    if system is None:
        raise PluginError(
            f"oneDNN {MAJOR}.x ({NAME}) was not found. Run: pip install onednn-cpu-gomp; or name the file in C2_ONEDNN"
        )
    if not system.endswith(f".so.{MAJOR}"):
        raise PluginError(
            f"oneDNN {MAJOR}.x is needed, the system has {system}. Run: pip install onednn-cpu-gomp"
        )
    return system


def _candidates() -> list[Path]:
    from importlib import metadata

    found = []
    for name in DISTRIBUTIONS:
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        files = [f for f in distribution.files or () if f.name == NAME]
        found += [Path(str(distribution.locate_file(f))).resolve() for f in files]
    return [*found, Path(sys.prefix, "lib", NAME)]


class OneDNN:
    """The loaded library: its functions (`api`), the C part that runs its primitives, and the CPU engine."""

    def __init__(self, path: str) -> None:
        module, self.build = load_build()
        ffi, lib = module.ffi, module.lib
        self.ffi, self.shim, self.path = ffi, lib, path
        self.api = ffi.new("c2_onednn *")
        problem = lib.c2_open(path.encode(), MAJOR, self.api)
        if problem != ffi.NULL:
            said = ffi.string(problem).decode()
            advice = "Run: pip install onednn-cpu-gomp"
            if "libgomp" in said:  # which the wheel of oneDNN expects of the system
                advice = "Install libgomp.so.1 by the system's package manager (Debian: libgomp1)"
            raise PluginError(f"oneDNN {MAJOR}.x cannot be had from {path}: {said}. {advice}")
        version = self.api.version()
        self.version = (version.major, version.minor, version.patch)
        lowered = limit()
        if lowered:
            self._lower(lowered)
        engine = ffi.new("void **")
        code = self.api.engine_create(engine, CPU, 0)
        if code:
            raise PluginError(f"oneDNN has no engine for this CPU (code {code})")
        self.engine = engine[0]

    def _lower(self, lowered: Instructions) -> None:
        """oneDNN takes a limit only before it is first used in the process."""
        self.api.set_max_cpu_isa(lowered.bits)
        uses = self.api.get_effective_cpu_isa()
        if uses & ~lowered.bits:
            raise PluginError(
                f"{LIMIT} names {lowered.title}, but oneDNN uses {title_of(uses)}: something else in this "
                "process used it first. Import c2 and run a net before it, or set ONEDNN_MAX_CPU_ISA too"
            )

    @property
    def instructions(self) -> str:
        """The widest instructions that oneDNN uses here."""
        return title_of(self.api.get_effective_cpu_isa())

    @property
    def adds_products_in_32_bits(self) -> bool:
        """Whether 8-bit products are added up without loss: VNNI of AVX-512 or of AVX2."""
        bits = self.api.get_effective_cpu_isa()
        return any(bits & mask == mask for mask in VNNI)

    @property
    def has_own_vnni(self) -> bool:
        """Whether the C part's kernels of 8-bit products can be used: AVX-512 VNNI, also by the limit."""
        bits = self.api.get_effective_cpu_isa()
        return bool(self.shim.c2_has_vnni()) and bits & VNNI[0] == VNNI[0]

    def describe(self) -> dict[str, str]:
        """Facts for `c2 doctor`."""
        openmp = self.shim.c2_openmp()
        return {
            "oneDNN": ".".join(map(str, self.version)),
            "instructions": self.instructions,
            "C part": self.build,
            "threads by": self.ffi.string(openmp).decode()
            if openmp != self.ffi.NULL
            else "none, one thread",
            "from": self.path,
        }


_lock = threading.Lock()


@cache
def _loaded() -> OneDNN | PluginError:
    try:
        check_machine()
        return OneDNN(find_library())
    except PluginError as error:
        return error


def onednn() -> OneDNN:
    """The library, loaded at the first call. Raises PluginError, the same at every call, where it cannot be."""
    with _lock:
        found = _loaded()
    if isinstance(found, PluginError):
        raise found
    return found


def why_not() -> str | None:
    """None where oneDNN can be used, else the reason."""
    try:
        onednn()
    except PluginError as error:
        return str(error)
    return None


def why_not_in(precision: str) -> str | None:
    """None where this CPU computes in a reduced precision, else the reason."""
    reason = why_not()
    if reason is not None:
        return reason
    needed = NEEDED[precision]
    if onednn().api.get_effective_cpu_isa() & needed.bits == needed.bits:
        return None
    return f"{precision} needs {needed.title}, and the best that oneDNN can use here is {onednn().instructions}"
