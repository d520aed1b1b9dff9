"""How commands speak: tables for people, JSON for machines, errors with their fix."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn
from zipfile import BadZipFile

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from c2.errors import FormatError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output. Numbers that JSON has not (NaN, infinity) become null."""
    plain = json.loads(json.dumps(value, default=_plain), parse_constant=lambda name: None)
    print(json.dumps(plain, indent=2))


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None
) -> None:
    table = Table(*headers, title=title, title_justify="left", show_edge=False, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    console.print(table)


def escape(text: str) -> str:
    """Text that rich prints as it is."""
    return text.replace("[", "\\[")


def fail(error: Exception | str, *, as_json: bool | None = None) -> NoReturn:
    """Prints an error, as JSON where --json was asked for, and exits with 1."""
    kind = type(error).__name__ if isinstance(error, Exception) else "Error"
    if as_json if as_json is not None else "--json" in sys.argv:
        print_json({"error": {"type": kind, "message": str(error)}})
    else:
        errors.print(f"[bold red]{kind}[/]: {escape(str(error))}")
    raise typer.Exit(1)


def parse_shapes(given: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """`data=1,3,224,224` as name -> shape."""
    shapes = {}
    for text in given:
        name, _, dims = text.partition("=")
        try:
            shapes[name] = tuple(int(d) for d in dims.replace("x", ",").split(",") if d)
        except ValueError:
            fail(
                f"--shape {text}: write the blob's name and its dimensions, as in data=1,3,224,224"
            )
        if not name or any(d < 0 for d in shapes[name]):
            fail(
                f"--shape {text}: write the blob's name and its dimensions, as in data=1,3,224,224"
            )
    return shapes


def parse_inputs(given: Sequence[str]) -> dict[str, Any]:
    """`data=image.npy` as name -> array; an .npz gives one array per name: `batch.npz` or `data=batch.npz:x`."""
    arrays: dict[str, Any] = {}
    for text in given:
        name, _, source = text.rpartition("=")
        stem, zipped, key = source.partition(".npz:")
        path = f"{stem}.npz" if zipped else source
        if not Path(path).is_file():
            fail(f"--input {text}: there is no file {path}")
        held = _held(path, key or name)
        if isinstance(held, np.ndarray) and not name:
            fail(f"--input {text}: name the blob that {path} goes to, as in data={path}")
        if isinstance(held, list):
            fail(f"--input {text}: {path} holds {', '.join(held)}, and no '{key or name}'")
        arrays.update(held if isinstance(held, dict) else {name: held})
    return arrays


def _held(path: str, key: str) -> Any:
    """The array of an .npy, or of that key in an .npz; all arrays for an empty key, the names for one not there."""
    try:
        # An .npy stays in its file until rows of it are read (writing goes to memory); an .npz cannot.
        loaded = np.load(path, allow_pickle=False, mmap_mode="c" if path.endswith(".npy") else None)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            if key:
                return loaded[key] if key in loaded else list(loaded.files)
            return dict(loaded)
    except (ValueError, EOFError, BadZipFile) as error:
        raise FormatError(f"{path} is no .npy or .npz file of plain arrays: {error}") from error


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
