"""What operators on segments ("bags") have in common: which input is what, and how many places there are."""

from __future__ import annotations

from collections.abc import Sequence

from c2.registry import TensorSpec

ROLES = ("data", "indices", "lengths", "mapping", "weights", "scale_bias")


def positions(roles: str) -> dict[str, int]:
    """The position of each input, from their roles in order."""
    return {role: k for k, role in enumerate(roles.split())}


def places_of(specs: Sequence[TensorSpec], at: dict[str, int]) -> int:
    """How many places all bags have: indices, or rows of data where there are none."""
    if "indices" in at:
        return specs[at["indices"]].size
    shape = specs[at["data"]].shape
    assert shape is not None
    return shape[0]


def is_wide(specs: Sequence[TensorSpec], at: dict[str, int]) -> bool:
    """Whether indices are int64."""
    return "indices" in at and specs[at["indices"]].dtype == "int64"
