"""Place: the device of every operator of a checked net, with the copies that crossing devices needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from c2.errors import DeviceError
from c2.graph.check import CheckedNet, CheckedOp, check_op
from c2.graph.device import device_name
from c2.graph.op import create_op
from c2.registry import Device, Registry

# Operators whose meaning is to carry a tensor between devices: the executor copies, no kernel computes.
TO_DEVICE = frozenset({"CopyFromCPUInput", "CopyCPUToGPU"})
TO_CPU = frozenset({"EnsureCPUOutput", "CopyGPUToCPU"})


@dataclass(frozen=True)
class PlacedOp:
    """An operator and its device. `crosses` is the device its input comes from, for copies; `why` is told."""

    checked: CheckedOp
    device: Device
    why: str
    crosses: Device | None = None


@dataclass
class PlacedNet:
    """A net with a device for every operator and every blob."""

    checked: CheckedNet
    ops: list[PlacedOp]
    blob_devices: dict[str, str] = field(default_factory=dict)

    @property
    def copies(self) -> list[PlacedOp]:
        """The copies that placement added."""
        return [op for op in self.ops if op.why.startswith("added")]


def place_net(
    net: CheckedNet, registry: Registry, blob_devices: Mapping[str, str] | None = None
) -> PlacedNet:
    """Gives every operator its device and adds copies where an input lives elsewhere.

    Args:
        blob_devices: where the net's inputs live; those not told are on the CPU.

    Raises:
        DeviceError: a device is unknown or does not work; an operator updates a blob of another device in place.
    """
    placed = PlacedNet(net, [], dict(blob_devices or {}))
    copies: dict[tuple[str, str], str] = {}
    for op in net.ops:
        _place_op(op, registry, placed, copies)
    return placed


def usable_device(registry: Registry, name: str) -> Device:
    """The device, once its probe has run well. Raises DeviceError with the reason."""
    device = registry.device(name)
    reason = probe(device)
    if reason is not None:
        raise DeviceError(
            f"device {name} of {device.source} is not usable: {reason}. Run: c2 doctor"
        )
    return device


def probe(device: Device) -> str | None:
    """What `device.probe()` says, asked once."""
    if not hasattr(device, "_probed"):
        device._probed = device.probe()  # type: ignore[attr-defined]
    reason: str | None = device._probed  # type: ignore[attr-defined]
    return reason


def _place_op(
    op: CheckedOp, registry: Registry, placed: PlacedNet, copies: dict[tuple[str, str], str]
) -> None:
    net = placed.checked
    if op.op.HasField("device_option"):
        name, why = device_name(op.op.device_option), "the operator's device_option"
    elif net.proto.HasField("device_option"):
        name, why = device_name(net.proto.device_option), "the net's device_option"
    else:
        name, why = "CPU", "no device was asked for"
    device = usable_device(registry, name)
    home = placed.blob_devices
    if op.type in TO_DEVICE or op.type in TO_CPU:
        source = registry.device(home.get(op.inputs[0], "CPU"))
        target = registry.device("CPU") if op.type in TO_CPU else device
        placed.ops.append(PlacedOp(op, target, why, crosses=source))
        name = target.name
    else:
        op = _with_copies(op, device, registry, placed, copies)
        placed.ops.append(PlacedOp(op, device, why))
    for output in op.outputs:
        home[output] = name
        for key in [k for k in copies if k[0] == output]:
            del copies[key]


def _with_copies(
    op: CheckedOp,
    device: Device,
    registry: Registry,
    placed: PlacedNet,
    copies: dict[tuple[str, str], str],
) -> CheckedOp:
    """The operator reading copies on its own device, which are added to the placed net where missing."""
    changed: dict[int, str] = {}
    for index, blob in enumerate(op.inputs):
        source = placed.blob_devices.get(blob, "CPU")
        if source == device.name or op.schema.input(index).blob:
            continue
        if blob in op.outputs:
            raise DeviceError(
                f"{op.where}: '{blob}' lives on {source} and the operator updates it in place on {device.name}. "
                f"Create '{blob}' on {device.name}: give the operator that makes it the same device_option"
            )
        if (blob, device.name) not in copies:
            copies[blob, device.name] = _add_copy(op, blob, source, device, registry, placed)
        changed[index] = copies[blob, device.name]
    if not changed:
        return op
    moved = type(op.op)()
    moved.CopyFrom(op.op)
    for index, name in changed.items():
        moved.input[index] = name
    return CheckedOp(op.net, op.index, moved, op.schema, op.args)


def _add_copy(
    op: CheckedOp, blob: str, source: str, device: Device, registry: Registry, placed: PlacedNet
) -> str:
    for name, kind in _legs(blob, source, device.name):
        made = check_op(create_op(kind, blob, name), registry, op.net, op.index)
        target = registry.device("CPU") if kind in TO_CPU else device
        why = f"added: {op.type} runs on {device.name} and '{blob}' is on {source}"
        placed.ops.append(PlacedOp(made, target, why, crosses=registry.device(source)))
        placed.blob_devices[name] = target.name
        blob, source = name, target.name
    return blob


def _legs(blob: str, source: str, target: str) -> list[tuple[str, str]]:
    """The copies from one device to another: over the CPU where neither end is the CPU."""
    legs = [] if source == "CPU" else [(f"{blob}_cpu", "EnsureCPUOutput")]
    return legs if target == "CPU" else [*legs, (f"{blob}_{target.lower()}", "CopyFromCPUInput")]
