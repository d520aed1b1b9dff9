"""`c2 launch`: a script in several processes that know each other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from c2.cli.output import console, errors, escape

COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "red")


def launch(
    script: Annotated[str, typer.Argument(help="A Python script, or any program.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Its arguments; write -- before the first.")
    ] = None,
    processes: Annotated[int, typer.Option("-n", "--processes", min=1, help="How many.")] = 2,
    run_id: Annotated[
        str | None, typer.Option(help="Tells this run from others; made up unless given.")
    ] = None,
) -> None:
    """Runs a script in several processes on this machine; `c2.communicate.connect()` joins them.

    Each line that they write comes with its rank in front. Where one fails, the others are ended, and what it wrote
    last is told again.
    """
    from c2.communicate.launch import launch as start

    program = [sys.executable, script] if Path(script).suffix == ".py" else [script]
    status, failed = start([*program, *(arguments or [])], processes, _tell, run_id)
    if failed is not None:
        what = f"exit status {status}" if status > 0 else f"signal {-status}"
        errors.print(
            f"[bold red]rank {failed.rank} ended with {what}[/]; the others were ended. It wrote last:"
        )
        for line in failed.last:
            errors.print(f"  {escape(line)}")
        raise typer.Exit(status if status > 0 else 128 - status)


def _tell(rank: int, line: str) -> None:
    colour = COLOURS[rank % len(COLOURS)]
    console.print(f"[{colour}]\\[{rank}][/] {escape(line)}")
