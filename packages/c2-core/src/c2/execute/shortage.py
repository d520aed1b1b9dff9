"""What a net does when a device runs out of memory: frees what it made there, and says what the largest blobs are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from c2.errors import OutOfMemory
from c2.execute.bind import OpBinder
from c2.serialize.budget import readable

if TYPE_CHECKING:
    from c2.execute.workspace import Workspace

NAMED = 5  # of the largest blobs


def freed(
    said: str, net: str, workspace: Workspace, binders: Sequence[OpBinder], kept: Iterable[str]
) -> OutOfMemory:
    """The error to raise, once the net's own blobs are empty and the devices have the memory back.

    The net must have let go of its calls.

    Args:
        said: which operator asked for how much.
        kept: blobs that the net reads and does not make: they keep what they hold.
    """
    keep = set(kept)
    held = {id(array): (name, array, device) for name, array, device in _held(workspace, binders)}
    largest = sorted(held.values(), key=lambda one: -int(one[1].nbytes))[:NAMED]
    told = "".join(
        f"\n    '{name}' {array.dtype} {tuple(array.shape)} {readable(array.nbytes)} on {device}"
        for name, array, device in largest
    )
    outputs = {b.name: b for binder in binders for b in binder.outputs if b.name not in keep}
    size = sum(array.nbytes for name, array, _ in held.values() if name in outputs)
    held.clear()
    for blob in outputs.values():
        blob.value, blob.why_empty = None, f"net '{net}' ran out of memory and freed it"
    for binder in binders:
        binder.forget()
    largest.clear()
    for device in {binder.device.name: binder.device for binder in binders}.values():
        device.release()
    return OutOfMemory(
        f"{said}\n  The largest blobs were:{told}\n  Net '{net}' freed {readable(size)} of its own; the workspace can "
        "be used. Feed smaller batches, remove blobs that nobody needs, or use net type compiled, which shares memory"
    )


def _held(workspace: Workspace, binders: Sequence[OpBinder]) -> Iterator[tuple[str, Any, str]]:
    """Name, array and device of every blob, and of buffers that are not in their blobs yet."""
    for blob in map(workspace.blob, workspace.blobs()):
        if hasattr(blob.value, "nbytes"):
            yield blob.name, blob.value, blob.device
    for binder in binders:
        for name, array in binder.made():
            yield name, array, binder.device.name
