"""Adagrad, SparseAdagrad and RowWiseSparseAdagrad."""

import numpy as np

from c2.ops.optimizer.cases import SHAPES, by_element, row_by_row, squares, tables, vectors
from c2.ops.optimizer.dense import GRAD, LR, PARAM, begun, check_update, like, moment, output
from c2.ops.optimizer.rows import (
    GRAD_ROWS,
    INDICES,
    TABLE,
    check_indices,
    check_per_row,
    check_rows,
    update_rows,
)
from c2.ops.rules import one_element
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

SOURCE = """Source: Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", 2011."""
EPSILON = Arg("epsilon", float, default=1e-5, doc="added to the root, against division by 0")
WEIGHT_DECAY = Arg(
    "weight_decay", float, default=0.0, doc="weight_decay * param is added to the gradient"
)
DECAY = Arg("decay", float, default=1.0, doc="factor of the old moment")
MOMENT = moment("moment", "sum of squared gradients")


def _infer(param, h, grad, lr, *, epsilon, decay, weight_decay):
    check_update(lr, param=param, moment=h, grad=grad)
    return like(param, h, param, param)


def _infer_sparse(param, h, indices, grad, lr, *, epsilon, weight_decay, decay):
    check_rows(param, indices, grad, lr, moment=h)
    require(decay == 1, "SparseAdagrad has no decay", 1.0, decay)
    return like(param, h)


def _infer_row_wise(
    param, h, indices, grad, lr, counter=None, *, epsilon, weight_decay, counter_halflife
):
    check_rows(param, indices, grad, lr)
    check_per_row(param, moment=h)
    one_element(lr=lr)
    if counter_halflife > 0:
        require(counter is not None, "counter_halflife needs the input counter", "6 inputs", 5)
        check_per_row(param, counter=counter)
    return like(param, h)


ADAGRAD = OpSchema(
    "Adagrad",
    doc=f"""moment = decay * moment + g^2; param += lr * g / (sqrt(moment) + epsilon); g = grad + weight_decay * param.

    effective_lr and update are the factor of g and what is added. {SOURCE}
    """,
    inputs=[PARAM, MOMENT, GRAD, LR],
    outputs=[
        output("param", "updated param"),
        output("moment", "updated moment"),
        output("effective_lr", "lr / (sqrt(moment) + epsilon), shape of param", optional=True),
        output("update", "what was added to param", optional=True),
    ],
    args=[EPSILON, DECAY, WEIGHT_DECAY],
    infer=_infer,
    inplace={"param": "output_param", "moment": "output_moment"},
    cost=lambda param, *_, **__: 7 * param.size,
    gradient=NoGradient.FORBIDDEN,
)

_IN_PLACE = {"param": "output_param", "moment": "output_moment_1"}
SPARSE_ADAGRAD = OpSchema(
    "SparseAdagrad",
    doc=f"""Adagrad, without decay, on the rows of param and moment that indices name, in place.

    {SOURCE}
    """,
    inputs=[TABLE, Tensor("moment", "size and dtype of param", FLOAT), INDICES, GRAD_ROWS, LR],
    outputs=[output("param", "the blob of param"), output("moment_1", "the blob of moment")],
    args=[EPSILON, WEIGHT_DECAY, DECAY],
    infer=_infer_sparse,
    inplace=_IN_PLACE,
    inplace_required=_IN_PLACE,
    gradient=NoGradient.FORBIDDEN,
)

ROW_WISE_SPARSE_ADAGRAD = OpSchema(
    "RowWiseSparseAdagrad",
    doc=f"""Adagrad with one moment per row, on the rows that indices name, in place.

    moment[i] += mean of g^2 over the row; param[i] += lr * g / (sqrt(moment[i]) + epsilon), where
    g = grad + weight_decay * f * param[i]; f = counter_halflife / counter[i] where counter_halflife and counter[i]
    are above 0, else 1. {SOURCE}
    """,
    inputs=[
        TABLE,
        Tensor("moment", "one element per row; dtype of param", FLOAT),
        INDICES,
        GRAD_ROWS,
        LR,
        Tensor(
            "counter",
            "how often each row was seen, of RowWiseCounter",
            frozenset({"float64"}),
            optional=True,
        ),
    ],
    outputs=[output("param", "the blob of param"), output("moment_1", "the blob of moment")],
    args=[
        EPSILON,
        WEIGHT_DECAY,
        Arg("counter_halflife", int, default=-1, doc="above 0: rare rows decay more"),
    ],
    infer=_infer_row_wise,
    inplace=_IN_PLACE,
    inplace_required=_IN_PLACE,
    gradient=NoGradient.FORBIDDEN,
)


def _step(xp, w, h, g, lr, factor, *, epsilon, decay=1.0, weight_decay=0.0):
    """Updates w and h in place, leaves lr / (sqrt(h) + epsilon) in `factor`, and returns the gradient it used."""
    if weight_decay:
        g = g + weight_decay * w
    if decay != 1:
        xp.multiply(h, decay, out=h)
    xp.add(h, xp.multiply(g, g, out=factor), out=h)
    xp.add(xp.sqrt(h, out=factor), epsilon, out=factor)
    xp.divide(lr, factor, out=factor)
    return g


@kernel(ADAGRAD)
class Adagrad:
    def __init__(self, xp, param, *specs, epsilon, decay, weight_decay, n_outputs):
        self.xp, self.n_outputs = xp, n_outputs
        self.args = {"epsilon": epsilon, "decay": decay, "weight_decay": weight_decay}
        self.factor = xp.empty(param.shape, param.dtype)

    def __call__(self, param, h, grad, lr, out=None):
        xp, shape = self.xp, param.shape
        w, new_h, effective_lr, update = begun(xp, out, self.n_outputs, param, h, param, param)
        g = grad.reshape(shape)
        g = _step(xp, w, new_h.reshape(shape), g, lr.reshape(()), self.factor, **self.args)
        if effective_lr is not None:
            effective_lr[...] = self.factor
        xp.multiply(self.factor, g, out=self.factor)
        if update is not None:
            update[...] = self.factor
        xp.add(w, self.factor, out=w)
        return (w, new_h, effective_lr, update)[: self.n_outputs]


@kernel(SPARSE_ADAGRAD)
def sparse_adagrad(xp, param, h, indices, grad, lr, *, epsilon, weight_decay, decay, out=None):
    param, h = begun(xp, out, 2, param, h)

    def step(w, h, g):
        factor = xp.empty_like(w)
        g = _step(xp, w, h, g, lr.reshape(()), factor, epsilon=epsilon, weight_decay=weight_decay)
        w += factor * g

    update_rows(xp, indices, [param, h.reshape(param.shape)], [grad], step)
    return param, h


@kernel(ROW_WISE_SPARSE_ADAGRAD)
def row_wise_sparse_adagrad(
    xp,
    param,
    h,
    indices,
    grad,
    lr,
    counter=None,
    *,
    epsilon,
    weight_decay,
    counter_halflife,
    out=None,
):
    param, h = begun(xp, out, 2, param, h)
    decays = xp.full((indices.size, 1), weight_decay, param.dtype)
    if counter_halflife > 0 and indices.size:
        check_indices(indices, len(param))
        seen = counter.reshape(-1)[indices.reshape(-1)]
        decays[:, 0] *= xp.where(seen > 0, counter_halflife / xp.where(seen > 0, seen, 1), 1)

    def step(w, h, g, decay):
        g = g + decay * w
        h += xp.mean(g * g, axis=1, keepdims=True)
        w += lr.reshape(()) * g / (xp.sqrt(h) + epsilon)

    update_rows(xp, indices, [param, h.reshape(-1)], [grad, decays], step)
    return param, h


def _by_hand(epsilon=1e-5, decay=1.0, weight_decay=0.0):
    """New param, moment, effective rate and update of one number, with lr = -0.1."""

    def step(w, h, g):
        g += weight_decay * w
        h = decay * h + g**2
        rate = -0.1 / (h**0.5 + epsilon)
        return w + rate * g, h, rate, rate * g

    return step


@cases(ADAGRAD)
def adagrad_cases(rng):
    names = ("output_param", "output_moment", "output_effective_lr", "output_update")
    for shape in SHAPES:
        for args in ({}, {"epsilon": 0.1, "decay": 0.5, "weight_decay": 0.2}):
            param, grad = vectors(rng, shape, 2)
            h = squares(rng, shape)
            results = by_element(_by_hand(**args), param, h, grad)
            inputs = {"param": param, "moment": h, "grad": grad, "lr": np.array([-0.1])}
            for n in (2, 3, 4):
                yield Case(inputs, args, expect=dict(zip(names[:n], results)), outputs=n)
    inputs = {
        "param": np.ones(2),
        "moment": np.zeros((2, 1)),
        "grad": np.ones((1, 2)),
        "lr": np.array(1.0),
    }
    expect = {"output_param": np.full(2, 1 + 1 / 1.5), "output_moment": np.ones((2, 1))}
    yield Case(inputs, {"epsilon": 0.5}, expect=expect, outputs=2, id="equal sizes")


@cases(SPARSE_ADAGRAD)
def sparse_adagrad_cases(rng):
    for param, indices, grad in tables(rng):
        for args in ({}, {"epsilon": 0.1, "weight_decay": 0.2}):
            h = squares(rng, param.shape)
            new_param, new_h = param.copy(), h.copy()
            for i, g in row_by_row(indices, grad, param.shape[1:]):
                new_param[i], new_h[i], *_ = by_element(_by_hand(**args), new_param[i], new_h[i], g)
            inputs = {
                "param": param,
                "moment": h,
                "indices": indices,
                "grad": grad,
                "lr": np.array([-0.1]),
            }
            expect = {"output_param": new_param, "output_moment_1": new_h}
            yield Case(inputs, args, expect=expect)


@cases(ROW_WISE_SPARSE_ADAGRAD)
def row_wise_sparse_adagrad_cases(rng):
    for param, indices, grad in tables(rng):
        h, counter = squares(rng, (len(param),)), np.array([2.0, 0, 5, 1, 3])[: len(param)]
        for halflife, weight_decay in [(-1, 0.0), (-1, 0.1), (3, 0.1)]:
            new_param, new_h = param.copy(), h.copy()
            for i, g in row_by_row(indices, grad, param.shape[1:]):
                rarity = halflife / counter[i] if halflife > 0 and counter[i] else 1.0
                g = g + weight_decay * rarity * new_param[i]
                new_h[i] += (g**2).mean()
                new_param[i] += 0.1 * g / (np.sqrt(new_h[i]) + 0.01)
            inputs = {
                "param": param,
                "moment": h,
                "indices": indices,
                "grad": grad,
                "lr": np.array([0.1]),
            }
            if halflife > 0:
                inputs["counter"] = counter
            args = {"epsilon": 0.01, "weight_decay": weight_decay, "counter_halflife": halflife}
            yield Case(inputs, args, expect={"output_param": new_param, "output_moment_1": new_h})
