"""Order of updates: each as soon as the gradients that it reads are there."""

from __future__ import annotations

from typing import Any

from c2.graph.net import Net

WAIT = "AllreduceMeanWait"


def order_updates(net: Net) -> None:
    """Puts what follows the first wait for gradients in the order of the waits that it depends on.

    So the parameters whose gradients were exchanged first are updated while the others' are under way. Operators that
    touch the same blob keep their order, unless both only read it.
    """
    ops = net.ops
    first = next((k for k, op in enumerate(ops) if op.type == WAIT), None)
    if first is not None:
        net.replace_ops([*ops[:first], *_by_waits(ops[first:])])


def _by_waits(ops: list[Any]) -> list[Any]:
    waits = 0
    needs: list[int] = []  # of each operator: the last wait that must stand before it
    wrote: dict[str, int] = {}  # blob -> the largest need of those that wrote it
    read: dict[str, int] = {}
    for op in ops:
        if op.type == WAIT:
            waits += 1
        need = waits if op.type == WAIT else 0
        need = max([need, *(wrote.get(n, 0) for n in (*op.input, *op.output))])
        need = max([need, *(read.get(n, 0) for n in op.output)])
        for blobs, into in ((op.input, read), (op.output, wrote)):
            into.update((n, max(need, into.get(n, 0))) for n in blobs)
        needs.append(need)
    return [ops[k] for k in sorted(range(len(ops)), key=needs.__getitem__)]
