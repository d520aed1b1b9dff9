"""Compilation: an inferred net becomes a program, once for all back ends.

    graph ─▶ fold ─▶ fuse ─▶ plan ─▶ program ─▶ runner

Each pass (`passes/`) is a pure function from graph to graph. What has a native kernel becomes a list of native calls
over one arena, run without Python; the rest keeps its Python kernel, over the same arena.
"""
