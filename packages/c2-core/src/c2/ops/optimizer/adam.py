"""Adam, SparseAdam, RowWiseSparseAdam and SmartDecaySparseAdam."""

import math

import numpy as np

from c2.ops.optimizer.cases import SHAPES, by_element, row_by_row, squares, tables, vectors
from c2.ops.optimizer.dense import GRAD, ITER, LR, PARAM, begun, check_update, like, moment, output
from c2.ops.optimizer.rows import GRAD_ROWS, INDICES, TABLE, check_per_row, check_rows, update_rows
from c2.ops.rules import one_element
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

SOURCE = """Source: Kingma & Ba, "Adam: a method for stochastic optimization", 2015, in the form at the end of
    section 2, where epsilon is added to the root of the uncorrected v."""
ARGS = [
    Arg("beta1", float, default=0.9, doc="factor of the old m"),
    Arg("beta2", float, default=0.999, doc="factor of the old v"),
    Arg("epsilon", float, default=1e-5, doc="added to the root, against division by 0"),
]
RADAM = Arg(
    "enableRAdam",
    bool,
    default=False,
    doc="rectified Adam: plain moments until the variance is known",
)
UPDATE = """m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; param += lr * d with
    d = c m / (sqrt(v) + epsilon), c = sqrt(1 - beta2^t) / (1 - beta1^t), t = iter + 1."""


def _infer(param, m, v, grad, lr, iteration, *, beta1, beta2, epsilon):
    check_update(lr, param=param, moment_1=m, moment_2=v, grad=grad)
    one_element(iter=iteration)
    return like(param, m, v, grad)


def _infer_sparse(
    param, m, v, indices, grad, lr, iteration, *, beta1, beta2, epsilon, enableRAdam=False
):
    check_rows(param, indices, grad, lr, moment_1=m, moment_2=v)
    one_element(iter=iteration)
    return like(param, m, v, grad)


def _infer_row_wise(param, m, v, indices, grad, lr, iteration, *, beta1, beta2, epsilon):
    check_rows(param, indices, grad, lr, moment_1=m)
    check_per_row(param, moment_2=v)
    one_element(iter=iteration)
    return like(param, m, v, grad)


def _infer_smart(param, m, v, last_seen, indices, grad, lr, iteration, *, beta1, beta2, epsilon):
    check_rows(param, indices, grad, lr, moment_1=m, moment_2=v)
    check_per_row(param, last_seen=last_seen)
    one_element(iter=iteration)
    return like(param, m, v, last_seen)


ADAM = OpSchema(
    "Adam",
    doc=f"""{UPDATE}

    output_grad is d. {SOURCE}
    """,
    inputs=[PARAM, moment("moment_1", "m"), moment("moment_2", "v"), GRAD, LR, ITER],
    outputs=[
        output("param", "updated param"),
        output("moment_1", "updated m"),
        output("moment_2", "updated v"),
        output("grad", "d", optional=True),
    ],
    args=ARGS,
    infer=_infer,
    inplace={"param": "output_param", "moment_1": "output_moment_1", "moment_2": "output_moment_2"},
    cost=lambda param, *_, **__: 12 * param.size,
    gradient=NoGradient.FORBIDDEN,
)

_IN_PLACE = {"param": "output_param", "moment_1": "output_moment_1", "moment_2": "output_moment_2"}
_M = Tensor("moment_1", "m, size and dtype of param", FLOAT)
_V = Tensor("moment_2", "v, size and dtype of param", FLOAT)
_OUTPUTS = [
    output("param", "the blob of param"),
    output("moment_1", "the blob of moment_1"),
    output("moment_2", "the blob of moment_2"),
]
_STEPS = output("grad", "d, shape of grad", optional=True)


def _sparse_schema(type_, doc, infer, moment_2=_V, args=ARGS):
    return OpSchema(
        type_,
        doc=f"{doc}\n\n    {UPDATE} Other rows and their moments stay as they are. output_grad is d. {SOURCE}\n",
        inputs=[TABLE, _M, moment_2, INDICES, GRAD_ROWS, LR, ITER],
        outputs=[*_OUTPUTS, _STEPS],
        args=args,
        infer=infer,
        inplace=_IN_PLACE,
        inplace_required=_IN_PLACE,
        gradient=NoGradient.FORBIDDEN,
    )


SPARSE_ADAM = _sparse_schema(
    "SparseAdam",
    """Adam on the rows of param, m and v that indices name, in place.

    With enableRAdam, r = 2 / (1 - beta2) - 1 and s = r - 2 t beta2^t / (1 - beta2^t), d is multiplied by
    sqrt((s - 4) (s - 2) r / ((r - 4) (r - 2) s)) where s >= 5, and is m / (1 - beta1^t) before. Source of it:
    Liu et al., "On the variance of the adaptive learning rate and beyond", 2020.""",
    _infer_sparse,
    args=[*ARGS, RADAM],
)
ROW_WISE_SPARSE_ADAM = _sparse_schema(
    "RowWiseSparseAdam",
    "Adam with one v per row, made of the mean of g^2 over the row, on the rows that indices name, in place.",
    _infer_row_wise,
    moment_2=Tensor("moment_2", "v, one element per row; dtype of param", FLOAT),
)
_LAST_SEEN = {"last_seen": "output_last_seen"}
SMART_DECAY_SPARSE_ADAM = OpSchema(
    "SmartDecaySparseAdam",
    doc=f"""Adam on the rows that indices name, in place, after catching up on iterations without a gradient.

    With k = t - last_seen of the row and t = iter + 1: param += lr * (c + m') / (sqrt(v') + epsilon), where
    m' = beta1^k m + (1 - beta1) g, v' = beta2^k v + (1 - beta2) g^2, and c = (beta1 + ... + beta1^(k-1)) m is what the
    missed iterations would have added; then last_seen = t. m and v are not corrected. {SOURCE}
    """,
    inputs=[
        TABLE, _M, _V,
        Tensor("last_seen", "int64, t of each row's last gradient, 0 at first", frozenset({"int64"})),
        INDICES, GRAD_ROWS, LR, ITER,
    ],
    outputs=[*_OUTPUTS, Tensor("output_last_seen", "the blob of last_seen", frozenset({"int64"}))],
    args=ARGS,
    infer=_infer_smart,
    inplace={**_IN_PLACE, **_LAST_SEEN},
    inplace_required={**_IN_PLACE, **_LAST_SEEN},
    gradient=NoGradient.FORBIDDEN,
)  # fmt: skip


def _correction(iteration, beta1, beta2):
    t = iteration.item() + 1
    return math.sqrt(1 - beta2**t) / (1 - beta1**t)


def _move(xp, m, v, g, scratch, beta1, beta2):
    """m and v of the next step, in place."""
    xp.multiply(m, beta1, out=m)
    xp.add(m, xp.multiply(g, 1 - beta1, out=scratch), out=m)
    xp.multiply(v, beta2, out=v)
    xp.multiply(g, g, out=scratch)
    xp.add(v, xp.multiply(scratch, 1 - beta2, out=scratch), out=v)


def _direction(xp, m, v, epsilon, correction, out):
    """correction * m / (sqrt(v) + epsilon)."""
    xp.add(xp.sqrt(v, out=out), epsilon, out=out)
    xp.divide(m, out, out=out)
    return xp.multiply(out, correction, out=out)


@kernel(ADAM)
class Adam:
    def __init__(self, xp, param, *specs, beta1, beta2, epsilon, n_outputs):
        self.xp, self.n_outputs = xp, n_outputs
        self.betas, self.epsilon = (beta1, beta2), epsilon
        self.scratch = xp.empty(param.shape, param.dtype)

    def __call__(self, param, m, v, grad, lr, iteration, out=None):
        xp, shape, scratch = self.xp, param.shape, self.scratch
        w, new_m, new_v, d = outputs = begun(xp, out, self.n_outputs, param, m, v, grad)
        flat_m, flat_v = new_m.reshape(shape), new_v.reshape(shape)
        _move(xp, flat_m, flat_v, grad.reshape(shape), scratch, *self.betas)
        _direction(xp, flat_m, flat_v, self.epsilon, _correction(iteration, *self.betas), scratch)
        if d is not None:
            d.reshape(shape)[...] = scratch
        xp.add(w, xp.multiply(scratch, lr.reshape(()), out=scratch), out=w)
        return outputs[: self.n_outputs]


class _Rows:
    """Gathers what the sparse forms share; `direction(m, v, g)` moves m and v and gives d."""

    def __init__(self, xp, *specs, beta1, beta2, epsilon, n_outputs, enableRAdam=False):
        self.xp, self.n_outputs, self.rectified = xp, n_outputs, enableRAdam
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def __call__(self, param, m, v, indices, grad, lr, iteration, out=None):
        xp = self.xp
        param, m, v, d = outputs = begun(xp, out, self.n_outputs, param, m, v, grad)
        places = xp.arange(indices.size)
        steps = None if d is None else d.reshape(indices.size, d.size // max(indices.size, 1))
        self.begin(iteration)

        def step(w, m, v, g, place):
            direction = self.direction(m, v, g)
            if steps is not None:
                steps[place[:, 0]] = direction
            w += lr.reshape(()) * direction

        tables = [
            param,
            m.reshape(param.shape),
            v.reshape(-1) if v.size == len(param) else v.reshape(param.shape),
        ]
        update_rows(xp, indices, tables, [grad, places], step)
        return outputs[: self.n_outputs]

    def begin(self, iteration):
        self.t = iteration.item() + 1
        self.correction = _correction(iteration, self.beta1, self.beta2)


@kernel(SPARSE_ADAM)
class SparseAdam(_Rows):
    def begin(self, iteration):
        super().begin(iteration)
        self.adaptive = True
        if self.rectified:
            self._rectify(self.t)

    def _rectify(self, t):
        most, decayed = 2 / (1 - self.beta2) - 1, self.beta2**t
        now = most - 2 * t * decayed / (1 - decayed)
        self.adaptive = now >= 5
        if self.adaptive:
            self.correction *= math.sqrt(
                (now - 4) * (now - 2) * most / ((most - 4) * (most - 2) * now)
            )
        else:
            self.correction = 1 / (1 - self.beta1**t)

    def direction(self, m, v, g):
        scratch = self.xp.empty_like(m)
        _move(self.xp, m, v, g, scratch, self.beta1, self.beta2)
        if not self.adaptive:
            return m * self.correction
        return _direction(self.xp, m, v, self.epsilon, self.correction, scratch)


@kernel(ROW_WISE_SPARSE_ADAM)
class RowWiseSparseAdam(_Rows):
    def direction(self, m, v, g):
        m *= self.beta1
        m += g * (1 - self.beta1)
        v *= self.beta2
        v += self.xp.mean(g * g, axis=1, keepdims=True) * (1 - self.beta2)
        return m * self.correction / (self.xp.sqrt(v) + self.epsilon)


@kernel(SMART_DECAY_SPARSE_ADAM)
def smart_decay_sparse_adam(
    xp, param, m, v, last_seen, indices, grad, lr, iteration, *, beta1, beta2, epsilon, out=None
):
    outputs = param, m, v, last_seen = begun(xp, out, 4, param, m, v, last_seen)
    t = iteration.item() + 1

    def step(w, m, v, seen, g):
        k = (t - seen).astype(w.dtype)
        missed = m * (beta1 * (1 - beta1 ** xp.maximum(k - 1, 0)) / (1 - beta1))
        m[...] = m * beta1**k + g * (1 - beta1)
        v[...] = v * beta2**k + g * g * (1 - beta2)
        w += lr.reshape(()) * (m + missed) / (xp.sqrt(v) + epsilon)
        seen.fill(t)

    tables = [param, m.reshape(param.shape), v.reshape(param.shape), last_seen.reshape(-1)]
    update_rows(xp, indices, tables, [grad], step)
    return outputs


def _by_hand(t, beta1=0.9, beta2=0.999, epsilon=1e-5, mean_square=None):
    """New m, v and d of one number."""

    def step(m, v, g):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * (g**2 if mean_square is None else mean_square)
        return m, v, m / (1 - beta1**t) / (v**0.5 + epsilon) * (1 - beta2**t) ** 0.5

    return step


_ARGS = [(0, {}), (7, {"beta1": 0.7, "beta2": 0.8, "epsilon": 0.1})]
_NAMES = ("output_param", "output_moment_1", "output_moment_2", "output_grad")


@cases(ADAM)
def adam_cases(rng):
    for iteration, args in _ARGS:
        for shape in SHAPES:
            param, m, grad = vectors(rng, shape, 3)
            v = squares(rng, shape)
            new_m, new_v, d = by_element(_by_hand(iteration + 1, **args), m, v, grad)
            inputs = {"param": param, "moment_1": m, "moment_2": v, "grad": grad,
                      "lr": np.array([-0.1]), "iter": np.array([iteration])}  # fmt: skip
            results = (param - 0.1 * d, new_m, new_v, d)
            for n in (3, 4):
                yield Case(inputs, args, expect=dict(zip(_NAMES[:n], results)), outputs=n)


def _sparse_inputs(rng, param, indices, grad, iteration, per_row=False):
    m = rng.standard_normal(param.shape)
    v = squares(rng, param.shape[:1] if per_row else param.shape)
    return {"param": param, "moment_1": m, "moment_2": v, "indices": indices, "grad": grad,
            "lr": np.array([-0.1]), "iter": np.array([iteration])}  # fmt: skip


@cases(SPARSE_ADAM)
def sparse_adam_cases(rng):
    for param, indices, grad in tables(rng):
        for iteration, args in _ARGS:
            inputs = _sparse_inputs(rng, param, indices, grad, iteration)
            w, m, v = (inputs[n].copy() for n in ("param", "moment_1", "moment_2"))
            steps = []
            for i, g in row_by_row(indices, grad, param.shape[1:]):
                m[i], v[i], d = by_element(_by_hand(iteration + 1, **args), m[i], v[i], g)
                w[i] -= 0.1 * d
                steps.append(d)
            results = (w, m, v, np.array(steps).reshape(grad.shape))
            for n in (3, 4):
                yield Case(inputs, args, expect=dict(zip(_NAMES[:n], results)), outputs=n)
    yield from _rectified_cases(rng)


def _rectified_cases(rng):
    """beta2 = 0.8: at most 9 degrees of freedom; 5 are reached at t = 8."""
    param, g = np.array([[1.0, 2.0]]), np.array([[0.5, -0.5]])
    for t, variance_known in [(3, False), (20, True)]:
        inputs = _sparse_inputs(rng, param, np.array([0]), g, t - 1)
        m = 0.9 * inputs["moment_1"] + 0.1 * g
        v = 0.8 * inputs["moment_2"] + 0.2 * g**2
        d = m / (1 - 0.9**t)
        if variance_known:
            free = 9 - 2 * t / (0.8**-t - 1)
            d *= np.sqrt((1 - 0.8**t) * (free - 4) / 5 * (free - 2) / 7 * 9 / free) / (
                np.sqrt(v) + 1e-5
            )
        results = dict(zip(_NAMES, (param - 0.1 * d, m, v, d)))
        yield Case(
            inputs, {"beta2": 0.8, "enableRAdam": 1}, expect=results, outputs=4, id=f"rectified-{t}"
        )


@cases(ROW_WISE_SPARSE_ADAM)
def row_wise_sparse_adam_cases(rng):
    for param, indices, grad in tables(rng):
        for iteration, args in _ARGS:
            inputs = _sparse_inputs(rng, param, indices, grad, iteration, per_row=True)
            w, m, v = (inputs[n].copy() for n in ("param", "moment_1", "moment_2"))
            steps = []
            for i, g in row_by_row(indices, grad, param.shape[1:]):
                by_hand = _by_hand(iteration + 1, **args, mean_square=np.mean(g**2))
                m[i], rows_v, d = by_element(by_hand, m[i], np.full(m[i].shape, v[i]), g)
                v[i] = rows_v.ravel()[0]
                w[i] -= 0.1 * d
                steps.append(d)
            results = (w, m, v, np.array(steps).reshape(grad.shape))
            for n in (3, 4):
                yield Case(inputs, args, expect=dict(zip(_NAMES[:n], results)), outputs=n)


@cases(SMART_DECAY_SPARSE_ADAM)
def smart_decay_sparse_adam_cases(rng):
    for param, indices, grad in tables(rng):
        inputs = _sparse_inputs(rng, param, indices, grad, 9)
        seen = np.array([0, 9, 4, 7, 2])[: len(param)]
        w, m, v, last = (x.copy() for x in (param, inputs["moment_1"], inputs["moment_2"], seen))
        for i, g in row_by_row(indices, grad, param.shape[1:]):
            missed = 0.0 * m[i]
            for _ in range(10 - last[i]):  # one iteration after the other, without gradients
                m[i], v[i] = 0.9 * m[i], 0.999 * v[i]
                missed += m[i]
            missed -= m[i] if last[i] < 10 else 0
            m[i], v[i], last[i] = m[i] + 0.1 * g, v[i] + 0.001 * g**2, 10
            w[i] -= 0.1 * (m[i] + missed) / (np.sqrt(v[i]) + 1e-5)
        results = dict(zip((*_NAMES[:3], "output_last_seen"), (w, m, v, last)))
        yield Case({**inputs, "last_seen": seen}, expect=results)
