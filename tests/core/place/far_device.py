"""A device made for tests, whose arrays cannot be mixed with the CPU's."""

import numpy as np

from c2.registry import Device

FAR = "FPGA"  # a name that Caffe2's messages have and nothing else here uses


class FarArray(np.ndarray):
    """An array of the device; refuses to compute together with an array of the host."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **more):
        for array in (*inputs, *out):
            assert (
                isinstance(array, FarArray) or not isinstance(array, np.ndarray) or not array.ndim
            ), "mixed devices"
        plain = [np.asarray(a) if isinstance(a, FarArray) else a for a in inputs]
        if out:
            more["out"] = tuple(np.asarray(o) for o in out)
        result = getattr(ufunc, method)(*plain, **more)
        return out[0] if out else np.asarray(result).view(FarArray)


class FarDevice(Device):
    name = FAR

    def __init__(self, broken=None, declines=()):
        self.broken, self.declines, self.log = broken, declines, []

    def probe(self):
        self.log.append("probe")
        return self.broken

    def namespace(self):
        return np

    def supports_portable(self, type_):
        return "not on this device" if type_ in self.declines else None

    def empty(self, shape, dtype):
        return np.empty(shape, dtype).view(FarArray)

    def owns(self, value):
        return isinstance(value, FarArray)

    def from_numpy(self, array):
        self.log.append("upload")
        return np.array(array).view(FarArray)

    def to_numpy(self, value):
        self.log.append("download")
        return np.array(value, copy=True).view(np.ndarray)

    def copy_into(self, target, value):
        self.log.append("copy")
        np.asarray(target)[...] = np.asarray(value)
