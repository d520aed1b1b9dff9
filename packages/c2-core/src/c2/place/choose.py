"""Chooses the kernel of one operator, and keeps why each other candidate was passed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from c2.errors import MissingKernel
from c2.registry import Kernel, Registry, TensorSpec
from c2.registry.device import device_kind
from c2.registry.marks import PORTABLE


@dataclass(frozen=True)
class Choice:
    """The kernel that was chosen, the reason, and the candidates passed over as (label, reason)."""

    kernel: Kernel
    reason: str
    passed_over: list[tuple[str, str]] = field(default_factory=list)


def choose_kernel(
    registry: Registry,
    type_: str,
    device: str,
    engine: str,
    specs: Sequence[TensorSpec | None],
    args: dict[str, Any],
) -> Choice:
    """The first kernel, in order of engine preference, that does not decline.

    Raises:
        UnknownOperator: the type is not registered.
        MissingKernel: nothing on that device can run it; says what there is and why it was passed over.
    """
    registry.schema(type_)
    order = registry.engine_order(type_, device, engine)
    candidates = registry.candidates(type_, device)
    passed_over = [
        (k.label, f"engine {k.engine} is neither named nor preferred")
        for k in candidates
        if k.engine not in order
    ]
    for wanted in order:
        for kernel in candidates:
            if kernel.engine != wanted:
                continue
            declined = _declines(registry, kernel, device, specs, args)
            if declined is None:
                return Choice(kernel, _reason(kernel, engine), passed_over)
            passed_over.append((kernel.label, declined))
    raise MissingKernel(_nothing_found(registry, type_, device, passed_over))


def why_no_kernel(registry: Registry, type_: str, device: str) -> str | None:
    """None where the device has a kernel for the operator type, whatever the shapes; else what there is instead."""
    if any(m.device == device_kind(device) for m in registry.natives(type_)):
        return None
    passed_over = []
    for kernel in registry.candidates(type_, device):
        declined = _declines_type(registry, kernel, device)
        if declined is None:
            return None
        passed_over.append((kernel.label, declined))
    return _nothing_found(registry, type_, device, passed_over)


def _declines_type(registry: Registry, kernel: Kernel, device: str) -> str | None:
    if kernel.device != PORTABLE:
        return None
    return registry.device(device).supports_portable(kernel.type)


def _declines(
    registry: Registry,
    kernel: Kernel,
    device: str,
    specs: Sequence[TensorSpec | None],
    args: dict[str, Any],
) -> str | None:
    reason = _declines_type(registry, kernel, device)
    if reason is not None:
        return reason
    if kernel.supports is None:
        return None
    inputs = registry.schema(kernel.type)
    if any(
        (s is None or s.shape is None) and not inputs.input(k).blob for k, s in enumerate(specs)
    ):
        return "shapes are not known yet"
    return kernel.supports(*specs, **args)


def _reason(kernel: Kernel, engine: str) -> str:
    if not kernel.engine:
        return "reference kernel" + (" (portable)" if kernel.device == PORTABLE else "")
    asked = kernel.engine in [e.strip() for e in engine.split(",")]
    return f"engine {kernel.engine} " + ("is named by the operator" if asked else "is preferred")


def _nothing_found(
    registry: Registry, type_: str, device: str, passed_over: list[tuple[str, str]]
) -> str:
    have: dict[str, list[str]] = {}
    for kernel in registry.kernels(type_):
        have.setdefault("any device" if kernel.device == PORTABLE else kernel.device, []).append(
            kernel.label
        )
    listed = ", ".join(f"{d} ({', '.join(e)})" for d, e in have.items()) or "nothing"
    text = f"no kernel for {type_} on {device}. Have: {listed}."
    for label, reason in passed_over:
        text += f"\n  {label}: {reason}"
    return text + "\n  Run: c2 doctor"
