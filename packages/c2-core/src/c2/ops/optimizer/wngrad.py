"""Wngrad and SparseWngrad, one adaptive rate for a whole parameter."""

import numpy as np

from c2.ops.optimizer.cases import SHAPES, row_by_row, tables, vectors
from c2.ops.optimizer.dense import GRAD, LR, PARAM, begun, check_update, like, output
from c2.ops.optimizer.rows import GRAD_ROWS, INDICES, TABLE, check_rows, update_rows
from c2.ops.rules import one_element, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

EPSILON = Arg("epsilon", float, default=1e-5, doc="added to b, against division by 0")
SEQ_B = Tensor("seq_b", "b, one element; dtype of param", FLOAT)
SOURCE = 'Source: Wu, Ward & Bottou, "WNGrad: learn the learning rate in gradient descent", 2018.'


def _infer(param, b, grad, lr, *, epsilon):
    check_update(lr, param=param, grad=grad)
    same_dtype(param=param, seq_b=b)
    one_element(seq_b=b)
    return like(param, b, b, param)


def _infer_sparse(param, b, indices, grad, lr, *, epsilon):
    check_rows(param, indices, grad, lr)
    same_dtype(param=param, seq_b=b)
    one_element(seq_b=b)
    return like(param, b)


_IN_PLACE = {"param": "output_param", "seq_b": "output_seq_b"}
WNGRAD = OpSchema(
    "Wngrad",
    doc=f"""param += lr / (b + epsilon) grad, and then b += (sum of grad^2) / (b + epsilon).

    effective_lr and update are the factor of grad and what is added. {SOURCE}
    """,
    inputs=[PARAM, SEQ_B, GRAD, LR],
    outputs=[
        output("param", "updated param"),
        output("seq_b", "updated b"),
        output("effective_lr", "lr / (b + epsilon), shape of seq_b", optional=True),
        output("update", "what was added to param", optional=True),
    ],
    args=[EPSILON],
    infer=_infer,
    inplace=_IN_PLACE,
    cost=lambda param, *_, **__: 4 * param.size,
    gradient=NoGradient.FORBIDDEN,
)
SPARSE_WNGRAD = OpSchema(
    "SparseWngrad",
    doc=f"""Wngrad on the rows of param that indices name, in place; no index changes nothing.

    param[i] += lr / (b + epsilon) grad, and then b += (sum of grad^2) / b, without epsilon, as in Caffe2. {SOURCE}
    """,
    inputs=[TABLE, SEQ_B, INDICES, GRAD_ROWS, LR],
    outputs=[output("param", "the blob of param"), output("seq_b", "the blob of seq_b")],
    args=[EPSILON],
    infer=_infer_sparse,
    inplace=_IN_PLACE,
    inplace_required=_IN_PLACE,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(WNGRAD)
class Wngrad:
    def __init__(self, xp, param, *specs, epsilon, n_outputs):
        self.xp, self.epsilon, self.n_outputs = xp, epsilon, n_outputs
        self.scratch = xp.empty(param.shape, param.dtype)

    def __call__(self, param, b, grad, lr, out=None):
        xp = self.xp
        w, b, rate_out, update = outputs = begun(xp, out, self.n_outputs, param, b, b, param)
        g = grad.reshape(-1)
        divisor = b.reshape(()) + self.epsilon
        rate = lr.reshape(()) / divisor
        xp.multiply(grad.reshape(w.shape), rate, out=self.scratch)
        xp.add(w, self.scratch, out=w)
        b += ((g @ g) / divisor).reshape(b.shape)
        if rate_out is not None:
            rate_out.fill(0)
            rate_out += rate
        if update is not None:
            update[...] = self.scratch
        return outputs[: self.n_outputs]


@kernel(SPARSE_WNGRAD)
def sparse_wngrad(xp, param, b, indices, grad, lr, *, epsilon, out=None):
    outputs = param, b = begun(xp, out, 2, param, b)
    if not indices.size:
        return outputs
    rate = lr.reshape(()) / (b.reshape(()) + epsilon)

    def step(w, g):
        w += rate * g

    update_rows(xp, indices, [param], [grad], step)
    g = grad.reshape(-1)
    b += (g @ g).reshape(b.shape) / b
    return outputs


_NAMES = ("output_param", "output_seq_b", "output_effective_lr", "output_update")


@cases(WNGRAD)
def wngrad_cases(rng):
    for shape in SHAPES:
        for args in ({}, {"epsilon": 0.5}):
            param, grad = vectors(rng, shape, 2)
            total = 2 + args.get("epsilon", 1e-5)
            update = 0.1 * grad / total
            results = (
                param + update,
                np.array([2 + np.sum(grad**2) / total]),
                np.array([0.1 / total]),
                update,
            )
            inputs = {"param": param, "seq_b": np.array([2.0]), "grad": grad, "lr": np.array([0.1])}
            for n in (2, 3, 4):
                yield Case(inputs, args, expect=dict(zip(_NAMES[:n], results)), outputs=n)


@cases(SPARSE_WNGRAD)
def sparse_wngrad_cases(rng):
    for param, indices, grad in tables(rng):
        w, b = param.copy(), 2.0
        for i, g in row_by_row(indices, grad, param.shape[1:]):
            w[i] += 0.1 * g / 2.5
            b += np.sum(g**2) / 2
        inputs = {
            "param": param,
            "seq_b": np.array([2.0]),
            "indices": indices,
            "grad": grad,
            "lr": np.array([0.1]),
        }
        yield Case(
            inputs, {"epsilon": 0.5}, expect={"output_param": w, "output_seq_b": np.array([b])}
        )
