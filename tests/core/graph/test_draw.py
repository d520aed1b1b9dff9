"""Pictures: valid SVG, every operator in it, nothing overlapping, data flowing down."""

import itertools
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import c2
from c2.graph.layout import layered_layout

SVG = "{http://www.w3.org/2000/svg}"


def test_svg_holds_every_operator_and_escapes_names():
    net = c2.Net("drawn")
    net.op("Relu", "x<&>", "y")
    net.op("Concat", ["y", "y"], ["z", "dims"])
    net.add_external_output("z")
    root = ElementTree.fromstring(net.draw())
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert {"Relu", "Concat", "x<&>", "z"} <= set(texts)
    assert len(list(root.iter(f"{SVG}path"))) == 3
    assert net._repr_svg_().startswith("<svg")


@pytest.mark.parametrize("seed", range(10))
def test_layout_of_random_graphs(seed):
    rng = np.random.default_rng(seed)
    sizes = {f"n{k}": (float(rng.integers(20, 120)), 40.0) for k in range(25)}
    pairs = {tuple(sorted(rng.choice(25, 2, replace=False))) for _ in range(35)}
    edges = [(f"n{a}", f"n{b}") for a, b in pairs]
    layout = layered_layout(sizes, edges)
    for a, b, points in layout.edges:
        assert layout.centres[a][1] < layout.centres[b][1]
        assert points[0] == layout.centres[a]
        assert points[-1] == layout.centres[b]
    for a, b in itertools.combinations(sizes, 2):
        (ax, ay), (bx, by) = layout.centres[a], layout.centres[b]
        apart = abs(ax - bx) >= (sizes[a][0] + sizes[b][0]) / 2 - 1e-6 or ay != by
        assert apart, f"{a} and {b} overlap"
    assert all(sizes[n][0] / 2 <= x <= layout.width for n, (x, _) in layout.centres.items())
