"""What a machine without a usable GPU is told: each reason from the state that CUDA's runtime would report."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import c2
from c2.errors import DeviceError
from c2_cuda import probing
from c2_cuda.device import CUDA, CUDADevice


class CUDAError(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def runtime(built=12090, driver=12080, gpus=("NVIDIA H200",), error=None):
    def count():
        if error is not None:
            raise error
        return len(gpus)

    return SimpleNamespace(
        runtimeGetVersion=lambda: built,
        driverGetVersion=lambda: driver,
        getDeviceCount=count,
        getDeviceProperties=lambda k: {"name": gpus[k].encode()},
        CUDARuntimeError=CUDAError,
    )


def test_no_driver():
    assert probing.why_no_driver(runtime(driver=0), "CuPy 14.2.0") == (
        "there is no NVIDIA driver: CuPy 14.2.0 for CUDA 12.9 found no libcuda; "
        "install NVIDIA's driver, version 525 or newer"
    )


def test_driver_too_old():
    reason = probing.why_no_driver(runtime(built=13000, driver=12020), "CuPy 14.2.0")
    assert reason.startswith("the driver is too old: it knows CUDA up to 12.2, and CuPy 14.2.0")
    assert reason.endswith("install NVIDIA's driver, version 580 or newer, or the CuPy of CUDA 12")


@pytest.mark.parametrize("driver", [12000, 12080, 13000])
def test_drivers_that_serve(driver):
    assert probing.why_no_driver(runtime(built=12090, driver=driver), "CuPy") is None


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    two = runtime(gpus=("NVIDIA H200", "NVIDIA T4"))
    assert probing.why_no_gpu(two, 1) is None
    assert probing.why_no_gpu(two, 2) == (
        "there is no GPU with id 2: there are 2: 0 NVIDIA H200, 1 NVIDIA T4 "
        "(CUDA_VISIBLE_DEVICES='0,1' hides others)"
    )


def test_no_gpu_visible(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    none = runtime(error=CUDAError(100, "cudaErrorNoDevice: no CUDA-capable device"))
    reason = probing.why_no_gpu(none, 0)
    assert reason.startswith("the driver finds no GPU: cudaErrorNoDevice")
    assert "CUDA_VISIBLE_DEVICES=''" in reason


def test_a_gpu_that_another_process_holds():
    busy = CUDAError(46, "cudaErrorDevicesUnavailable: busy or unavailable")
    reason = probing.explained(busy, 3)
    assert reason.startswith("GPU 3 is held by another process, in exclusive mode")
    assert "nvidia-smi -i 3" in reason


def test_cupy_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    reason = CUDADevice().probe()
    assert reason.startswith("CuPy cannot be imported: ")
    assert "pip install 'cupy-cuda12x[ctk]'" in reason


def test_cuda_library_absent():
    """The error that CuPy raises where NVRTC is not installed."""
    pytest.importorskip("cupy")
    lost = RuntimeError('Failure finding "libnvrtc.so.12": No such file')
    reason = probing.explained(lost, 0)
    assert reason.startswith("a CUDA library is absent: RuntimeError: Failure finding")
    assert "[ctk]'" in reason


def test_ids_are_devices_of_their_own():
    second = CUDA.at(1)
    assert (CUDA.name, second.name) == ("CUDA", "CUDA:1")
    assert CUDA.at(0) is CUDA
    assert second.at(0) is CUDA
    assert CUDA.at(1) is second
    assert second.source == CUDA.source
    assert CUDA.reaches(second)


def test_strings_are_refused():
    with pytest.raises(DeviceError, match="strings stay on the CPU"):
        CUDADevice().empty((2,), object)


def without_gpu():
    """The reason of this machine; tests of what is said there are skipped where a GPU works."""
    reason = CUDADevice().probe()
    if reason is None:
        pytest.skip("a GPU works here")
    return reason


def test_a_net_that_asks_for_a_gpu_is_told_why_not(registry):
    reason = without_gpu()
    net = c2.Net("n")
    with c2.device_scope("CUDA:0"):
        net.Relu("X", "Y")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("X", np.ones(2, np.float32))
    with pytest.raises(DeviceError, match="device CUDA of c2-cuda is not usable") as caught:
        workspace.run(net)
    assert reason in str(caught.value)


def test_doctor_says_what_is_missing():
    reason = without_gpu()
    from c2.cli.main import app

    result = CliRunner().invoke(app, ["doctor", "--json"])
    findings = {f["what"]: f for f in json.loads(result.stdout)["findings"]}
    found = findings["device CUDA (c2-cuda)"]
    assert result.exit_code == 1
    assert not found["ok"]
    assert found["detail"] == reason


def test_importing_opens_no_driver():
    program = (
        "import sys, c2_cuda.plugin, c2_cuda.device; from c2 import registry\n"
        "assert registry.default().device('CUDA:1').name == 'CUDA:1'\n"
        "assert not c2_cuda.device.CUDA.owns(1)\n"
        "assert 'cupy' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
