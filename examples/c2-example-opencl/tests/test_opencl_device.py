"""The device: its probe, its copies, and how it enters c2."""

import subprocess
import sys

import numpy as np
import pytest

from c2 import plugins
from c2.errors import DeviceError, MissingKernel
from c2.graph.op import create_op
from c2.testing.run import run_op
from c2_example_opencl.device import OpenCLDevice

ARRAYS = {
    "scalar": np.array(3.5, np.float32),
    "empty": np.zeros((0, 3), np.float32),
    "matrix": np.arange(6, dtype=np.float64).reshape(2, 3),
    "strided": np.arange(12, dtype=np.int32).reshape(3, 4)[:, ::2],
    "turned": np.arange(6, dtype=np.int64).reshape(2, 3).T,
    "bools": np.array([True, False]),
    "half": np.ones(3, np.float16),
}


@pytest.fixture(params=ARRAYS)
def array(request):
    return ARRAYS[request.param]


def test_probe_and_description(opencl):
    assert opencl.probe() is None
    assert opencl.describe()["device"]


def test_probe_tells_that_pyopencl_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyopencl", None)
    reason = OpenCLDevice().probe()
    assert reason.startswith("pyopencl cannot be imported: ")
    assert reason.endswith("pip install 'pyopencl[pocl]'")


def test_probe_tells_that_there_is_no_driver(monkeypatch):
    pyopencl = pytest.importorskip("pyopencl")

    def no_platform(**kwargs):
        raise pyopencl.LogicError("clGetPlatformIDs failed: PLATFORM_NOT_FOUND_KHR\nmore")

    monkeypatch.setattr(pyopencl, "create_some_context", no_platform)
    reason = OpenCLDevice().probe()
    assert reason.startswith("LogicError: clGetPlatformIDs failed: PLATFORM_NOT_FOUND_KHR; install")


def test_probe_tells_that_results_are_wrong(opencl, monkeypatch):
    device = OpenCLDevice()
    monkeypatch.setattr(device, "to_numpy", lambda value: np.zeros(5, np.float32))
    assert device.probe().endswith("gave [0.0, 0.0, 0.0, 0.0, 0.0]: the driver is broken")


def test_there_and_back(opencl, array):
    value = opencl.from_numpy(array)
    assert opencl.owns(value)
    assert not opencl.owns(array)
    assert (value.shape, value.dtype) == (array.shape, array.dtype)
    back = opencl.to_numpy(value)
    assert (back.shape, back.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(back, array)


def test_copies_are_copies(opencl):
    host = np.arange(4, dtype=np.float32)
    value = opencl.from_numpy(host)
    host[:] = -1
    back = opencl.to_numpy(value)
    back[:] = -2
    np.testing.assert_array_equal(opencl.to_numpy(value), [0, 1, 2, 3])


@pytest.mark.parametrize("from_device", [False, True])
def test_copy_into(opencl, array, from_device):
    target = opencl.from_numpy(np.zeros(array.shape, array.dtype))
    opencl.copy_into(target, opencl.from_numpy(array) if from_device else array)
    opencl.synchronize()
    np.testing.assert_array_equal(opencl.to_numpy(target), array)


def test_strings_are_refused(opencl):
    with pytest.raises(DeviceError, match="strings stay on the CPU"):
        opencl.from_numpy(np.array([b"a"], object))


def test_portable_kernels_are_declined_with_the_reason(opencl, registry):
    X = opencl.from_numpy(np.ones(2, np.float32))
    with pytest.raises(MissingKernel, match="no kernel for Erf on OPENCL") as caught:
        run_op(registry, create_op("Erf", "X", "Y"), {"X": X}, "OPENCL")
    assert "reference: pyopencl's arrays do not have NumPy's functions" in str(caught.value)


def test_plugin_is_found():
    (report,) = [r for r in plugins.reports() if r.name == "example-opencl"]
    assert report.status == "loaded", report.traceback
    assert report.registered["devices"] == ["OPENCL"]
    assert report.notes == []


def test_loading_the_plugin_does_not_load_pyopencl():
    program = (
        "import sys; from c2 import registry\n"
        "assert registry.default().device('OPENCL').name == 'OPENCL'\n"
        "assert 'pyopencl' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
