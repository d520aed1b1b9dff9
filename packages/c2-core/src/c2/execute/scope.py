"""The devices of a net as the current ones while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

from c2.registry import Device


class NetScope:
    """Which devices of a net have a scope to enter.

    A run enters all of them once and leaves them when it is done. Where there are several, the last one entered is
    the current one, so each call enters its own again.
    """

    def __init__(self, devices: Iterable[Device]) -> None:
        unique = {d.name: d for d in devices if type(d).scope is not Device.scope}
        self._devices = list(unique.values())

    def entered(self) -> AbstractContextManager[object]:
        """`with` it, the net runs."""
        if not self._devices:
            return nullcontext()
        if len(self._devices) == 1:
            return self._devices[0].scope()
        with ExitStack() as stack:
            for device in self._devices:
                stack.enter_context(device.scope())
            return stack.pop_all()

    def call(self, device: Device, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call as the net makes it."""
        return device.scoped(call) if len(self._devices) > 1 else call
