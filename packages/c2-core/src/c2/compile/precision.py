"""Precision: in which numbers a compiled net computes. float32 at full precision, unless the caller asks for less.

Back ends mark builders for a precision (`@native(..., precision="bf16", usable=why_not)`). A net compiled for one tries
those first and full precision elsewhere, so inputs and outputs stay float32 and every operator runs; `c2 explain
--passes` tells which operator computes in what. A precision that no back end has here is refused, with the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from c2.errors import PrecisionError, did_you_mean
from c2.registry import Registry
from c2.serialize.arguments import argument_value, make_argument

FULL = "fp32"
PRECISIONS = (FULL, "tf32", "bf16", "fp16", "int8")
Range = tuple[float, float]
# Arguments of a net: the precision it asks for, and the ranges of its blobs that calibration found.
_PRECISION, _BLOBS, _LOW, _HIGH = "precision", "range_blobs", "range_min", "range_max"


@dataclass(frozen=True)
class Precision:
    """A precision by name, and for "int8" the smallest and largest number of each blob on sample inputs."""

    name: str = FULL
    ranges: Mapping[str, Range] = field(default_factory=dict)


IN_FULL = Precision()


def precision_of(net: Any, wanted: str | None, registry: Registry) -> Precision:
    """The precision to compile a net for: the one wanted, else the net's argument `precision`, else full.

    Raises:
        PrecisionError: it is unknown, nothing here computes in it, or the net was not calibrated for it.
    """
    args = {arg.name: argument_value(arg) for arg in net.arg if arg.name in _ARGUMENTS}
    asked = wanted or args.get(_PRECISION, FULL)
    name = asked.decode() if isinstance(asked, bytes) else str(asked)
    if name == FULL:
        return IN_FULL
    if name not in PRECISIONS:
        near = did_you_mean(name, PRECISIONS)
        raise PrecisionError(
            f"net '{net.name}': there is no precision '{name}'; have {', '.join(PRECISIONS)}.{near}"
        )
    _refuse_unusable(name, registry)
    ranges = _ranges(args)
    if name == "int8" and not ranges:
        raise PrecisionError(
            f"net '{net.name}': int8 needs the ranges of its blobs on sample inputs, and the net has none. "
            "Run: c2 quantize MODEL --data SAMPLES.npz --output FOLDER"
        )
    return Precision(name, ranges)


def set_precision(net: Any, precision: Precision) -> None:
    """Writes a precision and its ranges into a net's arguments, where `precision_of` finds them."""
    for arg in [a for a in net.arg if a.name in _ARGUMENTS]:
        net.arg.remove(arg)
    net.arg.append(make_argument(_PRECISION, precision.name))
    if precision.ranges:
        lows, highs = zip(*precision.ranges.values())
        net.arg.append(make_argument(_BLOBS, list(precision.ranges)))
        net.arg.append(make_argument(_LOW, [float(v) for v in lows]))
        net.arg.append(make_argument(_HIGH, [float(v) for v in highs]))


_ARGUMENTS = (_PRECISION, _BLOBS, _LOW, _HIGH)


def _ranges(args: Mapping[str, Any]) -> dict[str, Range]:
    names = [n.decode() if isinstance(n, bytes) else n for n in args.get(_BLOBS, ())]
    return {
        n: (float(a), float(b)) for n, a, b in zip(names, args.get(_LOW, ()), args.get(_HIGH, ()))
    }


def _refuse_unusable(name: str, registry: Registry) -> None:
    """Raises PrecisionError, with what each back end says, where none computes in that precision on this machine."""
    reasons: dict[str, str] = {}
    for mark in registry.natives_of(name):
        reason = mark.usable() if mark.usable else None
        if reason is None:
            return
        reasons[mark.engine] = reason
    if not reasons:
        raise PrecisionError(
            f"no installed back end computes in {name}. For x86: pip install c2-mkl; what is installed: c2 plugins"
        )
    said = "; ".join(f"{engine}: {reason}" for engine, reason in reasons.items())
    raise PrecisionError(f"this machine cannot compute in {name}. {said}. Use precision='{FULL}'")
