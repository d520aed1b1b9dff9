"""A table of a model's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from c2.build.model_helper import ModelHelper


@dataclass(frozen=True)
class ParameterRow:
    """One parameter; shape and size are None where they are not known, tags in alphabetic order."""

    name: str
    shape: tuple[int, ...] | None
    size: int | None
    tags: tuple[str, ...]


@dataclass(frozen=True)
class ModelSummary:
    """What `model.summary()` gives: print it, or take its rows.

    Attributes:
        trained: elements of trained parameters whose size is known.
        computed: elements of computed parameters whose size is known.
    """

    name: str
    operators: int
    rows: tuple[ParameterRow, ...]
    trained: int
    computed: int

    @classmethod
    def of(cls, model: ModelHelper) -> ModelSummary:
        infos = list(model.parameters.values())
        return cls(
            model.name,
            len(model.net),
            tuple(
                ParameterRow(p.name, p.shape, p.size, tuple(sorted(t.value for t in p.tags)))
                for p in infos
            ),
            sum(p.size or 0 for p in infos if not p.computed),
            sum(p.size or 0 for p in infos if p.computed),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return {
            "name": self.name,
            "operators": self.operators,
            "trained": self.trained,
            "computed": self.computed,
            "parameters": [vars(row) for row in self.rows],
        }

    def __str__(self) -> str:
        table = [("parameter", "shape", "elements", "tags")]
        for row in self.rows:
            shape = "unknown" if row.shape is None else " x ".join(map(str, row.shape)) or "scalar"
            size = "unknown" if row.size is None else f"{row.size:,}"
            table.append((row.name, shape, size, ", ".join(row.tags)))
        widths = [max(len(line[k]) for line in table) for k in range(4)]
        lines = [
            f"{n:<{widths[0]}}  {s:<{widths[1]}}  {e:>{widths[2]}}  {t}".rstrip()
            for n, s, e, t in table
        ]
        total = f"{self.operators} operators, {self.trained:,} trained and {self.computed:,} computed elements"
        return "\n".join([f"model '{self.name}': {total}", *lines])
