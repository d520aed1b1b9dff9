"""What a model knows of one parameter."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from c2.autodiff.maker import GradientSlice
from c2.graph.blob_reference import BlobReference

if TYPE_CHECKING:
    from c2.build.optimizer.base import Optimizer


class ParameterTag(enum.Enum):
    """What a parameter is for; weight decay and parameter optimizers ask for it."""

    WEIGHT = "WEIGHT"
    BIAS = "BIAS"
    COMPUTED_PARAM = "COMPUTED_PARAM"
    """Computed from data, as running means are; no optimizer touches it."""


@dataclass(eq=False)
class ParameterInfo:
    """One parameter of a model.

    Attributes:
        blob: where its value is.
        shape: None where nobody said.
        grad: blob of its gradient, GradientSlice of a sparse one; None before `add_gradients`.
        optimizer: updates this parameter instead of the optimizer that is built for the model.
    """

    blob: BlobReference
    shape: tuple[int, ...] | None = None
    tags: frozenset[ParameterTag] = frozenset()
    grad: BlobReference | GradientSlice | None = None
    optimizer: Optimizer | None = None

    @property
    def name(self) -> str:
        return self.blob.name

    @property
    def size(self) -> int | None:
        """Number of elements."""
        return None if self.shape is None else prod(self.shape)

    @property
    def computed(self) -> bool:
        return ParameterTag.COMPUTED_PARAM in self.tags

    def __str__(self) -> str:
        return self.name


def as_tags(tags: ParameterTag | Iterable[ParameterTag]) -> frozenset[ParameterTag]:
    """A set of tags from one or several."""
    return frozenset([tags] if isinstance(tags, ParameterTag) else tags)
