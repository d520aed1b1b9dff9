"""Place: the device of every operator of a checked net, with the copies that crossing devices needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from c2.errors import DeviceError, MissingKernel
from c2.graph.check import CheckedNet, CheckedOp, check_op
from c2.graph.device import device_name
from c2.graph.op import create_op
from c2.place.choose import why_no_kernel
from c2.place.fallback import FELL_BACK, falls_back
from c2.registry import Device, Registry

# Operators whose meaning is to carry a tensor between devices: the executor copies, no kernel computes.
TO_DEVICE = frozenset({"CopyFromCPUInput", "CopyCPUToGPU"})
TO_CPU = frozenset({"EnsureCPUOutput", "CopyGPUToCPU"})
ADDED = "added"
COPY, LIKE = "Copy", "CopyOnDeviceLike"  # these compute where source and target are one device


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
        return [op for op in self.ops if op.why.startswith(ADDED)]

    def report(self) -> list[str]:
        """What placement did beyond what the net says: operators that fell back, and copies, in words."""
        told = (FELL_BACK, ADDED)
        return [f"{op.checked.where}: {op.why}" for op in self.ops if op.why.startswith(told)]


def place_net(
    net: CheckedNet,
    registry: Registry,
    blob_devices: Mapping[str, str] | None = None,
    *,
    planned: bool = False,
) -> PlacedNet:
    """Gives every operator its device and adds copies where an input lives elsewhere.

    Args:
        blob_devices: where the net's inputs live; those not told are on the CPU.
        planned: only tell what would be: devices need not be there, and an operator without a kernel stays.

    Raises:
        DeviceError: a device is unknown or does not work; an operator updates a blob of another device in place.
        MissingKernel: nothing on its device can run an operator, and the net does not let it fall back.
    """
    placed = PlacedNet(net, [], dict(blob_devices or {}))
    copies: dict[tuple[str, str], str] = {}
    for op in net.ops:
        _place_op(op, registry, placed, copies, planned)
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
    op: CheckedOp,
    registry: Registry,
    placed: PlacedNet,
    copies: dict[tuple[str, str], str],
    planned: bool,
) -> None:
    name, why = _asked(op, placed.checked)
    device = registry.device(name) if planned else usable_device(registry, name)
    home = placed.blob_devices
    source, target = _ends(op, device, home, registry)
    if source is not None:
        placed.ops.append(PlacedOp(op, target, why, crosses=source))
    else:
        target, why = _with_kernel(op, target, why, registry, placed, planned)
        op = _with_copies(op, target, registry, placed, copies)
        placed.ops.append(PlacedOp(op, target, why))
    for output in op.outputs:
        home[output] = target.name
        for key in [k for k in copies if k[0] == output]:
            del copies[key]


def _asked(op: CheckedOp, net: CheckedNet) -> tuple[str, str]:
    """The device that an operator is to run on, and who says so."""
    if op.op.HasField("device_option"):
        return device_name(op.op.device_option), "the operator's device_option"
    if net.proto.HasField("device_option"):
        return device_name(net.proto.device_option), "the net's device_option"
    return "CPU", "no device was asked for"


def _ends(
    op: CheckedOp, device: Device, home: Mapping[str, str], registry: Registry
) -> tuple[Device | None, Device]:
    """Where a copy between devices begins and where the output lives; (None, device) for what a kernel computes."""
    if op.type in TO_CPU | TO_DEVICE:
        target = registry.device("CPU") if op.type in TO_CPU else device
        return registry.device(home.get(op.inputs[0], "CPU")), target
    if op.type == LIKE:
        device = registry.device(home.get(op.inputs[1], "CPU"))
    if op.type in (LIKE, COPY) and home.get(op.inputs[0], "CPU") != device.name:
        return registry.device(home.get(op.inputs[0], "CPU")), device
    return None, device


def _with_kernel(
    op: CheckedOp,
    device: Device,
    why: str,
    registry: Registry,
    placed: PlacedNet,
    planned: bool,
) -> tuple[Device, str]:
    """The device where it has a kernel, else the CPU where the net allows that."""
    lacking = None if device.name == "CPU" else why_no_kernel(registry, op.type, device.name)
    if lacking is None:
        return device, why
    if falls_back(placed.checked.proto):
        return registry.device("CPU"), f"{FELL_BACK}{op.type} has no kernel on {device.name}"
    if planned:
        return device, why
    raise MissingKernel(
        f"{op.where}: {lacking}\n  Give the operator device_option CPU, or let such operators of the net run there, "
        "with copies: c2.place.fallback.set_fallback(net)"
    )


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
            copies[blob, device.name] = _add_copy(
                op, blob, registry.device(source), device, registry, placed
            )
        changed[index] = copies[blob, device.name]
    if not changed:
        return op
    moved = type(op.op)()
    moved.CopyFrom(op.op)
    for index, name in changed.items():
        moved.input[index] = name
    return CheckedOp(op.net, op.index, moved, op.schema, op.args)


def _add_copy(
    op: CheckedOp, blob: str, source: Device, device: Device, registry: Registry, placed: PlacedNet
) -> str:
    for name, kind, target in _legs(blob, source, device, registry):
        made = check_op(create_op(kind, blob, name), registry, op.net, op.index)
        why = f"{ADDED}: {op.type} runs on {device.name} and '{blob}' is on {source.name}"
        placed.ops.append(PlacedOp(made, target, why, crosses=source))
        placed.blob_devices[name] = target.name
        blob, source = name, target
    return blob


def _legs(
    blob: str, source: Device, target: Device, registry: Registry
) -> list[tuple[str, str, Device]]:
    """The copies from one device to another: over the CPU where neither is the CPU and they do not reach each other."""
    there = f"{blob}_{target.name.lower().replace(':', '_')}"
    if target.reaches(source):
        return [(there, COPY, target)]
    cpu = registry.device("CPU")
    legs = [] if source is cpu else [(f"{blob}_cpu", "EnsureCPUOutput", cpu)]
    return legs if target is cpu else [*legs, (there, "CopyFromCPUInput", target)]
