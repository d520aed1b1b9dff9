"""Scale: a tensor times a constant."""

from functools import partial

from c2.ops.elementwise_table import between, unary
from c2.registry import Arg

SCALE_ARG = Arg("scale", float, default=1.0, doc="factor, unitless")


class Scale:
    """The call is NumPy's multiply with a factor that is made once: no Python runs between."""

    def __new__(cls, xp, X, *, scale):
        return partial(xp.multiply, xp.asarray(scale, X.dtype))

    def __call__(self, X, out=None):
        raise AssertionError("only its signature is read: __new__ gives what runs")


def scale_gradient_maker(g):
    return [g.op("Scale", [g.GO(0)], [g.GI(0)])]


SCALE = [
    unary(
        "Scale", "Y = scale * X.", Scale, lambda x, scale=1.0: x / (1 / scale), between(-2, 2),
        inplace=True, args=[SCALE_ARG], samples=[{}, {"scale": -2.5}], gradient=scale_gradient_maker,
    ),
]  # fmt: skip
