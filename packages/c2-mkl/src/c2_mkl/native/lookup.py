"""Lookups: sums of rows that indices pick out of tables of numbers or of codes, and of rows that lie in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import TensorSpec
from c2_mkl.bags import ROLES, is_wide, places_of, positions
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN
from c2_mkl.reference import raise_as_reference

FLOAT, HALF, CODES = 0, 1, {8: 2, 4: 3, 2: 4}  # the C part's kinds of rows


@dataclass(frozen=True)
class Lookup:
    """An operator: what its inputs are, the bits of its table's codes (0: numbers), and what it does with the sums."""

    inputs: str
    bits: int = 0
    mean: bool = False
    positional: bool = False


def _lookups() -> Iterator[tuple[str, Lookup]]:
    for what in ("Sum", "Mean", "WeightedSum", "WeightedMean"):
        data, mean = "data weights" if "Weighted" in what else "data", "Mean" in what
        picked = f"{data} indices lengths"
        yield f"SparseLengths{what}8BitsRowwise", Lookup(f"{picked} scale_bias", 8, mean)
        if what == "WeightedMean":
            continue
        yield f"SparseLengths{what}", Lookup(picked, mean=mean)
        yield f"Lengths{what}", Lookup(f"{data} lengths", mean=mean)
        for bits in CODES:
            yield f"SparseLengths{what}Fused{bits}BitRowwise", Lookup(picked, bits, mean)
            yield f"SparseLengths{what}{bits}BitRowwiseSparse", Lookup(f"{picked} mapping", bits, mean)  # fmt: skip
    inputs = "data weights indices lengths"
    yield "SparseLengthsPositionalWeightedSum", Lookup(inputs, positional=True)
    yield "GatherFused8BitRowwise", Lookup("data indices", 8)


LOOKUPS = dict(_lookups())


@mkl_native(*LOOKUPS, any_dtype=True, empty_inputs=True)
def build_lookup(request: NativeRequest, library: OneDNN) -> NativeKernel:
    lookup = LOOKUPS[request.type]
    at = positions(lookup.inputs)
    data, out = request.inputs[0], request.outputs[0]
    assert data.shape is not None
    assert out.shape is not None
    fields = {
        "rows": data.shape[0], "width": out.size // out.shape[0], "bags": out.shape[0],
        "row_bytes": prod(data.shape[1:]) * data.dtype.itemsize, "kind": _kind(lookup, data, out),
        "wide": is_wide(request.inputs, at), "positional": lookup.positional, "mean": lookup.mean,
        "threads": request.threads, "out": len(request.inputs),
        **{role: at.get(role, -1) for role in ROLES},
    }  # fmt: skip
    chain = chain_of(request, library)
    chain.add("lookup", fields, range(len(request.inputs) + 1))
    context = chain.calls[0].context

    def resize(specs: Sequence[TensorSpec]) -> None:
        context.places = places_of(specs, at)
        context.mapped = specs[at["mapping"]].size if "mapping" in at else 0
        context.weights_count = specs[at["weights"]].size if "weights" in at else 0

    resize(request.inputs)
    return chain.kernel(
        explain=raise_as_reference(request),
        resize=resize,
        any_rows=_per_place(lookup, at),
    )


def _kind(lookup: Lookup, data: TensorSpec, out: TensorSpec) -> int:
    if out.dtype != "float32":
        raise Declined(f"sums in float32 only, not {out.dtype}")
    if lookup.bits:
        return CODES[lookup.bits]
    return HALF if data.dtype == "float16" else FLOAT


def _per_place(lookup: Lookup, at: dict[str, int]) -> frozenset[int]:
    """Inputs with an element or row per place, where the output's shape does not follow them."""
    if "lengths" not in at:
        return frozenset()
    roles: list[Any] = ["indices"] if "indices" in at else ["data"]
    roles += ["weights"] if not lookup.positional else []
    return frozenset(at[role] for role in roles if role in at)
