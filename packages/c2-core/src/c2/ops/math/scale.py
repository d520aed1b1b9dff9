"""Scale: a tensor times a constant."""

from c2.ops.elementwise import between, unary
from c2.registry import Arg

SCALE_ARG = Arg("scale", float, default=1.0, doc="factor, unitless")


def scale_by(xp, X, *, scale, out=None):
    return xp.multiply(X, scale, out=out)


def scale_gradient_maker(g):
    return [g.op("Scale", [g.GO(0)], [g.GI(0)])]


SCALE = [
    unary(
        "Scale", "Y = scale * X.", scale_by, lambda x, scale=1.0: x / (1 / scale), between(-2, 2),
        inplace=True, args=[SCALE_ARG], samples=[{}, {"scale": -2.5}], gradient=scale_gradient_maker,
    ),
]  # fmt: skip
