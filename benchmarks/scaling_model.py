"""How far `c2 scale`'s model of a ring is from allreduces over links of a known rate.

    python benchmarks/scaling_model.py [--rates RATE ...] [--hosts N ...] [--json FILE]

Hosts are network namespaces joined by a switch, whose links are shaped by `tc ... tbf` (Linux, as root). The link is
fitted to allreduces over two hosts and set beside the rate; what it predicts for more hosts is set beside what those
measure. Headers of Ethernet, IP and TCP take 5% of a rate.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from machine import describe_machine

from c2.communicate import connect
from c2.communicate.launch.hosts import launch_on_hosts
from c2.scaling.link import measure_allreduces
from c2.scaling.ring import fit
from c2.scaling.units import RATES, parse

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "gloo"))
from network import Network

SIZES = tuple(1 << k for k in range(16, 23))  # bytes


def allreduces(network: Network, hosts: int) -> list[tuple[int, float]]:
    """(bytes, seconds) over the first hosts."""
    told: list[str] = []
    failed = launch_on_hosts(
        [sys.executable, __file__, "--rank"], [(network.address(k), 1) for k in range(hosts)],
        lambda rank, line: told.append(line), launcher=f"ip netns exec {network.name}-{{host}}",
    )  # fmt: skip
    if failed is not None:
        raise SystemExit("\n".join(failed.last))
    return [(size, seconds) for size, seconds in json.loads(told[-1])]


def rank() -> None:
    joined = connect()
    rows = measure_allreduces(joined, SIZES)
    if joined.rank == 0:
        print(json.dumps(rows))
    joined.barrier()
    joined.close()


def compare(rate: str, hosts: list[int]) -> dict[str, Any]:
    with Network(max(hosts)) as network:
        for host in range(network.size):
            network.shape(host, rate)
        link = fit(allreduces(network, 2), 2)
        shaped = parse(
            rate.replace("bit", "bit/s").replace("g", "G").replace("m", "M"), RATES, "rate"
        )
        row: dict[str, Any] = {
            "rate": rate, "latency_s": link.latency, "bandwidth_of_rate": link.bandwidth / shaped, "hosts": {},
        }  # fmt: skip
        for count in hosts:
            row["hosts"][count] = {
                size: link.allreduce(size, count) / seconds - 1
                for size, seconds in allreduces(network, count)
            }
    return row


def told(row: dict[str, Any]) -> str:
    lines = [
        f"{row['rate']}: fitted over 2 hosts: latency {row['latency_s'] * 1e6:.0f} us, bandwidth "
        f"{row['bandwidth_of_rate']:.1%} of the rate"
    ]
    for count, errors in row["hosts"].items():
        lines.append(
            f"  {count} hosts: predicted over measured - 1: "
            + "  ".join(f"{size >> 10} KiB {error:+.0%}" for size, error in errors.items())
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rates", nargs="+", default=["100mbit", "400mbit"])
    parser.add_argument("--hosts", type=int, nargs="+", default=[2, 3, 4, 8])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.rank:
        rank()
        return
    machine, rows = describe_machine(), []
    print(machine)
    for rate in given.rates:
        rows.append(compare(rate, given.hosts))
        print(told(rows[-1]), flush=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
