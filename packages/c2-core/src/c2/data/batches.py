"""Batches: arrays cut into mappings from blob name to a part of each array, epoch after epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from c2.errors import SchemaError

Arrays = Mapping[str, np.ndarray[Any, Any]]


class Batches:
    """Rows of arrays, `batch_size` at a time.

    Each iteration is the next epoch, or its rest after `seek`. With a seed the order is another one in every epoch and
    the same at every run of the program: it depends on the seed and on the epoch's number alone.

    Attributes:
        size: rows of the arrays.
    """

    def __init__(
        self,
        arrays: Arrays,
        batch_size: int,
        *,
        seed: int | None = None,
        drop_last: bool = False,
        prepare: Callable[[Arrays], Arrays] | None = None,
    ) -> None:
        self.arrays = {str(name): np.asarray(array) for name, array in arrays.items()}
        self.size = _rows(self.arrays)
        if not batch_size >= 1:
            raise SchemaError(f"batches: batch_size must be 1 or more, got {batch_size}")
        self.batch_size = batch_size
        self.seed = seed
        self.drop_last = drop_last
        self.prepare = prepare
        self._begin = (0, 0)  # epoch and batch of the next iteration
        self._position = (0, 0)

    def __len__(self) -> int:
        """Batches in an epoch."""
        whole, rest = divmod(self.size, self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __iter__(self) -> Iterator[Arrays]:
        self._position = self._begin
        self._begin = (self._position[0] + 1, 0)
        return self._rest(*self._position)

    def _rest(self, epoch: int, first: int) -> Iterator[Arrays]:
        for number, batch in enumerate(self.epoch(epoch, first), first + 1):
            self._position = (epoch, number) if number < len(self) else (epoch + 1, 0)
            yield batch

    @property
    def position(self) -> dict[str, int]:
        """Which batch follows the last one that was given: its epoch and its number there, from 0."""
        return dict(zip(("epoch", "batch"), self._position))

    def seek(self, position: Mapping[str, int]) -> None:
        """The next iteration begins at that batch.

        Raises:
            SchemaError: there is no such batch.
        """
        epoch, batch = (int(position.get(name, -1)) for name in ("epoch", "batch"))
        if epoch < 0 or not 0 <= batch < max(len(self), 1):
            raise SchemaError(
                f"batches: there is no position {dict(position)}: an epoch has batches 0 to {len(self) - 1}. Was it of "
                "other data, or of another batch_size?"
            )
        self._begin = self._position = (epoch, batch)

    def epoch(self, number: int, first: int = 0) -> Iterator[Arrays]:
        """The batches of one epoch, counted from 0, from `first` on; it does not matter which were asked for before."""
        order = self.order(number)
        for k in range(first, len(self)):
            rows = order[k * self.batch_size : (k + 1) * self.batch_size]
            batch = {name: array[rows] for name, array in self.arrays.items()}
            yield batch if self.prepare is None else self.prepare(batch)

    def order(self, epoch: int) -> np.ndarray[Any, Any]:
        """Row numbers in the order of that epoch."""
        if self.seed is None:
            return np.arange(self.size)
        return np.random.default_rng([self.seed, epoch]).permutation(self.size)


def batches(
    arrays: Arrays,
    batch_size: int,
    *,
    seed: int | None = None,
    drop_last: bool = False,
    prepare: Callable[[Arrays], Arrays] | None = None,
) -> Batches:
    """Arrays in batches, to be fed to a net.

    >>> from c2.data import batches
    >>> for batch in batches({"x": np.arange(5), "y": np.arange(5) % 2}, 2):
    ...     print(batch["x"], batch["y"])
    [0 1] [0 1]
    [2 3] [0 1]
    [4] [0]

    Args:
        arrays: blob name -> array; all have the same number of rows.
        seed: shuffles every epoch anew; None keeps the order of the arrays.
        drop_last: leaves out a last batch that is not full.
        prepare: is given each batch and returns what to feed: another dtype, another scale, noise.

    Raises:
        SchemaError: no array, unequal numbers of rows, or a batch size below 1.
    """
    return Batches(arrays, batch_size, seed=seed, drop_last=drop_last, prepare=prepare)


def _rows(arrays: Arrays) -> int:
    rows = {name: len(array) if array.ndim else None for name, array in arrays.items()}
    if len(set(rows.values())) != 1 or None in rows.values():
        raise SchemaError(
            "batches: all arrays must have the same number of rows, and there must be at least one array; got "
            + (", ".join(f"'{n}' {arrays[n].shape}" for n in rows) or "none")
        )
    return next(n for n in rows.values() if n is not None)
