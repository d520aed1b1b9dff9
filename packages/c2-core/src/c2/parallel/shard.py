"""Each process's part of every batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from c2.communicate.communicator import Communicator
from c2.data.batches import Arrays, Batches
from c2.errors import SchemaError


class Shard:
    """Of every batch the rows of this process: the first ranks have the first rows."""

    def __init__(self, batches: Batches, ranks: Communicator) -> None:
        self.batches, self.ranks = batches, ranks
        rest = 0 if batches.drop_last else batches.size % batches.batch_size
        for rows in (batches.batch_size, rest):
            if rows % ranks.size:
                raise SchemaError(
                    f"shard: a batch of {rows} rows cannot be shared out evenly to {ranks.size} processes. Choose a "
                    "batch_size that is a multiple, and drop_last=True where the last batch is smaller"
                )

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Arrays]:
        for batch in self.batches:
            yield {name: self._part(array) for name, array in batch.items()}

    @property
    def position(self) -> dict[str, int]:
        """Of the whole batches; see `Batches.position`. It is the same in all processes, however many there are."""
        return self.batches.position

    def seek(self, position: Mapping[str, int]) -> None:
        """See `Batches.seek`."""
        self.batches.seek(position)

    def _part(self, array: Any) -> Any:
        rows = len(array) // self.ranks.size
        return array[self.ranks.rank * rows : (self.ranks.rank + 1) * rows]


def shard(batches: Batches, ranks: Communicator) -> Shard:
    """This process's part of each batch. All processes must make the same batches: give them a seed.

    Raises:
        SchemaError: a batch cannot be shared out evenly.
    """
    return Shard(batches, ranks)
