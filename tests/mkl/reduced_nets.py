"""What the tests of bf16 and int8 share: nets compiled in a precision, and how far their results are from float32."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.compile.precision import Precision, set_precision
from c2.graph.check import check_net

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("C2_SHARED", ROOT.parent / "shared"))


def run(registry, net, feeds, keep, precision=None, constants=(), ranges=None):
    """The compiled net and what it gives at its second run; in int8 where ranges are given."""
    proto = type(getattr(net, "proto", net))()
    proto.CopyFrom(getattr(net, "proto", net))
    if ranges is not None:
        set_precision(proto, Precision("int8", ranges))
    workspace = c2.Workspace(registry=registry)
    for name, value in feeds.items():
        workspace.feed(name, value)
    checked = check_net(proto, registry)
    made = CompiledNet(
        checked, workspace, registry, constants=constants, keep=keep, threads=2, precision=precision
    )
    made.run()
    for blob in keep:
        workspace.blob(blob).value[...] = np.nan
    made.run()
    return made, [workspace[blob] for blob in keep]


def error(result, expected):
    return np.abs(result - expected).max() / np.abs(expected).max()


def engines(net):
    return [s.engine for s in net.program().stages]


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def skip_without(precision):
    from c2_mkl.library import why_not_in

    if (reason := why_not_in(precision)) is not None:
        pytest.skip(reason)


def benchmark_model(name):
    """A net of the benchmarks, by name."""
    if not (SHARED / "data" / "zoo").is_dir():
        pytest.skip("the zoo's graphs are not there: name their folder in C2_SHARED")
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        from nets import benchmark_net
        from zoo_models import zoo_model
    finally:
        sys.path.pop(0)
    return zoo_model(name) if name == "inception_v2" else benchmark_net(name)
