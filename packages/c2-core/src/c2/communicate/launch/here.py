"""A job whose processes are all on this machine."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Sequence

from c2.communicate.launch.processes import Failure, Tell, run_ranks


def launch(
    command: Sequence[str], size: int, tell: Tell, run_id: str | None = None
) -> Failure | None:
    """Runs a command in `size` processes, each with its C2_RANK; they meet in a folder that is gone afterwards.

    Where one fails, the others are ended.

    Args:
        tell: called with rank and line for all that they write.
    """
    with tempfile.TemporaryDirectory(prefix="c2-launch-") as folder:
        job = {
            "C2_SIZE": str(size),
            "C2_STORE": f"file://{folder}",
            "C2_RUN_ID": run_id or uuid.uuid4().hex,
        }
        return run_ranks(command, range(size), {**os.environ, **job}, tell)
