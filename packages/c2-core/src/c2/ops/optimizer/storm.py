"""Storm and SparseStorm, momentum SGD that reduces variance without checkpoints."""

import numpy as np

from c2.ops.optimizer.cases import SHAPES, row_by_row, tables, vectors
from c2.ops.optimizer.dense import GRAD, LR, PARAM, begun, check_update, like, moment, output
from c2.ops.optimizer.rows import GRAD_ROWS, INDICES, TABLE, check_rows, update_rows
from c2.ops.rules import one_element
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

ARGS = [
    Arg("momentum", float, default=10.0, doc="c, how fast the moment forgets"),
    Arg("beta", float, default=0.1, doc="added to the sum under the root"),
]
UPDATE = """S += sum of grad^2; r = lr (beta + S)^(-1/3); m = grad + (1 - momentum r^2) (m - grad); param += r m."""
SOURCE = """Source: Cutkosky & Orabona, "Momentum-based variance reduction in non-convex SGD", 2019, with the gradient
    at the new point alone."""
SUM = Tensor("grad_sq_sum", "S, one element; dtype of param", FLOAT)


def _infer(param, m, total, grad, lr, *, momentum, beta):
    check_update(lr, param=param, moment=m, grad=grad)
    one_element(grad_sq_sum=total)
    return like(param, m, total)


def _infer_sparse(param, m, total, grad, indices, lr, *, momentum, beta):
    check_rows(param, indices, grad, lr, moment=m)
    one_element(grad_sq_sum=total)
    return like(param, m, total)


_IN_PLACE = {
    "param": "output_param",
    "moment": "output_moment",
    "grad_sq_sum": "output_grad_sq_sum",
}
STORM = OpSchema(
    "Storm",
    doc=f"{UPDATE}\n\n    {SOURCE}\n",
    inputs=[PARAM, moment("moment", "m"), SUM, GRAD, LR],
    outputs=[
        output("param", "updated param"),
        output("moment", "updated m"),
        output("grad_sq_sum", "updated S"),
    ],
    args=ARGS,
    infer=_infer,
    inplace=_IN_PLACE,
    cost=lambda param, *_, **__: 7 * param.size,
    gradient=NoGradient.FORBIDDEN,
)
SPARSE_STORM = OpSchema(
    "SparseStorm",
    doc=f"""Storm on the rows of param and m that indices name, in place; no index changes nothing.

    {UPDATE} {SOURCE}
    """,
    inputs=[
        TABLE,
        Tensor("moment", "m, size and dtype of param", FLOAT),
        SUM,
        GRAD_ROWS,
        INDICES,
        LR,
    ],
    outputs=[
        output("param", "the blob of param"),
        output("moment", "the blob of moment"),
        output("grad_sq_sum", "the blob of grad_sq_sum"),
    ],
    args=ARGS,
    infer=_infer_sparse,
    inplace=_IN_PLACE,
    inplace_required=_IN_PLACE,
    gradient=NoGradient.FORBIDDEN,
)


def _rates(xp, total, grad, lr, momentum, beta):
    """Adds to S in place; r and the share of the old moment that stays."""
    g = grad.reshape(-1)
    total += (g @ g).reshape(total.shape)
    rate = lr.reshape(()) * (beta + total.reshape(())) ** (-1 / 3)
    return rate, 1 - momentum * rate * rate


def _step(xp, w, m, g, rate, stays, scratch):
    xp.subtract(m, g, out=m)
    xp.multiply(m, stays, out=m)
    xp.add(m, g, out=m)
    xp.add(w, xp.multiply(m, rate, out=scratch), out=w)


@kernel(STORM)
class Storm:
    def __init__(self, xp, param, *specs, momentum, beta):
        self.xp, self.args = xp, (momentum, beta)
        self.scratch = xp.empty(param.shape, param.dtype)

    def __call__(self, param, m, total, grad, lr, out=None):
        outputs = w, m, total = begun(self.xp, out, 3, param, m, total)
        rates = _rates(self.xp, total, grad, lr, *self.args)
        _step(self.xp, w, m.reshape(w.shape), grad.reshape(w.shape), *rates, self.scratch)
        return outputs


@kernel(SPARSE_STORM)
def sparse_storm(xp, param, m, total, grad, indices, lr, *, momentum, beta, out=None):
    outputs = param, m, total = begun(xp, out, 3, param, m, total)
    if indices.size:
        rates = _rates(xp, total, grad, lr, momentum, beta)
        tables = [param, m.reshape(param.shape)]
        update_rows(
            xp,
            indices,
            tables,
            [grad],
            lambda w, m, g: _step(xp, w, m, g, *rates, xp.empty_like(w)),
        )
    return outputs


_NAMES = ("output_param", "output_moment", "output_grad_sq_sum")
_ARGS = [{}, {"momentum": 2.0, "beta": 0.5}]


def _by_hand(grad, total, momentum=10.0, beta=0.1):
    """S, r and the share of the gradient in the new moment, for lr = 0.1."""
    total = total + np.sum(grad**2)
    rate = 0.1 / np.cbrt(beta + total)
    return total, rate, momentum * rate**2


@cases(STORM)
def storm_cases(rng):
    for args in _ARGS:
        for shape in SHAPES:
            param, m, grad = vectors(rng, shape, 3)
            total, rate, share = _by_hand(grad, 2.0, **args)
            new = (1 - share) * m + share * grad
            inputs = {
                "param": param,
                "moment": m,
                "grad_sq_sum": np.array([2.0]),
                "grad": grad,
                "lr": np.array([0.1]),
            }
            yield Case(
                inputs, args, expect=dict(zip(_NAMES, (param + rate * new, new, np.array([total]))))
            )


@cases(SPARSE_STORM)
def sparse_storm_cases(rng):
    for param, indices, grad in tables(rng):
        for args in _ARGS:
            m = rng.standard_normal(param.shape)
            total, rate, share = _by_hand(grad, 2.0, **args)
            w, new = param.copy(), m.copy()
            for i, g in row_by_row(indices, grad, param.shape[1:]):
                new[i] = (1 - share) * new[i] + share * g
                w[i] += rate * new[i]
            inputs = {"param": param, "moment": m, "grad_sq_sum": np.array([2.0]), "grad": grad,
                      "indices": indices, "lr": np.array([0.1])}  # fmt: skip
            yield Case(inputs, args, expect=dict(zip(_NAMES, (w, new, np.array([total])))))
