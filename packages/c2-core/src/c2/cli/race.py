"""How commands show a race between engines: the report of `c2.compile.tuning.tuner.Tuned`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from c2.cli.output import console, escape, print_table

Row = Mapping[str, Any]


def print_choices(report: Row) -> None:
    """A line for each kind of operator: what was chosen, what came next, what it gains; and the whole net."""
    print_table(
        ["", "operator", "output", "chosen", "ms", "runner-up", "ms", "gain"],
        [_choice(row, count) for row, count in _counted(report["operators"])],
    )
    print_whole(report)


def print_races(report: Row) -> None:
    """Every candidate of each kind of operator with its time, and why other engines declined."""
    for row, count in _counted(report["operators"]):
        times = f"{count} times " if count > 1 else ""
        console.print(f"[bold]{escape(row['op'])}[/] {times}{escape(_shape(row))}")
        for one in row["candidates"]:
            mark = "*" if _same(one, row["chosen"]) else " "
            console.print(escape(f"  {mark} {_ms(one):>10}  {_name(one)}  {_layouts(one)}"))
        for engine, why in row["declined"]:
            console.print(escape(f"             -  {engine}: {why}"))
    print_whole(report)


def print_whole(report: Row) -> None:
    """What became of the whole net."""
    seconds, raced = (
        report["seconds"],
        f"{report['timed']} races now, {report['known']} from the cache",
    )
    if seconds:
        before, after = seconds["untuned"], seconds["tuned"]
        whole = f"native calls {1e3 * before:.3f} ms untuned, {1e3 * after:.3f} ms tuned; "
    else:
        whole = ""
    used = "used" if report["used"] else "not used"
    console.print(escape(f"{whole}{used}: {report['why']} ({raced})"))


def _counted(rows: Iterable[Row]) -> list[tuple[Row, int]]:
    """Rows that tell the same once, with their number."""
    found: dict[str, tuple[Row, int]] = {}
    for row in rows:
        key = repr({k: v for k, v in row.items() if k != "outputs"})
        found[key] = (found.get(key, (row, 0))[0], found.get(key, (row, 0))[1] + 1)
    return list(found.values())


def _choice(row: Row, count: int) -> tuple[str, ...]:
    chosen, first = row["chosen"], next((c for c in row["candidates"] if c["first"]), None)
    others = [c for c in row["candidates"] if not _same(c, chosen)]
    second = others[0] if others else None
    gain = f"{first['seconds'] / chosen['seconds']:.2f}" if first and _timed(first, chosen) else ""
    return (
        f"{count} x" if count > 1 else "", row["op"], _shape(row), _name(chosen), _ms(chosen),
        _name(second) if second else "", _ms(second) if second else "", gain,
    )  # fmt: skip


def _timed(*rows: Row) -> bool:
    return all(row["seconds"] for row in rows)


def _same(a: Row, b: Row) -> bool:
    return all(a[k] == b[k] for k in ("engine", "way", "takes", "gives"))


def _shape(row: Row) -> str:
    return "x".join(map(str, row["shape"]))


def _name(one: Row) -> str:
    plain = {"plain"}
    layouts = "" if {*one["takes"], *one["gives"]} == plain else f" [{one['gives'][0]}]"
    return f"{one['engine']} {one['way']}".rstrip() + layouts


def _layouts(one: Row) -> str:
    return f"{', '.join(one['takes'])} to {', '.join(one['gives'])}"


def _ms(one: Row) -> str:
    return "not timed" if one["seconds"] is None else f"{1e3 * one['seconds']:.4f}"
