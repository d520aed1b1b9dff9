"""MomentumSGD, MomentumSGDUpdate and SparseMomentumSGDUpdate."""

import numpy as np

from c2.ops.optimizer.cases import SHAPES, by_element, row_by_row, tables, vectors
from c2.ops.optimizer.dense import GRAD, LR, PARAM, begun, check_update, like, moment, output
from c2.ops.optimizer.rows import GRAD_ROWS, INDICES, TABLE, check_rows, update_rows
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

ARGS = [
    Arg("momentum", float, default=0.0, doc="factor of the old moment"),
    Arg("nesterov", bool, default=False, doc="look one step ahead"),
]
STEP = """m' = momentum * m + lr * grad; the step is m', with nesterov (1 + momentum) * m' - momentum * m."""
SOURCE = """Source: Polyak, 1964; Nesterov, 1983; in this form Sutskever et al., "On the importance of initialization
    and momentum in deep learning", 2013."""
MOMENT = moment("moment", "m, moving sum of steps")


def _infer(grad, m, lr, param=None, *, momentum, nesterov):
    check_update(lr, grad=grad, moment=m, **({} if param is None else {"param": param}))
    return like(*((grad, m) if param is None else (grad, m, param)))


def _infer_sparse(grad, m, lr, param, indices, *, momentum, nesterov):
    check_rows(param, indices, grad, lr, moment=m)
    return like(grad, m, param)


MOMENTUM_SGD = OpSchema(
    "MomentumSGD",
    doc=f"""{STEP} Gives the step, to be subtracted from the parameter.

    {SOURCE}
    """,
    inputs=[Tensor("grad", "gradient, any shape", FLOAT), MOMENT, LR],
    outputs=[output("grad", "the step"), output("moment", "m'")],
    args=ARGS,
    infer=_infer,
    inplace={"grad": "output_grad", "moment": "output_moment"},
    cost=lambda grad, *_, **__: 3 * grad.size,
    gradient=NoGradient.FORBIDDEN,
)

MOMENTUM_SGD_UPDATE = OpSchema(
    "MomentumSGDUpdate",
    doc=f"""{STEP} Subtracts the step from param; lr is positive to descend.

    {SOURCE} Differs from Caffe2: works out of place too, where Caffe2 subtracts from whatever the output held.
    """,
    inputs=[GRAD, MOMENT, LR, PARAM],
    outputs=[
        output("grad", "the step"),
        output("moment", "m'"),
        output("param", "param less the step"),
    ],
    args=ARGS,
    infer=_infer,
    inplace={"grad": "output_grad", "moment": "output_moment", "param": "output_param"},
    cost=lambda grad, *_, **__: 4 * grad.size,
    gradient=NoGradient.FORBIDDEN,
)

_IN_PLACE = {"moment": "output_moment", "param": "output_param"}
SPARSE_MOMENTUM_SGD_UPDATE = OpSchema(
    "SparseMomentumSGDUpdate",
    doc=f"""MomentumSGDUpdate on the rows of moment and param that indices name, in place.

    {STEP} The moments of rows that are not named stay as they are. {SOURCE}
    """,
    inputs=[GRAD_ROWS, Tensor("moment", "m, size and dtype of param", FLOAT), LR, TABLE, INDICES],
    outputs=[
        output("grad", "the steps, shape of grad"),
        output("moment", "the blob of moment"),
        output("param", "the blob of param"),
    ],
    args=ARGS,
    infer=_infer_sparse,
    inplace={"grad": "output_grad", **_IN_PLACE},
    inplace_required=_IN_PLACE,
    gradient=NoGradient.FORBIDDEN,
)


def _step(xp, g, m, scratch, lr, momentum, nesterov):
    """Turns the gradient g into the step and m into m', both in place."""
    xp.multiply(g, lr, out=g)
    xp.multiply(m, momentum, out=scratch)
    xp.add(g, scratch, out=g)
    m[...] = g
    if nesterov:
        xp.multiply(g, 1 + momentum, out=g)
        xp.subtract(g, scratch, out=g)


@kernel(MOMENTUM_SGD, MOMENTUM_SGD_UPDATE)
class MomentumSGD:
    def __init__(self, xp, grad, *specs, momentum, nesterov):
        self.xp, self.args = xp, (momentum, nesterov)
        self.scratch = xp.empty(grad.shape, grad.dtype)

    def __call__(self, grad, m, lr, param=None, out=None):
        xp, shape = self.xp, grad.shape
        inputs = (grad, m) if param is None else (grad, m, param)
        outputs = begun(xp, out, len(inputs), *inputs)
        step = outputs[0]
        _step(xp, step, outputs[1].reshape(shape), self.scratch, lr.reshape(()), *self.args)
        if param is not None:
            w = outputs[2].reshape(shape)
            xp.subtract(w, step, out=w)
        return outputs


@kernel(SPARSE_MOMENTUM_SGD_UPDATE)
def sparse_momentum_sgd_update(xp, grad, m, lr, param, indices, *, momentum, nesterov, out=None):
    steps, m, param = begun(xp, out, 3, grad, m, param)
    rows = steps.reshape(indices.size, steps.size // max(indices.size, 1))

    def step(m, w, g, place):
        _step(xp, g, m, xp.empty_like(g), lr.reshape(()), momentum, nesterov)
        w -= g
        rows[place[:, 0]] = g

    update_rows(xp, indices, [m.reshape(param.shape), param], [rows, xp.arange(indices.size)], step)
    return steps, m, param


def _by_hand(momentum=0.0, nesterov=0):
    """The step and m' of one number, with lr = 0.1."""

    def step(g, m):
        new = momentum * m + 0.1 * g
        return new + momentum * (new - m) if nesterov else new, new

    return step


_ARGS = [{}, {"momentum": 0.9}, {"momentum": 0.5, "nesterov": 1}]


def _vectors_and_steps(rng):
    for args in _ARGS:
        for shape in SHAPES:
            grad, m, param = vectors(rng, shape, 3)
            yield args, grad, m, param, by_element(_by_hand(**args), grad, m)


@cases(MOMENTUM_SGD)
def momentum_sgd_cases(rng):
    for args, grad, m, _, (step, new) in _vectors_and_steps(rng):
        inputs = {"grad": grad, "moment": m, "lr": np.array([0.1])}
        yield Case(inputs, args, expect={"output_grad": step, "output_moment": new})


@cases(MOMENTUM_SGD_UPDATE)
def momentum_sgd_update_cases(rng):
    for args, grad, m, param, (step, new) in _vectors_and_steps(rng):
        inputs = {"grad": grad, "moment": m, "lr": np.array(0.1), "param": param}
        expect = {"output_grad": step, "output_moment": new, "output_param": param - step}
        yield Case(inputs, args, expect=expect)


@cases(SPARSE_MOMENTUM_SGD_UPDATE)
def sparse_momentum_sgd_update_cases(rng):
    for param, indices, grad in tables(rng):
        for args in _ARGS:
            m = rng.standard_normal(param.shape)
            new_m, new_param, steps = m.copy(), param.copy(), []
            for i, g in row_by_row(indices, grad, param.shape[1:]):
                step, new_m[i] = by_element(_by_hand(**args), g, new_m[i])
                new_param[i] -= step
                steps.append(step)
            inputs = {
                "grad": grad,
                "moment": m,
                "lr": np.array([0.1]),
                "param": param,
                "indices": indices,
            }
            expect = {
                "output_grad": np.array(steps).reshape(grad.shape),
                "output_moment": new_m,
                "output_param": new_param,
            }
            yield Case(inputs, args, expect=expect)
