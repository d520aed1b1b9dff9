"""Checkpoints of training: parameters, the optimizer's state and the readers' positions, one file for all processes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from c2.build.model_helper import ModelHelper
from c2.build.train import initialize
from c2.communicate.alone import Alone
from c2.communicate.communicator import Communicator
from c2.errors import C2Error, CommunicationError, FormatError, did_you_mean
from c2.ops.files.databases import read_blobs, write_blobs
from c2.serialize.blobs import CHUNK_SIZE, Int8Tensor
from c2.serialize.database import open_db

STATE = "checkpoint_state"
"""The blob of a checkpoint, a string of JSON, that says its epoch and where the readers were."""

NONE, UNREADABLE = -1, -2  # instead of an epoch


class Reader(Protocol):
    """What gives batches and can go on where it was; `c2.data.Batches` and `c2.parallel.Shard` do."""

    @property
    def position(self) -> Mapping[str, int]:
        """Where it is, in plain values that do not depend on the number of processes."""

    def seek(self, position: Mapping[str, int]) -> None:
        """Goes there."""


class CheckpointManager:
    """Writes and reads the checkpoints of a training: files `<folder>/<node_name>.<epoch>`, of type minidb.

        checkpoints = c2.parallel.CheckpointManager("checkpoints", workspace, model, ranks, readers={"train": rows})
        first = checkpoints.load() or 0              # before c2.parallel.start
        ...
        checkpoints.save(epoch + 1)

    Every process calls `save` and `load`. Rank 0 writes, and a file is there whole or not at all; all ranks read, and
    must find the same. The number of processes may be another one than when it was written. A file holds what the
    init net makes, as Load and real Caffe2 read it, and the blob `checkpoint_state`. States of random operators
    (Dropout) are not in it; running moments of batch norm are those of rank 0.

    Args:
        folder: made where it is missing.
        ranks: None for a process alone.
        readers: name -> reader, to go on where they were.
        keep: how many checkpoints stay, the newest; None: all.
    """

    def __init__(
        self,
        folder: str | Path,
        workspace: Any,
        model: ModelHelper,
        ranks: Communicator | None = None,
        *,
        readers: Mapping[str, Reader] | None = None,
        node_name: str = "trainer",
        keep: int | None = None,
    ) -> None:
        self.folder, self.workspace, self.model = Path(folder), workspace, model
        self.ranks: Communicator = Alone() if ranks is None else ranks
        self.readers = dict(readers or {})
        self.node_name, self.keep = node_name, keep

    def epochs(self) -> list[int]:
        """Numbers of the checkpoints that are there, ascending."""
        names = (path.name.rpartition(".") for path in self.folder.glob(f"{self.node_name}.*"))
        return sorted(int(n) for stem, _, n in names if stem == self.node_name and n.isdecimal())

    def path(self, epoch: int) -> Path:
        """The file of a checkpoint."""
        return self.folder / f"{self.node_name}.{epoch}"

    # -- writing

    def save(self, epoch: int) -> None:
        """Writes the checkpoint of that number: epochs that are done, or steps, whichever the caller counts.

        Raises:
            CommunicationError: rank 0 could not write it; in rank 0 the error that it met.
        """
        met: Exception | None = None
        if self.ranks.rank == 0:
            try:
                self._write(epoch)
            except (OSError, C2Error) as error:
                met = error
        failed = np.array([met is not None], np.int64)
        self.ranks.broadcast(failed)
        if met is not None:
            raise met
        if failed[0]:
            raise CommunicationError(
                f"rank {self.ranks.rank} of {self.ranks.size}: rank 0 could not write checkpoint {self.path(epoch)}"
            )

    def _write(self, epoch: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        readers = {name: dict(reader.position) for name, reader in self.readers.items()}
        state = json.dumps({"epoch": epoch, "readers": readers})
        held = ((name, self.workspace.fetch(name)) for name in self._names())
        blobs = [(STATE, state), *((n, v) for n, v in held if _can_be_stored(v))]
        write_blobs(open_db("minidb", self.path(epoch), "new"), blobs, CHUNK_SIZE)
        older = [e for e in self.epochs() if e != epoch]
        for old in older[: len(older) + 1 - self.keep] if self.keep else []:
            self.path(old).unlink()

    def _names(self) -> list[str]:
        """What the init net makes, and parameters that come from elsewhere."""
        made = (name for op in self.model.param_init_net.ops for name in op.output)
        return list(dict.fromkeys([*made, *self.model.parameters]))

    # -- reading

    def load(self, epoch: int | None = None) -> int | None:
        """Puts a checkpoint into the workspace and readers where they were.

        Args:
            epoch: its number; None: the newest one.

        Returns:
            The number; None where no checkpoint is there, and nothing was changed.

        Raises:
            CommunicationError: the ranks have not found the same; it says who found what.
            FormatError: the file is damaged, of another model, or there is none of the number that was asked for.
        """
        found = self._newest() if epoch is None else epoch
        blobs: dict[str, Any] = {}
        met: Exception | None = None
        checksum = 0
        if found is not None:
            try:
                checksum = zlib.crc32(self._present(found).read_bytes())
                blobs = self._read(found)
            except (OSError, C2Error) as error:
                met = error
        self._agree(NONE if found is None else UNREADABLE if met else found, checksum, met)
        if found is None:
            return None
        state = json.loads(blobs.pop(STATE))
        initialize(self.model, self.workspace)
        for name, value in blobs.items():
            self.workspace.feed(name, value)
        for name, reader in self.readers.items():
            reader.seek(state["readers"][name])
        return int(state["epoch"])

    def _newest(self) -> int | None:
        epochs = self.epochs()
        return epochs[-1] if epochs else None

    def _present(self, epoch: int) -> Path:
        if not self.path(epoch).is_file():
            have = ", ".join(map(str, self.epochs())) or "none"
            raise FormatError(f"there is no checkpoint {self.path(epoch)}; have: {have}")
        return self.path(epoch)

    def _read(self, epoch: int) -> dict[str, Any]:
        """The blobs of a file, which must be those of this model."""
        path = self.path(epoch)
        blobs = {n: v for n, _, v in read_blobs([open_db("minidb", path)], lambda name: True)}
        if STATE not in blobs:
            raise FormatError(f"{path} is no checkpoint: it has no blob '{STATE}'")
        unknown = set(self.readers) - set(json.loads(blobs[STATE])["readers"])
        if unknown:
            raise FormatError(f"{path} does not say where reader {_listed(map(repr, unknown))} was")
        missing = [n for n in self.model.parameters if n not in blobs]
        if missing:
            near = did_you_mean(missing[0], blobs)
            raise FormatError(
                f"{path} is of another model: it lacks {_listed(map(repr, missing))}.{near}"
            )
        for name, info in self.model.parameters.items():
            if info.shape is not None and blobs[name].shape != info.shape:
                raise FormatError(
                    f"{path} is of another model: '{name}' must have shape {info.shape}, got {blobs[name].shape}"
                )
        return blobs

    def _agree(self, found: int, checksum: int, met: Exception | None) -> None:
        """Raises where not all ranks have found the same, or none could read it."""
        own = np.array([found, checksum], np.int64)
        every = np.empty((self.ranks.size, 2), np.int64)
        self.ranks.allgather(own, every)
        if met is not None:
            raise met
        if (every == own).all():
            return
        by_what: dict[str, list[int]] = {}
        for rank, (epoch, crc) in enumerate(every.tolist()):
            by_what.setdefault(self._told(epoch, crc), []).append(rank)
        who = "; ".join(f"rank {_listed(map(str, r))} found {w}" for w, r in by_what.items())
        raise CommunicationError(
            f"rank {self.ranks.rank} of {self.ranks.size}: processes would go on from different checkpoints: {who}. "
            "All must see one folder, or copies of the same files"
        )

    def _told(self, epoch: int, checksum: int) -> str:
        if epoch == NONE:
            return "none"
        if epoch == UNREADABLE:
            return "one that it cannot read"
        return f"{self.path(epoch)} (checksum {checksum:08x})"


def _can_be_stored(value: Any) -> bool:
    """A mutex, say, cannot; the init net makes it again."""
    return isinstance(value, (np.ndarray, bytes, str, Int8Tensor))


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(sorted(texts))
