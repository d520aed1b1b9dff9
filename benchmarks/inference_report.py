"""What inference.py prints: a table for each net, batch and number of threads, and a summary of all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

OURS = "c2 MKL"
HEAD = (
    f"  {'runtime':20} {'ms':>10} {'cpu ms':>10} {'x ours':>8} {'of peak':>8} {'of sgemm':>8}"
    f" {'first ms':>9} {'+import':>9} {'peak MB':>8} {'model MB':>8}"
)


def is_peer(name: str) -> bool:
    return not name.startswith("c2 ")


def best_peer(row: dict[str, Any], by: str = "ms", own: str = OURS) -> tuple[str, float] | None:
    """The fastest peer and its time over that of c2 (above 1: c2 is faster)."""
    ours = row["runtimes"].get(own)
    peers = {n: r[by] for n, r in row["runtimes"].items() if is_peer(n)}
    if ours is None or not peers:
        return None
    name = min(peers, key=peers.__getitem__)
    return name, peers[name] / ours[by]


def geometric_mean(values: Iterable[float]) -> float:
    listed = [math.log(v) for v in values]
    return math.exp(sum(listed) / len(listed))


def title(row: dict[str, Any]) -> str:
    return (
        f"{row['net']}, batch {row['batch']}, {row['threads']} thread{'s' * (row['threads'] > 1)}"
    )


def print_row(row: dict[str, Any], by: str = "ms", own: str = OURS) -> None:
    """The table of one net, batch and number of threads."""
    peak = f"peak {row['fma_gflops']:.0f}, " if "fma_gflops" in row else ""
    print(
        f"\n{title(row)}: {row['flops'] / 1e9:.3f} GFLOP; {peak}sgemm {row['sgemm_gflops']:.0f} GFLOP/s"
    )
    print(HEAD)
    ours = row["runtimes"].get(own, {}).get(by, math.nan)
    for name, r in row["runtimes"].items():
        reached = row["flops"] / r[by] / 1e6
        share = reached / row.get("fma_gflops", math.nan)
        times = f"{r['ms']:10.3f} {r['cpu_ms']:10.3f} {r[by] / ours:8.2f}"
        shares = f"{share:8.0%} {reached / row['sgemm_gflops']:8.0%}"
        first = f"{r['first_ms']:9.0f} {r['first_ms'] + r['import_ms']:9.0f}"
        print(f"  {name:20} {times} {shares} {first} {r['peak_mb']:8.0f} {r['model_mb']:8.0f}")
    for name, why in row["missing"].items():
        print(f"  {name:20} not timed: {why}")
    found = best_peer(row, by, own)
    if found:
        print(f"  best peer: {found[0]}, {found[1]:.2f} x the {by} of {own}", flush=True)


def print_summary(results: dict[str, Any], by: str = "ms", own: str = OURS) -> None:
    """Machine and versions, the rows by the lead over the best peer, and geometric means."""
    rows, machine = results["rows"], results["machine"]
    print("\n" + "   ".join(f"{k} {v}" for k, v in machine.items()))
    versions = {n: r["version"] for row in rows for n, r in row["runtimes"].items()}
    print("   ".join(f"{n} {v}" for n, v in versions.items()))
    found = [(row, best_peer(row, by, own)) for row in rows]
    ranked = sorted(((best, row) for row, best in found if best), key=lambda pair: pair[0][1])
    print(f"\n{by} of the best peer over that of {own}, where c2 is slowest first:")
    for (name, ratio), row in ranked:
        print(f"  {ratio:6.2f}  {title(row):34} {name}")
    print(f"\nGeometric means of a runtime's {by} over that of {own}:")
    for name in versions:
        both = [r["runtimes"] for r in rows if {name, own} <= set(r["runtimes"])]
        if both and name != own:
            mean = geometric_mean(r[name][by] / r[own][by] for r in both)
            print(f"  {mean:6.2f}  {name}, {len(both)} rows")
    if ranked:
        mean = geometric_mean(best[1] for best, _ in ranked)
        print(f"  {mean:6.2f}  the best peer of each row, {len(ranked)} rows")
