"""Device: where arrays live. One object per kind of device; it touches no driver before it is asked to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from c2.errors import DeviceError
from c2.registry.memory import copied_array, empty_array


def device_kind(name: str) -> str:
    """The kind of the device of that name: "CUDA" of "CUDA:1"."""
    return name.partition(":")[0]


class Device(ABC):
    """The contract of a device. c2-core has the CPU; plugins subclass this for others.

    Attributes:
        name: the kind's name in DeviceOption's enumeration ("CPU", "CUDA", "OPENCL", ...), with ":1" and so on for
            others than the first of a kind.
        source: the distribution that registered it.
    """

    name = ""
    source = ""

    def at(self, number: int) -> Device:
        """The device of the same kind with that id, whether it is there or not: its probe tells that.

        Raises:
            DeviceError: this kind has one device alone.
        """
        if number == 0:
            return self
        raise DeviceError(
            f"there is no device {self.name}:{number}: {self.source} has one {self.name} device, with id 0"
        )

    @abstractmethod
    def probe(self) -> str | None:
        """Really runs something on the device. Returns None, or the reason why it cannot be used."""

    @abstractmethod
    def namespace(self) -> Any:
        """The array namespace `xp` that portable kernels of this device compute with."""

    def scope(self) -> AbstractContextManager[object]:
        """`with` it, kernels run on this very device, in this thread's order. Leaving the outermost waits for them.

        May be entered again inside. A device without such a state has nothing to override.
        """
        return nullcontext()

    def scoped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call` made within `scope()`; `call` itself where the device has no scope."""
        if type(self).scope is Device.scope:
            return call

        def within(*arrays: Any, **keywords: Any) -> Any:
            with self.scope():
                return call(*arrays, **keywords)

        return within

    def record(self, calls: Sequence[Callable[[], Any]]) -> Callable[[], Any] | None:
        """One call that does what these do, in their order, and costs less; it is made within `scope()`, often.

        They write into arrays that stay the same. None: this device has nothing better than to make them one by one.
        """
        return None

    def supports_portable(self, type_: str) -> str | None:
        """None where `namespace()` can serve the portable kernel of this operator type, or the reason why not."""
        return None

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        """An array of the device with any content."""
        return self.namespace().empty(shape, dtype=dtype)

    @abstractmethod
    def owns(self, value: Any) -> bool:
        """Whether an array lives on this device."""

    @abstractmethod
    def from_numpy(self, array: np.ndarray[Any, Any]) -> Any:
        """A copy of the array on the device."""

    @abstractmethod
    def to_numpy(self, value: Any) -> np.ndarray[Any, Any]:
        """A copy of the device's array in host memory, finished when it returns."""

    @abstractmethod
    def copy_into(self, target: Any, value: Any) -> None:
        """Copies `value` into an array of this device of equal shape and dtype.

        `value` is of this device, of the host, or of a device that `reaches` names.
        """

    def reaches(self, other: Device) -> bool:
        """Whether `copy_into` takes arrays of that other device as they are, not over the host."""
        return False

    def release(self) -> None:  # noqa: B027  (nothing is held back, unless a device says so)
        """Gives memory that is kept for later arrays back to the system."""

    def random(self, seed: int | None) -> Any:
        """A generator of random numbers with NumPy's Generator methods."""
        return np.random.default_rng(seed)

    def synchronize(self) -> None:  # noqa: B027  (nothing to wait for, unless a device says so)
        """Waits until everything that was started on the device is done."""

    def describe(self) -> dict[str, Any]:
        """Facts for `c2 doctor`: model, memory, versions."""
        return {}


class CPUDevice(Device):
    """The host: NumPy arrays."""

    name = "CPU"

    def at(self, number: int) -> Device:
        """The host itself: as in Caffe2, ids of the CPU tell nothing apart."""
        return self

    def probe(self) -> str | None:
        return None if float(np.ones(2, np.float32).sum()) == 2.0 else "NumPy cannot add"

    def namespace(self) -> Any:
        return np

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        return empty_array(shape, dtype)

    def owns(self, value: Any) -> bool:
        return isinstance(value, np.ndarray)

    def from_numpy(self, array: np.ndarray[Any, Any]) -> Any:
        return copied_array(np.asarray(array))

    def to_numpy(self, value: Any) -> np.ndarray[Any, Any]:
        return np.array(value, order="C", copy=True)

    def copy_into(self, target: Any, value: Any) -> None:
        np.copyto(target, value)

    def describe(self) -> dict[str, Any]:
        return {"numpy": np.__version__}
