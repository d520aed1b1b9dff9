"""What a sum or extreme over axes looks like to the C part."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from c2_mkl.call import Chain, Declined


def fold_form(shape: Sequence[int], axes: Collection[int]) -> dict[str, Any]:
    """The shape as (kept, folded, kept, folded), with neighbours of one kind joined.

    Raises:
        Declined: there are more changes between kept and folded axes than that.
    """
    form = [[True, 1]]
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        kept = axis not in axes
        if form[-1][0] == kept:
            form[-1][1] *= size
        else:
            form.append([kept, size])
    sizes = [size for _, size in form]
    if len(sizes) > 4:
        raise Declined("axes that do not stand together")
    if len(sizes) == 2 and not form[-1][0]:  # rows: their elements are neighbours
        return {"kept": [1, sizes[0]], "folded": [1, sizes[1]]}
    sizes += [1] * (4 - len(sizes))
    return {"kept": sizes[::2], "folded": sizes[1::2]}


def add_fold(
    chain: Chain,
    shape: Sequence[int],
    axes: Collection[int],
    buffers: Sequence[int],
    threads: int,
    *,
    kind: str = "SUM",
    factor: float = 1.0,
    root: bool = False,
) -> None:
    """Appends a sum or extreme of a plain blob over axes, of what `kind` makes of an element; times a factor."""
    number = getattr(chain.library.shim, f"C2_FOLD_{kind}")
    more = {"kind": number, "factor": factor, "root": int(root), "threads": threads}
    chain.add("fold", {**fold_form(shape, axes), **more}, buffers)
