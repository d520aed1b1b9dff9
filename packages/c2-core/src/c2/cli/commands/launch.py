"""`c2 launch`: a script in several processes that know each other."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from c2.cli.output import console, errors, escape, fail

COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "red")
PROCESSES = 2  # unless told


def launch(
    script: Annotated[str, typer.Argument(help="A Python script, or any program.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Its arguments; write -- before the first.")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option("-n", "--processes", min=1, help=f"How many; {PROCESSES} unless told."),
    ] = None,
    hosts: Annotated[
        str | None, typer.Option(help="Hosts, each with its number of ranks: a,b:4.")
    ] = None,
    launcher: Annotated[
        str,
        typer.Option(
            help="What runs a command on a host: ssh, mpirun, srun, or a command with {host}."
        ),
    ] = "ssh",
    python: Annotated[str, typer.Option(help="Python of each host.")] = sys.executable,
    ray: Annotated[bool, typer.Option("--ray", help="Ranks where Ray finds room.")] = False,
    store: Annotated[
        str | None,
        typer.Option(
            help="Where ranks of several hosts meet: tcp://HOST:PORT of the first host (port 0: a free one), "
            "redis://HOST:PORT, or file:///FOLDER."
        ),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option(help="Tells this run from others; made up unless given.")
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help='Each line as {"rank": ..., "line": ...}; the values of one that is a JSON object in its place.',
        ),
    ] = False,
) -> None:
    """Runs a script in several processes, here or on other hosts; `c2.communicate.connect()` joins them.

    Each line that they write comes with its rank in front. Where one fails, the others are ended, and what it wrote
    last is told again.
    """
    program = [python, script] if Path(script).suffix == ".py" else [script]
    program += arguments or []
    tell = _tell_json if as_json else _tell
    failed: Any
    if hosts and (ray or processes):
        fail(
            "--hosts says where and how many; leave out " + ("--ray" if ray else "-n, write HOST:N")
        )
    if hosts:
        from c2.communicate.launch.hosts import launch_on_hosts, parse_hosts

        failed = launch_on_hosts(
            program, parse_hosts(hosts), tell, run_id=run_id, launcher=launcher, python=python, store=store,
        )  # fmt: skip
    elif ray:
        from c2.communicate.launch.on_ray import launch_on_ray

        failed = launch_on_ray(program, processes or PROCESSES, tell, run_id=run_id, store=store)
    else:
        from c2.communicate.launch.here import launch as start

        failed = start(program, processes or PROCESSES, tell, run_id)
    if failed is not None:
        _tell_failure(failed)


def _tell_failure(failed: Any) -> None:
    status = failed.status
    what = f"exit status {status}" if status > 0 else f"signal {-status}"
    where = f" on host {failed.host}" if failed.host else ""
    errors.print(
        f"[bold red]rank {failed.rank}{where} ended with {what}[/]; the others were ended. It wrote last:"
    )
    for line in failed.last:
        errors.print(f"  {escape(line)}")
    raise typer.Exit(status if status > 0 else 128 - status)


def _tell_json(rank: int, line: str) -> None:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    print(json.dumps({"rank": rank, **(said if isinstance(said, dict) else {"line": line})}))


def _tell(rank: int, line: str) -> None:
    colour = COLOURS[rank % len(COLOURS)]
    console.print(f"[{colour}]\\[{rank}][/] {escape(line)}")
