"""Draw: a net as an SVG picture, without any other program."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import pairwise
from typing import Any

from c2.graph.layout import Layout, layered_layout

LINE = 15.0  # pixels between lines of text
CHARACTER = 6.7  # pixels a character takes at the font's size
_COLOURS = {
    "conv": "#cfe2f3", "pool": "#d9ead3", "linear": "#fde2c4", "norm": "#e6dcf2", "activation": "#fff2cc",
    "loss": "#f4cccc", "optimizer": "#ead1dc", "fill": "#e8e8e8", "other": "#f3f3f3",
}  # fmt: skip
_STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#222}.small{fill:#666;font-size:10.5px}"
    "rect{stroke:#777;rx:5}path{fill:none;stroke:#999;stroke-width:1.2}.blob{fill:#fff;stroke:#bbb}"
)


def draw_svg(
    proto: Any, shapes: Mapping[str, Any] | None = None, *, parameters: bool = False
) -> str:
    """An SVG of a NetDef: operators as boxes, coloured by family, inputs and outputs as pills, data flowing down.

    Args:
        shapes: blob name -> shape, written under the operator that makes it.
        parameters: draw external inputs that are never an operator's first input (weights) too.
    """
    boxes, edges = _boxes(proto, shapes or {}, parameters)
    layout = layered_layout({key: _size(lines) for key, (lines, _) in boxes.items()}, edges)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width:.0f}" height="{layout.height:.0f}" '
        f'viewBox="0 0 {layout.width:.0f} {layout.height:.0f}"><title>{escape(str(proto.name))}</title>'
        f"<style>{_STYLE}</style>",
        *(_path(points, boxes[a][0], boxes[b][0]) for a, b, points in layout.edges),
        *(_box(key, lines, family, layout) for key, (lines, family) in boxes.items()),
        "</svg>",
    ]
    return "\n".join(parts)


def _boxes(
    proto: Any, shapes: Mapping[str, Any], parameters: bool
) -> tuple[dict[str, tuple[list[str], str]], list[tuple[str, str]]]:
    """Text and family of every box, and edges between boxes."""
    first = {op.input[0] for op in proto.op if op.input}
    boxes: dict[str, tuple[list[str], str]] = {}
    edges: dict[tuple[str, str], None] = {}
    maker: dict[str, str] = {}
    for index, op in enumerate(proto.op):
        key = f"op{index}"
        shape = shapes.get(op.output[0]) if op.output else None
        lines = [op.type, op.name or ", ".join(op.output[:1])]
        lines += [" × ".join(map(str, shape))] if shape is not None else []
        boxes[key] = (lines, _family(op.type))
        for blob in dict.fromkeys(op.input):
            if blob not in maker:
                if not parameters and blob not in first:
                    continue
                maker[blob] = f"in:{blob}"
                boxes[maker[blob]] = ([blob], "blob")
            edges[maker[blob], key] = None
        maker.update((blob, key) for blob in op.output)
    for blob in proto.external_output:
        if blob in maker:
            boxes[f"out:{blob}"] = ([blob], "blob")
            edges[maker[blob], f"out:{blob}"] = None
    return boxes, list(edges)


def _family(type_: str) -> str:
    """The family whose colour the operator gets, by its name."""
    base = type_.removesuffix("Gradient")
    for family, words in {
        "conv": ("Conv",), "pool": ("Pool",), "linear": ("FC", "MatMul"), "norm": ("BN", "Norm", "LRN"),
        "activation": ("Relu", "Sigmoid", "Tanh", "Elu", "Softmax", "Swish", "Gelu"), "fill": ("Fill",),
        "loss": ("Loss", "Entropy", "Distance"), "optimizer": ("SGD", "Adam", "Adagrad", "LearningRate", "Iter"),
    }.items():  # fmt: skip
        if any(w in base for w in words):
            return family
    return "other"


def _size(lines: list[str]) -> tuple[float, float]:
    return max(len(line) for line in lines) * CHARACTER + 18, len(lines) * LINE + 10


def _box(key: str, lines: list[str], family: str, layout: Layout) -> str:
    (x, y), (w, h) = layout.centres[key], _size(lines)
    fill = (
        f'class="blob" rx="{h / 2:.1f}"'
        if family == "blob"
        else f'fill="{_COLOURS[family]}" rx="5"'
    )
    text = "".join(
        f'<text x="{x:.1f}" y="{y - h / 2 + LINE * (k + 1):.1f}" text-anchor="middle"'
        f"{'' if k == 0 else ' class=' + chr(34) + 'small' + chr(34)}>{escape(line)}</text>"
        for k, line in enumerate(lines)
    )
    return f'<rect x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}" {fill}/>{text}'


def _path(points: list[tuple[float, float]], source: list[str], target: list[str]) -> str:
    """A smooth curve from the lower edge of one box to the upper edge of the other."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    stops = [(x0, y0 + _size(source)[1] / 2), *points[1:-1], (x1, y1 - _size(target)[1] / 2)]
    curve = f"M{stops[0][0]:.1f} {stops[0][1]:.1f}"
    for (ax, ay), (bx, by) in pairwise(stops):
        middle = (ay + by) / 2
        curve += f"C{ax:.1f} {middle:.1f} {bx:.1f} {middle:.1f} {bx:.1f} {by:.1f}"
    return f'<path d="{curve}"/>'
