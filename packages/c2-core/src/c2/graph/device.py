"""DeviceOption messages and their short names, "CPU" or "CUDA:1"."""

from __future__ import annotations

from typing import Any

from c2.errors import DeviceError, did_you_mean
from c2.proto import DEVICE_TYPES, DeviceOption

_NAMES = {number: name for name, number in DEVICE_TYPES.items()}


def device_option(
    device: str = "CPU", *, random_seed: int | None = None, node_name: str = ""
) -> Any:
    """A DeviceOption from a name such as "CPU" or "CUDA:1" (type and number of the device)."""
    name, _, number = device.partition(":")
    if name not in DEVICE_TYPES:
        raise DeviceError(
            f"device type '{name}' is unknown; Caffe2's types are {', '.join(sorted(DEVICE_TYPES))}."
            f"{did_you_mean(name, DEVICE_TYPES)}"
        )
    option = DeviceOption(device_type=DEVICE_TYPES[name])
    if number:
        if not number.isdigit():
            raise DeviceError(
                f"device '{device}': the number after the colon must be 0 or more, as in 'CUDA:1'"
            )
        option.device_id = int(number)
    if random_seed is not None:
        option.random_seed = random_seed
    if node_name:
        option.node_name = node_name
    return option


def as_device_option(given: Any) -> Any:
    """A fresh DeviceOption from a message or a name."""
    if isinstance(given, str):
        return device_option(given)
    copy = DeviceOption()
    copy.CopyFrom(given)
    return copy


def device_name(option: Any) -> str:
    """The device's name of a DeviceOption: "CPU" (for None or an empty one too), "CUDA", "CUDA:1"."""
    if option is None:
        return "CPU"
    number = option.device_type
    if number not in _NAMES:
        raise DeviceError(f"device type number {number} is unknown; Caffe2's are {DEVICE_TYPES}")
    if number == DEVICE_TYPES["CPU"] or not option.device_id:
        return _NAMES[number]
    return f"{_NAMES[number]}:{option.device_id}"


def put_on(message: Any, name: str) -> Any:
    """Makes a NetDef (with all its operators) or an OperatorDef run on a device, whatever it said; seeds stay."""
    wanted = device_option(name)
    for op in getattr(message, "op", (message,)):
        seed = op.device_option.random_seed if op.device_option.HasField("random_seed") else None
        op.device_option.CopyFrom(wanted)
        if seed is not None:
            op.device_option.random_seed = seed
    if hasattr(message, "op"):
        message.device_option.CopyFrom(wanted)
    return message
