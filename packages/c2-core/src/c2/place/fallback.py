"""Whether operators without a kernel on their device may run on the CPU: only where the net says so."""

from __future__ import annotations

from typing import Any

from c2.errors import DeviceError
from c2.serialize.arguments import argument_value, make_argument

ARGUMENT = "fallback"
FELL_BACK = "fell back to the CPU: "


def set_fallback(net: Any, device: str = "CPU") -> None:
    """Lets operators of a net that have no kernel on their device run on the CPU, with copies there and back.

    `net.summary()` and `c2 explain` tell which ones do. `net` is a Net or a NetDef; its argument `fallback` is written.
    """
    proto = net.proto if hasattr(net, "proto") else net
    for arg in [a for a in proto.arg if a.name == ARGUMENT]:
        proto.arg.remove(arg)
    proto.arg.append(make_argument(ARGUMENT, device))


def falls_back(net: Any) -> bool:
    """Whether a NetDef lets operators run on the CPU. Raises DeviceError where its argument names another device."""
    given = [argument_value(arg) for arg in net.arg if arg.name == ARGUMENT]
    if not given:
        return False
    name = given[-1].decode() if isinstance(given[-1], bytes) else str(given[-1])
    if name != "CPU":
        raise DeviceError(f"argument '{ARGUMENT}' of net '{net.name}': expected CPU, got {name}")
    return True
