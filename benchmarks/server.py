"""The other end of serve.py: a process that is asked, in an environment for a number of threads."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any


class Server:
    """A process that answers lines of standard input by lines of JSON."""

    def __init__(self, command: list[Any], threads: int, scratch: Path) -> None:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "C2_NUM_THREADS")
        more = {"MKL_DEBUG_CPU_TYPE": "5", "TORCHINDUCTOR_CACHE_DIR": str(scratch)}
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  a pipe would fill up
        self.process = subprocess.Popen(
            [*command, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env={**os.environ, **dict.fromkeys(names, str(threads)), **more},
        )  # fmt: skip

    def ask(self, command: str) -> Any:
        """The answer, or RuntimeError with the end of what it wrote where the process died."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            said = [text for text in self.errors.read().splitlines() if text.strip()]
            raise RuntimeError(said[-1] if said else f"exit status {self.process.returncode}")
        return json.loads(line)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()
