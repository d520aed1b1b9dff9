"""Which instructions of the CPU are used: by oneDNN, and by the C part, which is built once per kind of vectors.

`C2_MKL_INSTRUCTIONS` lowers both, so that one machine shows what an older one does.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from c2.errors import PluginError

LIMIT = "C2_MKL_INSTRUCTIONS"


class Instructions(NamedTuple):
    """A set of instructions: what it is called, oneDNN's number for it (bits), the build of the C part that uses it."""

    title: str
    bits: int
    build: str


# Values of $C2_MKL_INSTRUCTIONS, the best first.
KNOWN = {
    "avx512_amx_fp16": Instructions("AVX-512 AMX FP16", 0x1FEF, "avx512"),
    "avx512_amx": Instructions("AVX-512 AMX", 0xFEF, "avx512"),
    "avx512_fp16": Instructions("AVX-512 FP16", 0x1EF, "avx512"),
    "avx512_bf16": Instructions("AVX-512 BF16", 0xE7, "avx512"),
    "avx512_vnni": Instructions("AVX-512 VNNI", 0x67, "avx512"),
    "avx512": Instructions("AVX-512", 0x27, "avx512"),
    "avx2_vnni_2": Instructions("AVX2 VNNI 2", 0x1F, "avx2"),
    "avx2_vnni": Instructions("AVX2 VNNI", 0xF, "avx2"),
    "avx2": Instructions("AVX2", 0x7, "avx2"),
    "avx": Instructions("AVX", 0x3, "base"),
    "base": Instructions("SSE4.1", 0x1, "base"),
}
BUILDS = ("avx512", "avx2", "base")  # the C part's, the widest vectors first
FLAGS = {  # in Linux's /proc/cpuinfo -> what they stand for
    "amx_tile": "avx512_amx", "avx512_bf16": "avx512_bf16", "avx512_vnni": "avx512_vnni", "avx512bw": "avx512",
    "avx2": "avx2", "avx": "avx", "sse4_1": "base",
}  # fmt: skip


def limit() -> Instructions | None:
    """What $C2_MKL_INSTRUCTIONS names; None: all that the CPU has.

    Raises:
        PluginError: it names nothing that is known.
    """
    given = os.environ.get(LIMIT)
    if not given:
        return None
    if given not in KNOWN:
        raise PluginError(f"{LIMIT} must be one of {', '.join(KNOWN)}, got {given!r}")
    return KNOWN[given]


def title_of(bits: int) -> str:
    """The best known set of instructions among oneDNN's bits."""
    found = (one.title for one in KNOWN.values() if bits & one.bits == one.bits)
    return next(found, f"none that oneDNN has kernels for ({bits:#x})")


def cpu_title() -> str:
    """What the CPU has and may be used, by what the kernel says: no library is loaded."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "unknown"
    flags = set(text.partition("flags")[2].partition("\n")[0].split())
    has = next((KNOWN[name].bits for flag, name in FLAGS.items() if flag in flags), 0)
    lowered = limit()
    return title_of(has & lowered.bits if lowered else has)


def load_build() -> tuple[Any, str]:
    """The C part for the widest vectors that the CPU has and may be used, and which build that is."""
    base = import_module("c2_mkl._base")
    lowered = limit()
    widest = base.ffi.string(base.lib.c2_widest_build()).decode()
    name = max(widest, lowered.build if lowered else widest, key=BUILDS.index)
    return import_module(f"c2_mkl._{name}"), name
