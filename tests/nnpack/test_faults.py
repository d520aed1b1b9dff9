"""What goes wrong around kernels: forks, no libgomp, many threads or shapes, odd memory, an interrupt, no C part."""

import ctypes
import gc
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import c2
from c2.compile.net import PROGRAMS
from c2.errors import PluginError
from c2_nnpack import kernels, plugin, threads, weights
from c2_nnpack.algorithms import winograd

# Ends itself: a process that hangs must not hang the tests.
HEAD = """
import os, signal, sys, threading
import numpy as np
import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
signal.alarm(120)

def convolution(size=40, C=64, threads=2):
    net = c2.Net("one"); net.proto.type = "compiled"
    net.Conv(["X", "W"], "Y", kernel=3, pad=1, algo="WINOGRAD"); net.add_external_output("Y")
    rng = np.random.default_rng(size)
    ws = c2.Workspace()
    ws.feed("X", rng.standard_normal((1, C, size, size)).astype(np.float32))
    ws.feed("W", rng.standard_normal((C, C, 3, 3)).astype(np.float32))
    made = CompiledNet(check_net(net.proto, ws.registry), ws, ws.registry, constants=["W"], threads=threads)
    assert "NNPACK" in [s.engine for s in made.program().stages]
    return made, ws

def run(made, ws):
    made.run()
    return ws["Y"].copy()
"""


def script(program, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + textwrap.dedent(program)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip


def output_of(program, **environment):
    process = script(program, **environment)
    said, errors = process.communicate(timeout=150)
    assert process.returncode == 0, errors
    return said.split()


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
needs_openmp = pytest.mark.skipif(threads.find_openmp() is None, reason="no libgomp")


@needs_fork
def test_a_child_of_fork_computes_the_same():
    """Nets of the parent's and its own, in the thread that forked and in a new one, which has a team of its own."""
    said = output_of("""
        net = convolution()
        expected = run(*net)
        def same(net):
            print(np.array_equal(run(*net), expected), flush=True)
        child = os.fork()
        if child == 0:
            same(net)
            same(convolution())
            other = threading.Thread(target=same, args=(net,))
            other.start(); other.join()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        same(net)
    """)
    assert said == ["True"] * 4


@needs_fork
@needs_openmp
def test_only_the_thread_that_forked_computes_alone():
    said = output_of("""
        import ctypes
        from c2_nnpack.threads import NAME
        net = convolution()
        run(*net)
        def team():
            before = len(os.listdir("/proc/self/task"))
            run(*net)
            print(len(os.listdir("/proc/self/task")) - before, flush=True)
        child = os.fork()
        if child == 0:
            team()
            other = threading.Thread(target=team)
            other.start(); other.join()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)
    assert said == ["0", "1"]


@needs_fork
def test_a_fork_of_a_fork():
    said = output_of("""
        net = convolution()
        expected = run(*net)
        for _ in range(2):
            if os.fork():
                code = os.waitstatus_to_exitcode(os.wait()[1])
                os._exit(code) if _ else sys.exit(code)
        print(np.array_equal(run(*net), expected), flush=True)
        os._exit(0)
    """)
    assert said == ["True"]


def test_without_libgomp_one_thread_computes_the_same_bits():
    alone, usual = (
        output_of(f"""
            from c2_nnpack import kernels, plugin, threads
            {line}
            import hashlib
            print(hashlib.sha256(run(*convolution(threads=3)).tobytes()).hexdigest())
            print(plugin.c2_probe()["threads by"].replace(" ", "_"))
        """)
        for line in ("kernels.find_openmp = lambda: None", "")
    )
    assert alone[0] == usual[0]
    assert alone[1] == "none,_one_thread:_libgomp.so.1_was_not_found"


def test_the_c_part_needs_no_library_but_c_s_own():
    readelf = shutil.which("readelf") or pytest.skip("no readelf")
    import c2_nnpack._kernels as built

    said = subprocess.run(
        [readelf, "-d", built.__file__], check=True, capture_output=True, text=True
    )
    needed = set(re.findall(r"NEEDED.*\[([\w.-]+)\]", said.stdout))
    assert "libc.so.6" in needed
    assert {
        n for n in needed if not n.startswith(("libc.", "libm.", "ld-linux", "libpthread."))
    } == set()


def test_a_library_that_is_no_libgomp_is_passed_over(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert threads.find_openmp() is None


@needs_openmp
def test_c2_mkl_has_the_same_team():
    pytest.importorskip("c2_mkl")
    said = output_of("""
        from c2_mkl.library import why_not, onednn
        if why_not():
            print("skip")
        else:
            run(*convolution())
            onednn()
            lines = open("/proc/self/maps").read().splitlines()
            print(len({line.split()[-1] for line in lines if "libgomp" in line}))
    """)
    if said == ["skip"]:
        pytest.skip("oneDNN is not there")
    assert said == ["1"]


def drawn(size, channels=16, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((1, channels, *size)).astype(np.float32)
    return X, rng.standard_normal((channels, channels, 3, 3)).astype(np.float32)


def by_definition(X, W):
    """Convolution 3x3, pads of 1, in float64."""
    padded = np.pad(X.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, W.astype(np.float64), optimize=True)


def assert_near(found, expected):
    assert np.abs(found - expected).max() <= max(winograd.ERRORS.values()) * np.abs(expected).max()


@pytest.fixture
def convolution(registry, compiled):
    """Of W and sizes of X: the compiled net, by Winograd's method, and its workspace."""

    def convolution(X, W, threads=1):
        net = c2.Net("one")
        net.Conv(["X", "W"], "Y", kernel=3, pad=1, algo="WINOGRAD")
        net.add_external_output("Y")
        made, workspace = compiled(registry, net, {"X": X, "W": W}, ["W"], threads)
        assert "NNPACK" in [s.engine for s in made.program().stages]
        return made, workspace

    return convolution


def test_memory_at_any_multiple_of_a_float(convolution):
    X, W = drawn((9, 7))
    made, workspace = convolution(X, W)
    for offset in range(1, 17):
        memory = np.empty(X.size + offset, np.float32)
        shifted = memory[offset:].reshape(X.shape)
        shifted[...] = X
        workspace.blob("X").value = shifted
        made.run()
        assert_near(workspace["Y"], by_definition(X, W))


def test_memory_in_between_floats(convolution):
    X, W = drawn((9, 7))
    made, workspace = convolution(X, W)
    raw = np.empty(X.nbytes + 1, np.uint8)
    shifted = raw[1:].view(np.float32).reshape(X.shape)
    shifted[...] = X
    workspace.feed("X", shifted)
    made.run()
    assert_near(workspace["Y"], by_definition(X, W))


def test_another_shape_at_every_run(convolution):
    """Programs are kept within their bound, packed filters once per algorithm; all is given back in the end."""
    gc.collect()
    before = len(weights._known)
    X, W = drawn((5, 5))
    made, workspace = convolution(X, W)
    for size in [(h, w) for h in range(1, 6) for w in (4, 30)] * 2:
        X = drawn(size, seed=sum(size))[0]
        workspace.feed("X", X)
        made.run()
        assert_near(workspace["Y"], by_definition(X, W))
    assert len(made._programs) <= PROGRAMS
    assert before < len(weights._known) <= before + len(winograd.ERRORS)
    del made, workspace
    gc.collect()
    assert len(weights._known) == before


def test_threads_share_a_predictor(registry):
    init, net = c2.Net("init"), c2.Net("net")
    W = drawn((1, 1), 32)[1]
    init.op("GivenTensorFill", [], "W", shape=list(W.shape), values=W.ravel().tolist())
    net.Conv(["X", "W"], "Y", kernel=3, pad=1, algo="WINOGRAD")
    net.add_external_output("Y")
    predict = c2.Predictor(init, net, registry=registry, threads=2)
    wrong = []

    def work(seed):
        for k in range(6):
            X = drawn((12, 10 + k % 2), 32, seed * 10 + k)[0]
            try:
                assert_near(predict(X=X)["Y"], by_definition(X, W))
            except Exception as error:
                wrong.append((seed, k, error))

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(60)
    assert not any(one.is_alive() for one in workers)
    assert not wrong


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_interrupted_it_ends_the_run_and_goes_on():
    process = script("""
        net = convolution(112, 128)
        expected = run(*net)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
        print("begun", flush=True)
        try:
            while True:
                net[0].run()
        except KeyboardInterrupt:
            print(np.array_equal(run(*net), expected))
    """)
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert said == "True\n"
    assert time.monotonic() - sent < 30


def test_without_the_c_part_it_says_how_to_get_it(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        kernels, "find_spec", lambda name: None if name.endswith("._kernels") else find_spec(name)
    )
    text = (
        "its C part .* was not built. Install a wheel of c2-nnpack, or build it with a C compiler"
    )
    with pytest.raises(PluginError, match=text):
        plugin.c2_info()


def test_built_without_a_compiler_it_says_what_is_missing(tmp_path):
    pytest.importorskip("setuptools", minversion="77", reason="pyproject.toml asks for it to build")
    source = Path(__file__).resolve().parents[2] / "packages" / "c2-nnpack"
    shutil.copytree(source, tmp_path / "c2-nnpack", ignore=shutil.ignore_patterns("build", "*.so"))
    done = subprocess.run(
        [sys.executable, "setup.py", "build_ext"], check=False, capture_output=True, text=True,
        cwd=tmp_path / "c2-nnpack", env={**os.environ, "CC": "no-such-compiler"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "c2-nnpack: its C part could not be compiled" in done.stderr
    assert "It needs gcc or clang and Python's headers" in done.stderr
