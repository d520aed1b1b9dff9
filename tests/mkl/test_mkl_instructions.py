"""What c2-mkl does on CPUs with fewer instructions than this one: C2_MKL_INSTRUCTIONS lowers what is used."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from c2.errors import PluginError
from c2_mkl import instructions, plugin

HERE = Path(__file__).parent
LIMIT = instructions.LIMIT
# What shows the most in seconds; the session fewer_instructions of nox runs the whole folder.
NUMBERS = ("test_numerics.py", "accurate or few_rows or one_weight")
SHOWN = {"avx2": [NUMBERS, ("test_precision_int8.py", "exact or largest")], "base": [NUMBERS]}


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments], check=False, capture_output=True, text=True, timeout=600,
        env={**os.environ, **environment},
    )  # fmt: skip


FACTS = """
from c2_mkl.library import onednn
found = onednn()
print(found.api.get_effective_cpu_isa(), found.build, found.instructions, sep=";")
"""


@pytest.fixture(scope="module")
def bits(onednn):
    """What oneDNN can use on this machine."""
    return onednn.api.get_effective_cpu_isa()


@pytest.mark.parametrize("name", instructions.KNOWN)
def test_the_limit_lowers_onednn_and_the_c_part(onednn, bits, name):
    limit = instructions.KNOWN[name]
    done = run("-c", FACTS, **{LIMIT: name})
    assert done.returncode == 0, done.stderr
    used, build, title = done.stdout.strip().split(";")
    assert int(used) & ~limit.bits == 0
    if bits & limit.bits == limit.bits:
        assert (int(used), title) == (limit.bits, limit.title)
    order = instructions.BUILDS.index
    assert order(build) == max(order(limit.build), order(onednn.build))


def test_the_doctor_tells_the_limit(onednn):
    program = "from c2_mkl import plugin; print(plugin.c2_info(), plugin.c2_probe())"
    done = run("-c", program, **{LIMIT: "base"})
    assert done.stdout.count("'instructions': 'SSE4.1'") == 2, done.stderr
    assert "'C part': 'base'" in done.stdout


def test_a_name_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv(LIMIT, "avx9")
    with pytest.raises(PluginError, match=f"{LIMIT} must be one of .*avx2, avx, base, got 'avx9'"):
        plugin.c2_info()


LATE = """
import ctypes, sys
from c2_mkl.library import find_library, why_not
print(ctypes.CDLL(find_library()).dnnl_get_effective_cpu_isa(), why_not())
"""


def test_a_limit_that_comes_too_late_is_told(onednn, bits):
    if bits == instructions.KNOWN["base"].bits:
        pytest.skip("this CPU has no more than the limit")
    said = run("-c", LATE, **{LIMIT: "base"}).stdout
    assert f"{LIMIT} names SSE4.1, but oneDNN uses" in said
    assert "used it first" in said


@pytest.mark.parametrize("name", SHOWN)
def test_numbers_are_right_with_fewer_instructions(bits, name):
    """The tests of this folder themselves, in a process of their own."""
    if os.environ.get(LIMIT):
        pytest.skip(f"{LIMIT} is set: these tests run with it already")
    if bits & instructions.KNOWN[name].bits != instructions.KNOWN[name].bits:
        pytest.skip(f"this CPU has no {instructions.KNOWN[name].title}")
    for file, which in SHOWN[name]:
        done = run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(HERE / file), "-k", which,
                   **{LIMIT: name, "C2_NNPACK_INSTRUCTIONS": instructions.KNOWN[name].build})  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        assert " passed" in done.stdout


@pytest.mark.parametrize(("build", "never"), [("avx2", "z"), ("base", "yzv")])
def test_no_build_has_instructions_beyond_its_own(onednn, build, never):
    """x86 registers of 512 bits, of 256, and AVX's forms for fewer."""
    objdump = shutil.which("objdump") or pytest.skip("no objdump")
    module = instructions.import_module(f"c2_mkl._{build}")
    listing = subprocess.run(
        [objdump, "-d", "--no-show-raw-insn", module.__file__], check=True, capture_output=True,
        text=True,
    ).stdout  # fmt: skip
    found = Counter(re.findall(r"%([yz])mm|\t(v)\w+ ", listing))
    kinds = Counter(kind for pair in found.elements() for kind in pair if kind)
    assert not {kind: kinds[kind] for kind in never if kinds[kind]}
    assert "ret" in listing
