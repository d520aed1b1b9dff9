"""Which vectors are used: what the CPU has, what the environment allows, and what the machine code really holds."""

import re
import shutil
import subprocess
from collections import Counter

import pytest

from c2.errors import PluginError
from c2_nnpack import kernels, plugin

# A function of C2's own names for a width, and what gcc makes of it: NAME(x) ends in _16, _8 or _4.
WIDTH = re.compile(r"_(16|8|4)(?:\.(?:part|constprop|isra|cold|_omp_fn)\.?\d*)*$")


@pytest.mark.parametrize(("name", "lanes"), kernels.LIMITS.items())
def test_the_environment_only_lowers(monkeypatch, name, lanes):
    monkeypatch.delenv("C2_NNPACK_INSTRUCTIONS", raising=False)
    has = kernels.vector_lanes()
    monkeypatch.setenv("C2_NNPACK_INSTRUCTIONS", name)
    assert kernels.vector_lanes() == min(has, lanes)
    assert plugin.c2_probe()["instructions"] == kernels.INSTRUCTIONS[min(has, lanes)]


def test_a_limit_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("C2_NNPACK_INSTRUCTIONS", "AVX9")
    text = "C2_NNPACK_INSTRUCTIONS must be one of avx512, avx2, base, got 'AVX9'"
    with pytest.raises(PluginError, match=text):
        plugin.c2_info()


@pytest.fixture(scope="module")
def functions():
    """Of the C part: name -> its instructions with their operands."""
    objdump = shutil.which("objdump") or pytest.skip("no objdump")
    import c2_nnpack._kernels as built

    listing = subprocess.run(
        [objdump, "-d", "--no-show-raw-insn", built.__file__], check=False, capture_output=True, text=True,
    )  # fmt: skip
    if listing.returncode:
        pytest.skip(f"objdump cannot read it: {listing.stderr}")
    found = {}
    for part in listing.stdout.split("\n\n"):
        head, _, body = part.partition(">:\n")
        if body:
            lines = [line.split(":\t", 1)[-1] for line in body.splitlines()]
            found[head.rpartition("<")[2]] = lines
    if not any(WIDTH.search(name) for name in found):
        pytest.skip("it was stripped: no names of static functions")
    return found


def width_of(function):
    named = WIDTH.search(function)
    return int(named[1]) if named else 4


def registers_of(lines):
    """How many x86 instructions name registers of 512 bits, of 256, or are AVX's for fewer."""
    kinds = Counter()
    for line in lines:
        kinds["z"] += "%zmm" in line
        kinds["y"] += "%ymm" in line
        kinds["v"] += line.startswith("v")
    return kinds


@pytest.mark.skipif(kernels.INSTRUCTIONS[4] != "SSE2", reason="for x86-64")
@pytest.mark.parametrize(("width", "uses", "never"), [(16, "z", ""), (8, "y", "z"), (4, "", "zyv")])
def test_no_function_has_wider_instructions_than_its_width(functions, width, uses, never):
    found = {n: registers_of(lines) for n, lines in functions.items() if width_of(n) == width}
    assert found
    assert not {n: kinds for n, kinds in found.items() if any(kinds[k] for k in never)}
    assert all(any(kinds[k] for kinds in found.values()) for k in uses)


@pytest.mark.skipif(kernels.INSTRUCTIONS[4] != "NEON", reason="for aarch64")
def test_products_and_sums_are_one_instruction_of_vectors(functions):
    products = functions["two_vectors_4"]
    assert sum(line.startswith("fmla") for line in products) > 300
