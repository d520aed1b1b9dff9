"""What this package brings to c2: the device OPENCL and its kernels. pyopencl is imported at first use."""

from c2.plugins import hookimpl

C2_API_VERSION = 1


@hookimpl
def c2_info():
    return {"name": "c2-example-opencl", "summary": "the device OPENCL, as an example"}


@hookimpl
def c2_devices():
    from c2_example_opencl.device import OPENCL

    return [OPENCL]


@hookimpl
def c2_kernels():
    return ["c2_example_opencl.kernels"]
