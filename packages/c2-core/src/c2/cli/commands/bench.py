"""`c2 bench`: how fast a net runs here, simple and compiled, and where the time goes."""

from __future__ import annotations

from collections import defaultdict
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer

from c2.cli.models import PrecisionOption, parameters_of, read_net, require_inputs
from c2.cli.output import Json, console, parse_shapes, print_json, print_table
from c2.compile.net import CompiledNet
from c2.execute.simple import SimpleNet
from c2.graph.check import check_net
from c2.graph.infer import infer_net
from c2.graph.summary import as_spec


def bench(
    net: Annotated[
        str, typer.Argument(help="A folder of init_net and predict_net, or a net (.pb, .pbtxt).")
    ],
    shape: Annotated[
        list[str], typer.Option(help="Shape of an input, filled at random: data=1,3,224,224.")
    ],
    init: Annotated[str | None, typer.Option(help="The init net, where NET is a file.")] = None,
    runs: Annotated[
        int, typer.Option(min=1, help="Timed runs of each kind; the median counts.")
    ] = 20,
    precision: PrecisionOption = None,
    json: Json = False,
) -> None:
    """Times the simple and the compiled net on random inputs, and each operator of the simple one."""
    proto, init_net = read_net(net, init)
    workspace = parameters_of(init_net)
    constants = workspace.blobs()
    rng = np.random.default_rng(0)
    for name, dims in parse_shapes(shape).items():
        workspace.feed(name, rng.random(dims, np.float32))
    checked = check_net(proto, workspace.registry)
    require_inputs(checked, workspace)
    simple = SimpleNet(checked, workspace, workspace.registry)
    by_type, rows = _by_operator(simple, runs)
    compiled = CompiledNet(
        checked, workspace, workspace.registry, constants=constants, precision=precision
    )
    times = {"simple": _median_ms(simple, runs), "compiled": _median_ms(compiled, runs)}
    known = {
        n: as_spec(workspace.blob(n).value)
        for n in workspace.blobs()
        if workspace.blob(n).value is not None
    }
    flops = sum(op.flops() or 0 for op in infer_net(checked, known).ops)
    report = {
        "net": proto.name, "precision": compiled.precision.name, "runs": runs, "median_ms": times, "gflop": flops / 1e9,
        "gflop_per_s": {k: flops / 1e6 / ms for k, ms in times.items()}, "by_type_ms": by_type, "by_operator": rows,
    }  # fmt: skip
    if json:
        print_json(report)
        return
    slowest = sorted(by_type.items(), key=lambda item: -item[1])
    total = sum(by_type.values())
    print_table(
        ["operator type", "ms", "share"],
        [(t, f"{ms:.3f}", f"{ms / total:.0%}") for t, ms in slowest],
    )
    for kind, ms in times.items():
        label = f"{kind} {report['precision']}" if kind == "compiled" else kind
        console.print(
            f"{label:13} {ms:.3f} ms   {flops / 1e6 / ms:.1f} GFLOP/s   (median of {runs})"
        )


def _by_operator(net: SimpleNet, runs: int) -> tuple[dict[str, float], list[dict[str, Any]]]:
    net.run()
    times = np.median([net.run_timed() for _ in range(runs)], axis=0) * 1e3
    by_type: dict[str, float] = defaultdict(float)
    rows = []
    for binder, ms in zip(net.binders, times):
        by_type[binder.op.type] += float(ms)
        rows.append(
            {"type": binder.op.type, "output": ", ".join(binder.op.outputs), "ms": float(ms)}
        )
    return dict(by_type), rows


def _median_ms(net: Any, runs: int) -> float:
    net.run()
    times = []
    for _ in range(runs):
        start = perf_counter()
        net.run()
        times.append(perf_counter() - start)
    return float(np.median(times)) * 1e3
