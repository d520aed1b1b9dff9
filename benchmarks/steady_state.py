"""What a run of ResNet-50 allocates once its net is bound: bytes at the peak, beside those of its outputs.

    python benchmarks/steady_state.py [--model NAME] [--size EDGE] [--json FILE]

Python's tracemalloc sees NumPy's arrays. `outputs` are all that operators give, which a run without kept buffers would
allocate; `peak` is the most that lived at one time during one steady run, the temporaries of kernels; `left` is what
a run leaves behind. The simple net keeps every blob; the compiled one keeps its outputs and an arena.
"""

from __future__ import annotations

import argparse
import json
import tracemalloc
from pathlib import Path
from typing import Any

from zoo_models import zoo_model

import c2
from c2.compile.net import CompiledNet
from c2.execute.bind import DynamicCall
from c2.graph.check import check_net
from c2.graph.summary import summarize


def steady_bytes(run: Any) -> tuple[int, int]:
    """(peak, left) of one run after two others."""
    run()
    run()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    run()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before, after - before


def measure(name: str, size: int | None) -> dict[str, Any]:
    model = zoo_model(name, size=size)
    workspace = c2.Workspace()
    for blob, value in {**model.parameters, model.data: model.input()}.items():
        workspace.feed(blob, value)
    checked = check_net(model.net)
    simple = workspace.create(model.net)
    compiled = CompiledNet(checked, workspace, workspace.registry, constants=model.parameters)
    specs = {**model.parameters, model.data: model.shape}
    result: dict[str, Any] = {"model": name, "operators": len(checked.ops)}
    result["outputs"] = summarize(model.net, specs).activation_bytes
    result["simple_peak"], result["simple_left"] = steady_bytes(simple.run)
    result["dynamic"] = sum(isinstance(call, DynamicCall) for call in simple._calls)
    result["compiled_peak"], result["compiled_left"] = steady_bytes(compiled.run)
    result["arena"] = compiled.program().plan.size
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="resnet50")
    parser.add_argument("--size", type=int, help="edge of the image")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure(options.model, options.size)
    print(
        f"{result['model']}: {result['operators']} operators, {result['dynamic']} of them dynamic"
    )
    for kind in (
        "outputs",
        "arena",
        "simple_peak",
        "simple_left",
        "compiled_peak",
        "compiled_left",
    ):
        print(f"{kind:14} {result[kind] / 1e6:10.3f} MB")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
