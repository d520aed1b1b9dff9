"""How NumPy is set while a net runs: kernels see it, and nobody after them."""

import sys

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.errors import KernelError
from c2.execute.arithmetic import BUFFER
from c2.graph.check import check_net
from c2.registry import OpSchema, Tensor, core_registry, kernel, same_as

SEEN = OpSchema(
    "Seen",
    doc="Copies X and notes NumPy's settings.",
    inputs=[Tensor("X", "any shape")],
    outputs=[Tensor("Y", "shape and dtype of X")],
    infer=same_as("X"),
)
SETTINGS = []


@kernel(SEEN)
def seen(xp, X):
    SETTINGS.append((np.getbufsize(), np.geterr()["divide"]))
    if X.size == 0:
        raise ValueError("nothing there")
    return X.copy()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("size", [0, 3])
def test_a_run_leaves_numpy_as_it_was(compiled, size):
    registry = core_registry()
    registry.add_module(sys.modules[__name__], "test")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.ones(size, np.float32))
    net = c2.Net("net")
    net.op("Seen", "x", "y")
    net.add_external_output("y")
    if compiled:
        runnable = CompiledNet(check_net(net.proto, registry), workspace, registry)
    else:
        runnable = workspace.create(net)
    with np.errstate(divide="raise"):
        before = np.setbufsize(4096)
        try:
            if size:
                runnable.run()
            else:
                with pytest.raises(KernelError, match="nothing there"):
                    runnable.run()
            assert SETTINGS[-1] == (BUFFER, "ignore")
            assert (np.getbufsize(), np.geterr()["divide"]) == (4096, "raise")
        finally:
            np.setbufsize(before)
