"""`c2 plugins`: what is installed, what it registered, what went wrong."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import c2
from c2.cli.output import Json, console, escape, print_json, print_table


def plugins(
    json: Json = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Names of everything, and tracebacks.")
    ] = False,
    retry: Annotated[
        str | None, typer.Option(help="Lift the quarantine of a plugin and load it again.")
    ] = None,
) -> None:
    """Lists plugins: loaded, declined, failed, disabled or quarantined, with the reason."""
    from c2 import plugins as loading

    if retry is not None:
        lifted = loading.retry(retry)
        if not json:
            console.print(
                escape(f"{retry}: {'quarantine lifted' if lifted else 'was not in quarantine'}")
            )
    c2.registry.default()
    reports = loading.reports()
    if json:
        print_json([{**_fields(r), "counts": r.counts} for r in reports])
        return
    if not reports:
        console.print("no plugins are installed; for example: pip install c2-zoo")
        return
    print_table(
        ["plugin", "distribution", "status", "what"],
        [
            (
                r.name,
                f"{r.distribution} {r.version}",
                r.status,
                r.reason
                or ", ".join(f"{n} {k}" for k, n in r.counts.items())
                or r.info.get("status", "registers nothing"),
            )
            for r in reports
        ],
    )
    for r in reports if verbose else ():
        console.print(
            f"\n[bold]{escape(r.name)}[/]  {escape(r.info.get('summary', ''))}  {r.seconds * 1e3:.0f} ms"
        )
        for kind, names in r.registered.items():
            console.print(f"  {kind}: {escape(', '.join(names))}")
        for fact, value in r.info.items():
            if fact not in ("name", "summary"):
                console.print(f"  {escape(fact)}: {escape(value)}")
        for note in r.notes:
            console.print(f"  note: {escape(note)}")
        if r.traceback:
            console.print(escape(r.traceback))


def _fields(report: Any) -> dict[str, Any]:
    """All that can be written down; the probe is a function."""
    return {k: v for k, v in vars(report).items() if k != "probe"}
