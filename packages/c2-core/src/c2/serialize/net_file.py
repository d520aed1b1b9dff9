"""A net in a file, read operator by operator: an init net carries all parameters of a model in its operators."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from c2.errors import FormatError
from c2.graph.device import put_on
from c2.proto import NetDef, OperatorDef
from c2.serialize.budget import check_budget
from c2.serialize.messages import PathLike, load_net, parse_message
from c2.serialize.recognise import known_tags
from c2.serialize.wire import LENGTH_DELIMITED, PARSE_ERRORS, read_fields

LARGE = 1 << 20  # bytes; smaller files are read whole

_OP = (NetDef.DESCRIPTOR.fields_by_name["op"].number, LENGTH_DELIMITED)


class NetFile:
    """A NetDef of which only one operator is in memory at a time.

    Attributes:
        header: the NetDef without its operators.
        device: where all of them are to run, whatever the file says; None: as it says.
    """

    def __init__(self, path: PathLike, header: NetDef, places: list[tuple[int, int]]) -> None:
        """
        Args:
            places: where the operators start and end in the file, in bytes.
        """
        self.path, self.header, self._places = Path(path), header, places
        self.device: str | None = None

    def __len__(self) -> int:
        return len(self._places)

    def read_op(self, index: int) -> OperatorDef:
        """One of its operators.

        Raises:
            FormatError: its bytes are no OperatorDef, or the file has become shorter.
        """
        start, end = self._places[index]
        with open(self.path, "rb") as file:
            file.seek(start)
            data = file.read(end - start)
        if len(data) != end - start:
            raise FormatError(
                f"{self.path}: op {index} ends {end - start - len(data)} bytes too soon: "
                "the file was changed while it was read; load it again"
            )
        op = parse_message(data, OperatorDef, f"{self.path}, op {index}")
        return op if self.device is None else put_on(op, self.device)


def open_net(path: PathLike) -> NetDef | NetFile:
    """The net in a file: a NetFile where it is large and binary, else the NetDef itself.

    Raises:
        FormatError: the file is not a NetDef.
        MemoryBudgetError: the file is larger than the memory budget.
    """
    if not os.path.isfile(path) or os.path.getsize(path) < LARGE:
        return load_net(path)
    check_budget(os.path.getsize(path), f"file {os.fspath(path)}")
    return _scan(path) or load_net(path)  # which says what the bytes are instead


def _scan(path: PathLike) -> NetFile | None:
    """Where the operators of a binary NetDef stand; None for anything else."""
    header, places = NetDef(), []
    known = known_tags(NetDef.DESCRIPTOR)
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for field in read_fields(data):
                tag = (field.number, field.wire_type)
                if tag == _OP:
                    places.append((field.start, field.end))
                elif tag in known:
                    header.MergeFromString(data[field.offset : field.end])
                else:
                    return None
    except PARSE_ERRORS:
        return None
    return NetFile(path, header, places) if places else None
