"""The rehearsal: the native calls of the tuned and of the untuned program, by turns, on memory of their own.

Operators that Python runs are left out: they may have effects beyond their outputs. Each call is timed by itself and
its least time counts, as a run of the whole net without any disturbance is rare where others use the machine too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from c2.compile.graph import Graph
from c2.compile.program import Program
from c2.compile.stage import Decisions
from c2.errors import C2Error
from c2.execute.workspace import Workspace
from c2.registry import Registry

ROUNDS, LEAST = 20, 5
IN_A_ROW = 3  # runs in a turn, so that memory of the other one is out of the cache in the last ones
SECONDS = 2.0  # not fewer than LEAST rounds


def rehearse(
    graph: Graph,
    workspace: Workspace,
    registry: Registry,
    threads: int,
    values: Mapping[str, Any],
    decisions: Decisions,
    runner: str | None,
) -> dict[str, float | None]:
    """Least seconds of the native calls, "untuned" and "tuned"; None where they fail without the other operators."""
    programs = {
        name: _program(graph, workspace, registry, threads, values, one, runner)
        for name, one in (("untuned", None), ("tuned", decisions))
    }
    best = {name: [float("inf")] * len(one.native_calls) for name, one in programs.items()}
    start = perf_counter()
    try:
        for k in range(ROUNDS):
            for name, program in programs.items():
                for _ in range(IN_A_ROW):
                    best[name] = list(map(min, best[name], _seconds(program)))
            if k + 1 >= LEAST and perf_counter() - start > SECONDS:
                break
    except C2Error:
        return dict.fromkeys(programs)
    return {name: sum(times) for name, times in best.items()}


def separate_workspace(workspace: Workspace, graph: Graph) -> Workspace:
    """A child workspace with blobs of its own for all that the graph reads and writes."""
    child = workspace.child()
    for node in graph.nodes:
        for name in (*node.inputs, *node.outputs):
            child.own_blob(name)
    return child


def _program(
    graph: Graph,
    workspace: Workspace,
    registry: Registry,
    threads: int,
    values: Mapping[str, Any],
    decisions: Decisions | None,
    runner: str | None,
) -> Program:
    """A program that shares nothing that it writes."""
    own = replace(graph, constants=dict(graph.constants))
    inside = separate_workspace(workspace, graph)
    made = Program(own, inside, registry, threads, runner, decisions)
    written = {n for node in graph.nodes for n in node.outputs}
    made.bind(
        {
            n: v.copy() if n in written and isinstance(v, np.ndarray) else v
            for n, v in values.items()
        },
        one_by_one=True,
    )
    made.clear_arena()
    return made


def _seconds(program: Program) -> list[float]:
    """Of each call, run in order."""
    times = []
    for call in program.native_calls:
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return times
