"""Makes a kernel a plain call on arrays: arguments filled in, classes set up, results as a tuple."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from c2.errors import DeviceError
from c2.registry import Device, Kernel, OpSchema, TensorSpec
from c2.registry.spec import spec_of

# call(*arrays, out=None | array | tuple) -> array or tuple; `out` only where the kernel takes it.
Call = Callable[..., Any]


def make_call(
    kernel: Kernel,
    device: Device,
    specs: Sequence[TensorSpec | None],
    args: dict[str, Any],
    n_outputs: int,
    rng: Any = None,
    context: Any = None,
) -> Call:
    """Binds everything but the arrays.

    Args:
        specs: of the inputs; a kernel class is set up with them.
        rng: made by the device from the operator's seed; for kernels that name `rng`.
        context: an `OpContext`; for kernels that name `context`.
    """
    keywords = dict(args)
    if kernel.takes_n_outputs:
        keywords["n_outputs"] = n_outputs
    if kernel.takes_rng:
        keywords["rng"] = rng
    if kernel.takes_context:
        keywords["context"] = context
    if kernel.is_class:
        made: Call = kernel.function(device.namespace(), *specs, **keywords)
        return made
    return partial(kernel.function, device.namespace(), **keywords)


def specs_of(schema: OpSchema, arrays: Sequence[Any], device: Device) -> list[TensorSpec | None]:
    """Specs of an operator's inputs, with the values that `infer` reads brought to the host."""
    specs = [spec_of(a) for a in arrays]
    for k, array in enumerate(arrays if schema.values and device.name != "CPU" else ()):
        spec = specs[k]
        if spec is not None and schema.input(k).name in schema.values and device.owns(array):
            specs[k] = TensorSpec(spec.shape, spec.dtype, device.to_numpy(array))
    return specs


def require_numbers(where: str, outputs: Sequence[TensorSpec | None], device: Device) -> None:
    """Raises DeviceError where an output would be of strings and the device is not the host."""
    if device.name != "CPU" and any(s is not None and s.dtype.hasobject for s in outputs):
        raise DeviceError(
            f"{where}: its output is of strings, and strings stay on the CPU. "
            f"Expected device CPU, got {device.name}: give the operator device_option CPU"
        )


def as_results(result: Any, n_outputs: int) -> tuple[Any, ...]:
    """What a kernel returned as a tuple of the outputs that were asked for."""
    if result is None:
        return ()
    results = result if isinstance(result, tuple) else (result,)
    return results[:n_outputs]
