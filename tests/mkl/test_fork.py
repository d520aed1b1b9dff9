"""After a fork: c2-mkl computes the same in the child, in the thread that forked and in new ones, and never waits."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, threading
import numpy as np
import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
signal.alarm(120)
registry = c2.registry.default()
registry.prefer_engines(["MKL"])

def made(add, sizes):
    net = c2.Net("one"); net.proto.type = "compiled"
    add(net); net.add_external_output("Y")
    workspace, rng = c2.Workspace(registry=registry), np.random.default_rng(1)
    for name, size in sizes.items():
        workspace.feed(name, rng.standard_normal(size).astype(np.float32))
    constants = ["W"] if "W" in sizes else []
    compiled = CompiledNet(check_net(net.proto, registry), workspace, registry, constants=constants, threads=3)
    assert "MKL" in [s.engine for s in compiled.program().stages]
    return compiled, workspace

def conv(net): net.Conv(["X", "W"], "Y", kernel=3, pad=1, stride=2)
def fc(net): net.FC(["X", "W", "b"], "Y")
def tanh(net): net.Tanh("X", "Y")
def gradient(net): net.op("ConvGradient", ["X", "F", "dY"], ["dF", "Y"], kernel=3, pad=1, no_bias=1)

def run(net):
    net[0].run()
    return net[1]["Y"].copy()

kind, sizes = ADD, SIZES
net = made(kind, sizes)
expected = run(net)

def same(net):
    found = run(net)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    print("same", flush=True)

child = os.fork()
if child == 0:
    same(net)
    same(made(kind, sizes))
    other = threading.Thread(target=same, args=(net,))
    other.start(); other.join()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0, "the child failed, or waited for ever"
same(net)
"""
NETS = {
    "conv": {"X": (2, 32, 30, 30), "W": (64, 32, 3, 3)},
    "fc": {"X": (64, 256), "W": (300, 256), "b": (300,)},
    "tanh": {"X": (500, 999)},
    "gradient": {"X": (2, 32, 20, 20), "F": (48, 32, 3, 3), "dY": (2, 48, 20, 20)},
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("kind", NETS)
def test_a_child_computes_the_same(onednn, kind):
    program = PROGRAM.replace("ADD", kind).replace("SIZES", repr(NETS[kind]))
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["same"] * 4
