"""Negative."""

from c2.ops.elementwise_table import between, unary
from c2.registry.spec import NUMBER


def negative_gradient_maker(g):
    return [g.op("Negative", [g.GO(0)], [g.GI(0)])]


NEGATIVE = [
    unary(
        "Negative", "Y = -X.", "negative", lambda x: 0 - x, between(-2, 2), dtypes=NUMBER, inplace=True,
        gradient=negative_gradient_maker,
    ),
]  # fmt: skip
