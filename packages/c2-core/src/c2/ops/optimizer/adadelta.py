"""Adadelta and SparseAdadelta."""

import numpy as np

from c2.ops.optimizer.cases import SHAPES, by_element, row_by_row, squares, tables, vectors
from c2.ops.optimizer.dense import GRAD, LR, PARAM, begun, check_update, like, moment, output
from c2.ops.optimizer.rows import GRAD_ROWS, INDICES, TABLE, check_rows, update_rows
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

UPDATE = """h = decay h + (1 - decay) g^2; s = sqrt(delta + epsilon) / sqrt(h + epsilon) g; param += lr s;
    delta = decay delta + (1 - decay) s^2, where h is moment and delta moment_delta."""
SOURCE = 'Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012; lr is an addition, -1 there.'
ARGS = [
    Arg("epsilon", float, default=1e-5, minimum=0, doc="added under both roots"),
    Arg("decay", float, default=0.95, doc="factor of the old moments, in (0, 1)"),
]


def _infer(param, h, delta, grad, lr, *, epsilon, decay):
    require(0 < decay < 1, "decay must be in (0, 1)", "(0, 1)", decay)
    check_update(lr, param=param, moment=h, moment_delta=delta, grad=grad)
    return like(param, h, delta)


def _infer_sparse(param, h, delta, indices, grad, lr, *, epsilon, decay):
    require(0 < decay < 1, "decay must be in (0, 1)", "(0, 1)", decay)
    check_rows(param, indices, grad, lr, moment=h, moment_delta=delta)
    return like(param, h, delta)


_IN_PLACE = {
    "param": "output_param",
    "moment": "output_moment",
    "moment_delta": "output_moment_delta",
}
ADADELTA = OpSchema(
    "Adadelta",
    doc=f"{UPDATE}\n\n    {SOURCE}\n",
    inputs=[
        PARAM,
        moment("moment", "moving mean of g^2"),
        moment("moment_delta", "moving mean of s^2"),
        GRAD,
        LR,
    ],
    outputs=[
        output("param", "updated param"),
        output("moment", "updated moment"),
        output("moment_delta", "updated moment_delta"),
    ],
    args=ARGS,
    infer=_infer,
    inplace=_IN_PLACE,
    cost=lambda param, *_, **__: 14 * param.size,
    gradient=NoGradient.FORBIDDEN,
)
SPARSE_ADADELTA = OpSchema(
    "SparseAdadelta",
    doc=f"Adadelta on the rows of param and moments that indices name, in place.\n\n    {UPDATE} {SOURCE}\n",
    inputs=[
        TABLE,
        Tensor("moment", "size and dtype of param", FLOAT),
        Tensor("moment_delta", "size and dtype of param", FLOAT),
        INDICES,
        GRAD_ROWS,
        LR,
    ],
    outputs=[
        output("param", "the blob of param"),
        output("moment", "the blob of moment"),
        output("moment_delta", "the blob of moment_delta"),
    ],
    args=ARGS,
    infer=_infer_sparse,
    inplace=_IN_PLACE,
    inplace_required=_IN_PLACE,
    gradient=NoGradient.FORBIDDEN,
)


def _mix(xp, average, value, decay, scratch):
    """average = decay * average + (1 - decay) * value^2, in place."""
    xp.multiply(value, value, out=scratch)
    xp.multiply(scratch, 1 - decay, out=scratch)
    xp.multiply(average, decay, out=average)
    xp.add(average, scratch, out=average)


def _step(xp, w, h, delta, g, lr, epsilon, decay, s, scratch):
    """Updates w, h and delta in place."""
    _mix(xp, h, g, decay, scratch)
    xp.sqrt(xp.add(delta, epsilon, out=s), out=s)
    xp.divide(s, xp.sqrt(xp.add(h, epsilon, out=scratch), out=scratch), out=s)
    xp.multiply(s, g, out=s)
    _mix(xp, delta, s, decay, scratch)
    xp.add(w, xp.multiply(s, lr, out=s), out=w)


@kernel(ADADELTA)
class Adadelta:
    def __init__(self, xp, param, *specs, epsilon, decay):
        self.xp, self.args = xp, (epsilon, decay)
        self.scratch = [xp.empty(param.shape, param.dtype) for _ in range(2)]

    def __call__(self, param, h, delta, grad, lr, out=None):
        outputs = begun(self.xp, out, 3, param, h, delta)
        moved = [a.reshape(param.shape) for a in outputs]
        _step(self.xp, *moved, grad.reshape(param.shape), lr.reshape(()), *self.args, *self.scratch)
        return outputs


@kernel(SPARSE_ADADELTA)
def sparse_adadelta(xp, param, h, delta, indices, grad, lr, *, epsilon, decay, out=None):
    outputs = begun(xp, out, 3, param, h, delta)

    def step(w, h, delta, g):
        scratch = xp.empty_like(w), xp.empty_like(w)
        _step(xp, w, h, delta, g, lr.reshape(()), epsilon, decay, *scratch)

    update_rows(xp, indices, [a.reshape(param.shape) for a in outputs], [grad], step)
    return outputs


def _by_hand(epsilon=1e-5, decay=0.95):
    """New param, moment and moment_delta of one number, with lr = -0.5."""

    def step(w, h, delta, g):
        h = decay * h + (1 - decay) * g**2
        s = ((delta + epsilon) / (h + epsilon)) ** 0.5 * g
        return w - 0.5 * s, h, decay * delta + (1 - decay) * s**2

    return step


_NAMES = ("output_param", "output_moment", "output_moment_delta")
_ARGS = [{}, {"epsilon": 0.1, "decay": 0.5}]


@cases(ADADELTA)
def adadelta_cases(rng):
    for args in _ARGS:
        for shape in SHAPES:
            param, grad = vectors(rng, shape, 2)
            h, delta = squares(rng, shape), squares(rng, shape)
            inputs = {
                "param": param,
                "moment": h,
                "moment_delta": delta,
                "grad": grad,
                "lr": np.array([-0.5]),
            }
            results = by_element(_by_hand(**args), param, h, delta, grad)
            yield Case(inputs, args, expect=dict(zip(_NAMES, results)))


@cases(SPARSE_ADADELTA)
def sparse_adadelta_cases(rng):
    for param, indices, grad in tables(rng):
        for args in _ARGS:
            h, delta = squares(rng, param.shape), squares(rng, param.shape)
            inputs = {"param": param, "moment": h, "moment_delta": delta, "indices": indices,
                      "grad": grad, "lr": np.array([-0.5])}  # fmt: skip
            results = [a.copy() for a in (param, h, delta)]
            for i, g in row_by_row(indices, grad, param.shape[1:]):
                for table, row in zip(
                    results, by_element(_by_hand(**args), *(a[i] for a in results), g)
                ):
                    table[i] = row
            yield Case(inputs, args, expect=dict(zip(_NAMES, results)))
