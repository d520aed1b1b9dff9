"""ScaleBlobs: Scale of many tensors at once."""

from c2.ops.math.scale import SCALE_ARG
from c2.registry import Case, NoGradient, OpSchema, Tensor, cases, kernel
from c2.registry.spec import FLOAT

MANY = 4096  # a tensor may be scaled in place at any position up to this one


def as_many(n_inputs, n_outputs, args):
    if n_inputs != n_outputs:
        return f"each input must have its output\n  expected {n_inputs} outputs, got {n_outputs}"
    return None


SCALE_BLOBS = OpSchema(
    "ScaleBlobs",
    doc="Y[k] = scale * X[k], for tensors of different shapes; each may be in place.",
    inputs=[Tensor("X", "any shapes", FLOAT, variadic=True)],
    outputs=[Tensor("Y", "shapes of X", variadic=True)],
    args=[SCALE_ARG],
    infer=lambda *X, scale: X,
    inplace={"X": "Y"},
    gradient=NoGradient.FORBIDDEN,
    check=as_many,
)
SCALE_BLOBS.inplace_pairs = frozenset((k, k) for k in range(MANY))


@kernel(SCALE_BLOBS)
def scale_blobs(xp, *X, scale, out=None):
    outs = out if isinstance(out, tuple) else (out,) * len(X)
    return tuple(xp.multiply(x, scale, out=o) for x, o in zip(X, outs))


@cases(SCALE_BLOBS)
def scale_blobs_cases(rng):
    X = [rng.uniform(-1, 1, shape) for shape in ((3,), (2, 2), (0,))]
    yield Case({"X": X}, {"scale": 0.25}, outputs=3, expect={"Y": [x / 4 for x in X]})
    yield Case({"X": X[:1]}, outputs=1, expect={"Y": X[:1]})
