"""Whether a net's engines are chosen by measuring: what the caller says, else the net, else the environment."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

from c2.errors import TuningError
from c2.serialize.arguments import argument_value

OFF, TIME, CACHED = "off", "time", "cached"
_MODES = {
    "": OFF, "0": OFF, "off": OFF, "false": OFF,
    "1": TIME, "on": TIME, "true": TIME, "time": TIME,
    "cached": CACHED,
}  # fmt: skip
ARGUMENT, VARIABLE = "tune", "C2_TUNE"
Tune: TypeAlias = "bool | str | None"


def mode_of(net: Any, wanted: Tune) -> str:
    """OFF, TIME (race what is not in the cache) or CACHED (what the cache knows; nothing is timed).

    Args:
        wanted: True, False, "cached"; None: the net's argument `tune`, else $C2_TUNE, else not.

    Raises:
        TuningError: it is something else.
    """
    where, asked = "tune=", wanted
    if asked is None:
        given = [argument_value(arg) for arg in net.arg if arg.name == ARGUMENT]
        where, asked = f"argument '{ARGUMENT}' of net '{net.name}': ", given[0] if given else None
    if asked is None:
        where, asked = f"{VARIABLE}=", os.environ.get(VARIABLE, "")
    text = asked.decode("utf-8", "replace") if isinstance(asked, bytes) else str(asked)
    mode = _MODES.get(text.lower())
    if mode is None:
        raise TuningError(
            f"{where}{text}: expected 1 (race engines that the cache does not know), cached (take what it knows) or 0"
        )
    return mode
