"""WeightedSum and its gradient."""

import numpy as np

from c2.ops.elementwise import numbered
from c2.ops.rules import one_element, same_dtype, same_shape
from c2.registry import Arg, Case, NoGradient, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.spec import FLOAT

GRAD_ON_W = Arg("grad_on_w", bool, default=False, doc="give gradients of the weights too")


def state_rules(pairs, **others):
    """One shape and dtype for the tensors, one element for each weight."""
    tensors = dict(zip(numbered(["X"], len(pairs) // 2), pairs[::2]))
    weights = dict(zip(numbered(["w"], len(pairs) // 2), pairs[1::2]))
    same_shape(**others, **tensors)
    same_dtype(**others, **tensors, **weights)
    one_element(**weights)


def infer(*pairs, grad_on_w):
    state_rules(pairs)
    return pairs[0]


def infer_gradient(dY, *pairs, grad_on_w):
    state_rules(pairs, dY=dY)
    dX = (dY,) * (len(pairs) // 2)
    return dX + (TensorSpec((1,), dY.dtype),) * len(dX) if grad_on_w else dX


def even(n_inputs, n_outputs, args):
    """What is wrong with the number of inputs of WeightedSum."""
    if n_inputs % 2:
        return f"inputs must be pairs of a tensor and its weight\n  expected an even number, got {n_inputs}"
    return None


def one_gradient_each(n_inputs, n_outputs, args):
    """What is wrong with the numbers of blobs of WeightedSumGradient."""
    expected = n_inputs - 1 if args.get("grad_on_w") else (n_inputs - 1) // 2
    if n_inputs % 2 == 0 or n_outputs != expected:
        return f"inputs must be dY and pairs, outputs one per gradient\n  expected {expected} outputs, got {n_outputs}"
    return None


PAIRS = Tensor("X", "tensors of one shape, each with its weight of 1 element: X0, w0, X1, w1, ...", FLOAT,
               variadic=True, minimum=2)  # fmt: skip
WEIGHTED_SUM = OpSchema(
    "WeightedSum",
    doc="Y = w0 * X0 + w1 * X1 + ... Only X0 may be the output.",
    inputs=[PAIRS],
    outputs=[Tensor("Y", "shape and dtype of X0")],
    args=[GRAD_ON_W],
    infer=infer,
    inplace={"X": "Y"},
    check=even,
)
WEIGHTED_SUM_GRADIENT = OpSchema(
    "WeightedSumGradient",
    doc="""dXk = wk * dY; with grad_on_w also dwk = sum(Xk * dY), of shape (1,).

    Outputs are all dX, then all dw.
    """,
    inputs=[Tensor("dY", "gradient of Y", FLOAT), PAIRS],
    outputs=[Tensor("dX", "dX0, dX1, ..., then dw0, dw1, ...", variadic=True)],
    args=[GRAD_ON_W],
    infer=infer_gradient,
    gradient=NoGradient.FORBIDDEN,
    check=one_gradient_each,
)


@kernel(WEIGHTED_SUM)
class WeightedSum:
    """Keeps the memory of one product."""

    def __init__(self, xp, X, *specs, grad_on_w):
        self.xp = xp
        self.product = xp.empty(X.shape, X.dtype) if len(specs) > 1 else None

    def __call__(self, *pairs, out=None):
        xp = self.xp
        X = [xp.array(x) if k and x is out else x for k, x in enumerate(pairs[::2])]
        w = [weight.reshape(()) for weight in pairs[1::2]]
        out = xp.multiply(X[0], w[0], out=xp.empty_like(X[0]) if out is None else out)
        for x, weight in zip(X[1:], w[1:]):
            xp.multiply(x, weight, out=self.product)
            xp.add(out, self.product, out=out)
        return out


@kernel(WEIGHTED_SUM_GRADIENT)
def weighted_sum_gradient(xp, dY, *pairs, grad_on_w, out=None):
    count = len(pairs) // 2
    outs = out if isinstance(out, tuple) else (out,) * (2 * count)
    results = [xp.multiply(dY, w.reshape(()), out=o) for w, o in zip(pairs[1::2], outs)]
    if grad_on_w:
        flat = dY.reshape(-1)
        for X, o in zip(pairs[::2], outs[count:]):
            dw = xp.empty(1, dY.dtype) if o is None else o
            dw[...] = xp.dot(flat, X.reshape(-1))
            results.append(dw)
    return tuple(results)


@gradient(WEIGHTED_SUM)
def weighted_sum_gradient_maker(g):
    inputs = list(range(g.n_inputs))
    outputs = [g.GI(k) for k in inputs[::2]]
    X = g.shape_of
    if g.args["grad_on_w"]:
        X = g.I
        outputs += [g.GI(k) for k in inputs[1::2]]
    pairs = [X(k) if k % 2 == 0 else g.I(k) for k in inputs]
    return [g.op("WeightedSumGradient", [g.GO("Y"), *pairs], outputs)]


@cases(WEIGHTED_SUM)
def weighted_sum_cases(rng):
    for shape in ((), (0,), (2, 3)):
        for count in (1, 3):
            X = [np.asarray(rng.uniform(-1, 1, shape)) for _ in range(count)]
            w = [rng.uniform(-2, 2, (1,)) for _ in range(count)]
            expected = np.einsum("k...,k->...", np.stack(X), np.concatenate(w))
            pairs = [t for pair in zip(X, w) for t in pair]
            for args in ({}, {"grad_on_w": 1}):
                yield Case({"X": pairs}, args, expect={"Y": expected})
    yield Case({"X": [np.ones(3), np.array(2.0)]}, expect={"Y": np.full(3, 2.0)})


@cases(WEIGHTED_SUM_GRADIENT)
def weighted_sum_gradient_cases(rng):
    dY, X, Z = rng.uniform(-1, 1, (3, 2, 3))
    pairs = [X, np.array([2.0]), Z, np.array([-0.5])]
    dX = [dY + dY, -dY / 2]
    yield Case({"dY": dY, "X": pairs}, outputs=2, expect={"dX": dX})
    dw = [np.array([np.vdot(dY, X)]), np.array([np.vdot(dY, Z)])]
    yield Case({"dY": dY, "X": pairs}, {"grad_on_w": 1}, outputs=4, expect={"dX": dX + dw})
