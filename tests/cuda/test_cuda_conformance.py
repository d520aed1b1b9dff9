"""Every operator's cases on a real GPU, against values by another formula: the portable kernels, in float32."""

import pytest
from cpu_only import CPU_ONLY, declined

from c2.registry import core_registry
from c2.testing import check_case, conformance_cases
from c2.testing.conformance import Tolerance

CORE = core_registry()
TYPES = [t for t in CORE.types() if CORE.cases(t)]
# Sums in another order than NumPy's; CUDA's functions are right to 1 or 2 units in the last place. TF32 is off.
FLOAT32 = {"float32": Tolerance(4e-4, 4e-5)}


@pytest.mark.parametrize("type_", TYPES)
def test_operator_on_cuda(type_, cuda, registry):
    ran = []
    with cuda.scope():
        for one in conformance_cases(registry, ("float32",), types=[type_]):
            run = lambda one=one: check_case(registry, one, "CUDA", tolerances=FLOAT32)  # noqa: E731
            ran.append(declined(run) is None)
    assert any(ran) == (type_ not in CPU_ONLY and bool(ran))
