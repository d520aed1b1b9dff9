"""Seeds for the operators of a net that draw random numbers."""

from __future__ import annotations

from c2.graph.net import Net


def set_random_seed(net: Net, seed: int) -> None:
    """Gives operator number i the seed `seed + i`: the same seed makes the same numbers at every run of a new net.

    Operators that draw nothing keep it unread.
    """
    for index, op in enumerate(net.proto.op):
        if not op.HasField("device_option") and net.proto.HasField("device_option"):
            op.device_option.CopyFrom(net.proto.device_option)
        op.device_option.random_seed = seed + index
    net.touch()
