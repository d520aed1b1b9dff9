"""Making OperatorDefs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from c2.proto import OperatorDef
from c2.serialize.arguments import make_argument


def create_op(
    type_: str,
    inputs: Iterable[Any] | Any = (),
    outputs: Iterable[Any] | Any = (),
    *,
    name: str = "",
    device_option: Any = None,
    engine: str = "",
    control_input: Iterable[str] = (),
    random_seed: int | None = None,
    **args: Any,
) -> Any:
    """An OperatorDef, not checked yet.

    Args:
        inputs, outputs: names or BlobReferences; one alone needs no list.
        args: arguments by name; None is left out. Ints, floats, strings, lists, arrays and messages are stored in
            the field of their type, as Caffe2 does.
    """
    op = OperatorDef(type=type_)
    op.input.extend(_names(inputs))
    op.output.extend(_names(outputs))
    op.control_input.extend(_names(control_input))
    if name:
        op.name = name
    if engine:
        op.engine = engine
    if device_option is not None:
        op.device_option.CopyFrom(device_option)
    if random_seed is not None:
        op.device_option.random_seed = random_seed
    op.arg.extend(make_argument(key, value) for key, value in args.items() if value is not None)
    return op


def _names(blobs: Any) -> list[str]:
    if isinstance(blobs, (str, bytes)) or not isinstance(blobs, Iterable):
        blobs = [blobs]
    return [str(b) for b in blobs]
