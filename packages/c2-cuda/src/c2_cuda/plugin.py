"""The plugin page of c2-cuda: the device CUDA. CuPy is imported, and a driver opened, at first use."""

from __future__ import annotations

from c2.plugins import hookimpl
from c2.registry import Device

C2_API_VERSION = 1


@hookimpl
def c2_info() -> dict[str, str]:
    """Name and purpose, as `c2 plugins` shows them."""
    return {"name": "c2-cuda", "summary": "the device CUDA: NVIDIA GPUs through CuPy"}


@hookimpl
def c2_devices() -> list[Device]:
    """The first GPU; `DeviceOption.device_id` leads from it to the others."""
    from c2_cuda.device import CUDA

    return [CUDA]


@hookimpl
def c2_kernels() -> list[str]:
    """Kernels of engine CUDNN; they load cuDNN when the first one is chosen."""
    return ["c2_cuda.kernels", "c2_cuda.native"]


@hookimpl
def c2_engines() -> dict[str, list[str]]:
    """cuDNN goes before the portable kernels, as in Caffe2."""
    return {"CUDA": ["CUDNN"]}
