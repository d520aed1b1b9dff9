"""Mean of several tensors, and its gradient."""

import numpy as np

from c2.ops.nary.fold import fold, infer_fold
from c2.ops.results import stored
from c2.registry import Case, NoGradient, OpSchema, Tensor, cases, gradient, kernel
from c2.registry.spec import FLOAT

MEAN = OpSchema(
    "Mean",
    doc="Y = (X[0] + X[1] + ...) / their number. No broadcasting.",
    inputs=[Tensor("X", "one shape and dtype", FLOAT, variadic=True)],
    outputs=[Tensor("Y", "shape and dtype of the inputs")],
    infer=infer_fold,
    inplace={"X": "Y"},
)
MEAN_GRADIENT = OpSchema(
    "MeanGradient",
    doc="Each dX = dY / the number of outputs.",
    inputs=[Tensor("dY", "gradient of Mean's output", FLOAT)],
    outputs=[Tensor("dX", "one for each input of Mean", variadic=True)],
    infer=lambda dY, n_outputs: (dY,) * n_outputs,
    inplace={"dY": "dX"},
    gradient=NoGradient.FORBIDDEN,
)


@kernel(MEAN)
def mean(xp, *X, out=None):
    out = fold(xp, xp.add, X, xp.empty_like(X[0]) if out is None else out)
    return xp.multiply(out, 1 / len(X), out=out)


@kernel(MEAN_GRADIENT)
def mean_gradient(xp, dY, *, n_outputs, out=None):
    outs = (None,) * n_outputs if out is None else out if isinstance(out, tuple) else (out,)
    first = xp.multiply(dY, 1 / n_outputs, out=xp.empty_like(dY) if outs[0] is None else outs[0])
    return (first, *(stored(xp, first, o) for o in outs[1:]))


@gradient(MEAN)
def mean_gradient_maker(g):
    return [g.op("MeanGradient", [g.GO("Y")], [g.GI(k) for k in range(g.n_inputs)])]


@cases(MEAN)
def mean_cases(rng):
    for shape in ((), (0,), (2, 3)):
        for count in (1, 2, 5):
            X = [np.asarray(rng.uniform(-1, 1, shape)) for _ in range(count)]
            yield Case({"X": X}, expect={"Y": np.stack(X).sum(axis=0) / count})


@cases(MEAN_GRADIENT)
def mean_gradient_cases(rng):
    dY = rng.uniform(-1, 1, (2, 3))
    for count in (1, 4):
        yield Case({"dY": dY}, outputs=count, expect={"dX": [dY / count] * count})
