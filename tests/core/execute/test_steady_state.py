"""A run after the first allocates no output: the arrays that the blobs hold stay the same ones."""

import itertools

import pytest

import c2
from c2.execute.simple import shape_of
from c2.registry import core_registry
from c2.registry.arguments import read_arguments
from c2.testing import conformance_cases
from c2.testing.conformance import operator_of

REGISTRY = core_registry()
CASES = 3  # of each operator


def kept(type_):
    """Those that must keep their outputs: kernels that take `out`."""
    return REGISTRY.cases(type_) and any(k.takes_out for k in REGISTRY.candidates(type_, "CPU"))


def shapes_are_known(op, blobs):
    """Whether shapes of the inputs tell those of the outputs; else a run must look at values, and may allocate."""
    schema = REGISTRY.schema(op.type)
    specs = [shape_of(blobs[name]) for name in op.input]
    args, _, _ = read_arguments(schema.arg_by_name, op.arg)
    if any(schema.input(k).name in schema.values for k in range(len(specs))):
        return False
    found = schema.infer_outputs(specs, args, len(op.output))
    return all(spec is not None and spec.shape is not None for spec in found)


def moved(type_):
    """Outputs of the operator's cases that a second run allocated again."""
    for one in itertools.islice(conformance_cases(REGISTRY, ("float32",), types=[type_]), CASES):
        op, blobs = operator_of(REGISTRY, one, "")
        if not shapes_are_known(op, blobs):
            continue
        workspace = c2.Workspace(registry=REGISTRY, allow=["files", "network", "python"])
        for name, value in blobs.items():
            workspace.blob(name).value = value.copy() if hasattr(value, "copy") else value
        net = c2.Net("steady")
        net.append(op)
        runnable = workspace.create(net)
        runnable.run()
        held = [workspace.blob(name).value for name in op.output]
        runnable.run()
        yield from (n for n, v in zip(op.output, held) if workspace.blob(n).value is not v)
        assert runnable.bound == 1, f"{one.id} was bound again"


@pytest.mark.parametrize("type_", list(filter(kept, REGISTRY.types())))
def test_outputs_stay_where_they_are(type_):
    assert not list(moved(type_))


def test_most_operators_keep_their_outputs():
    """Of those on plain tensors: 8-bit tensors and communicators are objects."""
    types = [t for t in REGISTRY.types() if not t.startswith("Int8") and not _takes_objects(t)]
    assert sum(map(bool, map(kept, types))) > 0.9 * len(types)


def _takes_objects(type_):
    schema = REGISTRY.schema(type_)
    return any(tensor.blob for tensor in (*schema.inputs, *schema.outputs))
