"""Every OpenCL kernel against the cases of its operator, as c2-core's own kernels are tested."""

import pytest

from c2.errors import DeviceError, MissingKernel
from c2.testing import check_case, conformance_cases

# What the device declines, in the words of its reasons. Anything else that is refused is a failure.
LIMITS = ("OpenCL kernels are for float32 and float64, not ", "strings stay on the CPU")


def declined(registry, one):
    """None where the case was run and is right, else the reason why the device declines it."""
    try:
        check_case(registry, one, "OPENCL")
    except (MissingKernel, DeviceError) as error:
        if not any(limit in str(error) for limit in LIMITS):
            raise
        return str(error)
    return None


def test_case(one, registry, opencl):
    reason = declined(registry, one)
    if reason is not None:
        pytest.xfail(reason)


def test_every_kernel_runs_some_case(own_type, registry, opencl):
    cases = conformance_cases(registry, ("float32",), types=[own_type])
    assert any(declined(registry, one) is None for one in cases)
