"""Every portable kernel on a namespace that offers what CuPy offers and refuses what CuPy refuses."""

import numpy as np
import pytest

pytest.importorskip("cupy", reason="the names and parameters are read from CuPy")

from cpu_only import CPU_ONLY, declined
from strict_namespace import StrictDevice

from c2.registry import core_registry
from c2.testing import check_case, conformance_cases
from c2.testing.conformance import operator_of
from c2.testing.run import run_op

REGISTRY = core_registry()
REGISTRY.add_device(StrictDevice(), "tests")
HIP = REGISTRY.device("HIP")
TYPES = [t for t in REGISTRY.types() if REGISTRY.cases(t)]


def cases(type_, dtype="float32"):
    return list(conformance_cases(REGISTRY, (dtype,), types=[type_]))


def runs(one):
    """Whether the case ran and is right; False where its operator or its strings stay on the CPU."""
    return declined(lambda: check_case(REGISTRY, one, "HIP")) is None


@pytest.mark.parametrize("type_", TYPES)
def test_operator(type_):
    ran = [runs(one) for one in cases(type_)]
    assert any(ran) == (type_ not in CPU_ONLY and bool(ran))


@pytest.mark.parametrize("type_", ["LengthsMax", "SortedSegmentRangeMax"])
def test_halves_are_scattered_without_atomics(type_):
    for one in cases(type_, "float16"):
        assert runs(one)


@pytest.mark.parametrize("type_", [t for t in TYPES if t not in CPU_ONLY])
def test_kernels_look_at_indices_themselves(type_):
    """On a GPU an index out of range raises nothing: it wraps around."""
    for one in cases(type_):
        op, blobs = operator_of(REGISTRY, one, "")
        for name, value in blobs.items():
            if isinstance(value, np.ndarray) and value.dtype.name in ("int32", "int64"):
                run_with_a_wrong_index(op, blobs, name)


def run_with_a_wrong_index(op, blobs, name):
    wrong = blobs[name].copy()
    wrong.reshape(-1)[:1] = 1_000_000
    try:
        placed = {n: v if isinstance(v, list) else HIP.from_numpy(v) for n, v in blobs.items()}
        run_op(REGISTRY, op, {**placed, name: HIP.from_numpy(wrong)}, "HIP")
    except IndexError as error:
        pytest.fail(f"{op.type} leaves it to the array namespace to check '{name}': {error}")
    except Exception:  # any other is the kernel's own, or a wrong number was no index
        return
