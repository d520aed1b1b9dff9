"""`c2 scale`: what a training step and the links between ranks take, and how far that scales."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from c2.cli.output import Json, console, escape, fail, parse_inputs, print_json, print_table
from c2.parallel.gradients import BUCKET
from c2.scaling.ring import GOOD, Link, Prediction, Work, bend, fit, in_buckets, predict
from c2.scaling.units import BYTES, RATES, SECONDS, parse, tell_seconds
from c2.serialize.messages import load_net

MOST = 1024  # ranks, up to which it looks for the bend
COUNTS = ",".join(str(1 << k) for k in range(11))
BUCKETS = tuple(float(1 << k) for k in range(18, 28))  # bytes, of which it tells the best


def scale(
    net: Annotated[
        str | None, typer.Argument(help="The forward net with the loss (.pb, .pbtxt).")
    ] = None,
    init: Annotated[
        str | None, typer.Argument(help="The init net that makes the parameters.")
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option("--data", "-d", help="One batch of a rank: batch.npz.")
    ] = None,
    loss: Annotated[str, typer.Option(help="The blob to minimize.")] = "loss",
    step: Annotated[
        str | None, typer.Option(help="In place of NET: what a step computes, as in 900ms,")
    ] = None,
    gradients: Annotated[
        str | None, typer.Option(help="and how many bytes its gradients are, as in 102MB.")
    ] = None,
    link: Annotated[
        str | None, typer.Option(help="Bandwidth of links not at hand: 10Gbit/s.")
    ] = None,
    latency: Annotated[str | None, typer.Option(help="Latency of links not at hand: 50us.")] = None,
    ranks: Annotated[str, typer.Option(help="Numbers of ranks to tell.")] = COUNTS,
    bucket: Annotated[
        str, typer.Option(help="Gradients that are exchanged together.")
    ] = f"{BUCKET >> 20}MiB",
    plot: Annotated[Path | None, typer.Option(help="Draws a .png or .svg.")] = None,
    json: Json = False,
) -> None:
    """Predicts how training scales to many ranks, each with the same batch.

    What is not given is measured: the step here, links between the ranks at hand (`c2 launch -n 2 c2 -- scale ...`).
    """
    from c2.communicate import connect, job

    if (net is None) == (step is None) or (net is None) != (init is None):
        fail("give a NET and its INIT, which are measured, or --step and --gradients")
    if (step is None) != (gradients is None) or (link is None) != (latency is None):
        fail("--step and --gradients go together, --link and --latency too")
    counts = _counts(ranks)
    with closing(connect() if job() else connect(size=1)) as joined:
        report: dict[str, Any] = {"ranks_at_hand": joined.size}
        between = _link(joined, link, latency, report)
        bucket_bytes = parse(bucket, BYTES, "--bucket")
        work = _work(joined, net, init, data, loss, step, gradients, bucket_bytes, report)
        if joined.rank:
            return
    report |= _predicted(work, between, counts)
    if plot is not None:
        from c2.scaling.chart import draw

        title = f"step {tell_seconds(work.compute)}, gradients {sum(work.gradients) / 1e6:.3g} MB"
        rows = [Prediction(**row) for row in report["predicted"]]
        draw(rows, report.get("measured_efficiency", {}), joined.size, plot, title)
    print_json(report) if json else _tell(report)


def _counts(text: str) -> list[int]:
    counts = sorted({int(part) for part in text.split(",") if part.strip().isdecimal()})
    if not counts or counts[0] < 1 or len(counts) != len(text.split(",")):
        fail(f"--ranks must be different numbers above 0, as in 1,8,64; got '{text}'")
    return counts


def _link(joined: Any, link: str | None, latency: str | None, report: dict[str, Any]) -> Link:
    """As given, else as measured."""
    if link is not None and latency is not None:
        made = Link(parse(latency, SECONDS, "--latency"), parse(link, RATES, "--link"))
        report["link"] = {**asdict(made), "source": "given"}
        return made
    if joined.size == 1:
        fail(
            "there is one rank at hand, so no link to measure: give --link and --latency, or start it on several by "
            "c2 launch -n 2 (or --hosts a,b) c2 -- scale ..."
        )
    from c2.scaling.link import measure_allreduces

    rows = measure_allreduces(joined)
    made = fit(rows, joined.size)
    errors = [made.allreduce(size, joined.size) / seconds - 1 for size, seconds in rows]
    report["link"] = {
        **asdict(made), "source": getattr(joined, "transport", "measured"), "largest_error": max(map(abs, errors)),
        "allreduces": [{"bytes": size, "seconds": seconds} for size, seconds in rows],
    }  # fmt: skip
    return made


def _work(
    joined: Any,
    net: str | None,
    init: str | None,
    data: list[str] | None,
    loss: str,
    step: str | None,
    gradients: str | None,
    bucket: float,
    report: dict[str, Any],
) -> Work:
    """As given, else as measured."""
    if step is not None and gradients is not None:
        size = parse(gradients, BYTES, "--gradients")
        seconds = {"alone": parse(step, SECONDS, "--step")}
        source = "given"
    else:
        from c2.scaling.training import measure_steps

        assert net is not None
        assert init is not None
        nets = load_net(init), load_net(net)
        seconds, size = measure_steps(nets, loss, parse_inputs(data or []), joined)
        source = "measured"
        report["measured_efficiency"] = {
            way: seconds["alone"] / took for way, took in seconds.items() if way != "alone"
        }
    report["step"] = {
        "seconds": seconds, "gradient_bytes": size, "bucket_bytes": bucket, "source": source,
    }  # fmt: skip
    return Work(seconds["alone"], in_buckets(size, bucket))


def _predicted(work: Work, link: Link, counts: list[int]) -> dict[str, Any]:
    every = [predict(work, link, count) for count in range(1, max(MOST, *counts) + 1)]
    bends = {way: bend(every, overlap=way == "overlapped") for way in ("after", "overlapped")}
    size, most = sum(work.gradients), counts[-1]
    tried = {
        part: predict(Work(work.compute, in_buckets(size, part)), link, most) for part in BUCKETS
    }
    best = max(tried, key=lambda part: tried[part].overlapped_efficiency)
    return {
        "predicted": [asdict(every[count - 1]) for count in counts],
        "bends": {way: asdict(one) if one else None for way, one in bends.items()},
        "best_bucket": {"bytes": best, "ranks": most, "overlapped_efficiency": tried[best].overlapped_efficiency},
    }  # fmt: skip


def _tell(report: dict[str, Any]) -> None:
    link, step = report["link"], report["step"]
    error = f", fits within {link['largest_error']:.0%}" if "largest_error" in link else ""
    console.print(
        escape(
            f"link ({link['source']}{error}): latency {tell_seconds(link['latency'])}, "
            f"{link['bandwidth'] * 8e-9:.3g} Gbit/s"
        )
    )
    if link["source"] == "shared memory":
        console.print(
            "  that is memory of one machine: for many, start ranks on hosts or give the link"
        )
    times = ", ".join(f"{way} {tell_seconds(s)}" for way, s in step["seconds"].items())
    console.print(
        escape(
            f"step ({step['source']}): {times}; gradients {step['gradient_bytes'] / 1e6:.3g} MB in parts of "
            f"{step['bucket_bytes'] / 1e6:.3g} MB"
        )
    )
    for way, value in report.get("measured_efficiency", {}).items():
        console.print(f"measured with {report['ranks_at_hand']} ranks, {way}: {value:.1%}")
    print_table(
        ["ranks", "exchange after", "efficiency", "exchange beside", "efficiency"],
        [
            (
                p["ranks"], tell_seconds(p["seconds"]), f"{p['efficiency']:.1%}",
                tell_seconds(p["overlapped_seconds"]), f"{p['overlapped_efficiency']:.1%}",
            )
            for p in report["predicted"]
        ],
    )  # fmt: skip
    for way, one in report["bends"].items():
        console.print(f"{way}: {_bend(one)}")
    best = report["best_bucket"]
    console.print(
        f"parts of {best['bytes'] / 1e6:.3g} MB would be best for {best['ranks']} ranks: "
        f"{best['overlapped_efficiency']:.1%} overlapped"
    )


def _bend(one: dict[str, Any] | None) -> str:
    if one is None:
        return f"stays above {GOOD:.0%} up to {MOST} ranks"
    why = "bandwidth", "latency"
    if one["waiting"] > one["moving"]:
        why = why[::-1]
    return f"falls below {GOOD:.0%} at {one['ranks']} ranks, more by {why[0]} than by {why[1]}"
