"""What c2-core itself offers by name, through the hooks that plugins use."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1
SOURCE = "c2-core"


@hookimpl
def c2_databases() -> dict[str, str]:
    """The databases of c2-core."""
    return {"minidb": "c2.serialize.minidb:MiniDB", "protodb": "c2.serialize.protodb:ProtoDB"}
