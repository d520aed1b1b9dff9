"""CrossEntropy of probabilities with soft labels, LabelCrossEntropy with class numbers, and their gradients."""

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.ops.loss.labels import check_labels, check_probabilities, least_probability
from c2.ops.rules import equal, rank, same_dtype
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

X = Tensor(
    "X", "probabilities, (N, ...) flattened to (N, D); one axis alone is one example (D,)", FLOAT
)
SOFT = Tensor("label", "probabilities (N, D); dtype of X", FLOAT)
HARD = Tensor("label", "class numbers (N,) or (N, 1)", INDEX)
Y = Tensor("Y", "(N,); dtype of X")


def _batch(shape):
    return as_matrix(shape, 1) if len(shape) > 1 else (1, shape[0])


def _check_soft(X, label):
    require(X.ndim > 0, "X must have one axis or more", "1 or more", 0)
    same_dtype(X=X, label=label)
    rank("label", label, 1, 2)
    N, D = _batch(X.shape)
    equal("label must have one row per example", N, label.shape[0])
    equal("label must have one element per probability", N * D, label.size)


def _check_hard(X, label):
    require(X.ndim > 0, "X must have one axis or more", "1 or more", 0)
    N = _batch(X.shape)[0]
    equal("label must be (N,) or (N, 1) of X", (N,) if label.ndim != 2 else (N, 1), label.shape)


def _infer(check):
    def infer(X, label):
        check(X, label)
        return TensorSpec((_batch(X.shape)[0],), X.dtype)

    return infer


def _infer_gradient(check):
    def infer(X, label, dY):
        check(X, label)
        same_dtype(X=X, dY=dY)
        equal("dY must have one element per example", (_batch(X.shape)[0],), dY.shape)
        return TensorSpec(X.shape, X.dtype)

    return infer


def _gradient_schema(type_, label, check, doc):
    return OpSchema(
        f"{type_}Gradient",
        doc=doc,
        inputs=[X, label, Tensor("dY", "(N,); dtype of X", FLOAT)],
        outputs=[Tensor("dX", "shape and dtype of X")],
        infer=_infer_gradient(check),
        gradient=NoGradient.FORBIDDEN,
    )


CROSS_ENTROPY = OpSchema(
    "CrossEntropy",
    doc="""Y[n] = -sum_d label[n, d] * log max(X[n, d], 1e-20).

    Labels must be in [0, 1]; that they sum to 1 is not asked for. Differs from Caffe2: a label of one axis must have
    an element for each probability, where Caffe2 reads past its end.
    """,
    inputs=[X, SOFT],
    outputs=[Y],
    infer=_infer(_check_soft),
    cost=lambda X, label: 3 * X.size,
)
CROSS_ENTROPY_GRADIENT = _gradient_schema(
    "CrossEntropy", SOFT, _check_soft, "dX[n, d] = -dY[n] * label[n, d] / max(X[n, d], 1e-20)."
)
LABEL_CROSS_ENTROPY = OpSchema(
    "LabelCrossEntropy",
    doc="""Y[n] = -log max(X[n, label[n]], 1e-20).

    A label outside [0, D) is an error. Differs from Caffe2: labels may be int64 too.
    """,
    inputs=[X, HARD],
    outputs=[Y],
    infer=_infer(_check_hard),
    cost=lambda X, label: label.size,
)
LABEL_CROSS_ENTROPY_GRADIENT = _gradient_schema(
    "LabelCrossEntropy",
    HARD,
    _check_hard,
    "dX[n, label[n]] = -dY[n] / max(X[n, label[n]], 1e-20), the others 0.",
)


@kernel(CROSS_ENTROPY)
class CrossEntropy:
    def __init__(self, xp, X, label):
        self.xp = xp
        self.terms = xp.empty(_batch(X.shape), X.dtype)

    def __call__(self, X, label, out=None):
        xp, terms = self.xp, self.terms
        check_probabilities(label)
        xp.maximum(X.reshape(terms.shape), least_probability(X.dtype), out=terms)
        xp.log(terms, out=terms)
        xp.multiply(terms, label.reshape(terms.shape), out=terms)
        Y = xp.sum(terms, axis=1, out=out)
        return xp.negative(Y, out=Y)


@kernel(CROSS_ENTROPY_GRADIENT)
def cross_entropy_gradient(xp, X, label, dY, *, out=None):
    if out is None:
        out = xp.empty(X.shape, X.dtype)
    dX = out.reshape(_batch(X.shape))
    xp.maximum(X.reshape(dX.shape), least_probability(X.dtype), out=dX)
    xp.divide(label.reshape(dX.shape), dX, out=dX)
    xp.multiply(dX, -dY[:, None], out=dX)
    return out


@kernel(LABEL_CROSS_ENTROPY)
def label_cross_entropy(xp, X, label, *, out=None):
    Y = xp.log(_chosen(xp, X, label), out=out)
    return xp.negative(Y, out=Y)


@kernel(LABEL_CROSS_ENTROPY_GRADIENT)
def label_cross_entropy_gradient(xp, X, label, dY, *, out=None):
    if out is None:
        out = xp.empty(X.shape, X.dtype)
    out.fill(0)
    dX = out.reshape(_batch(X.shape))
    dX[xp.arange(len(dX)), label.reshape(-1)] = -dY / _chosen(xp, X, label)
    return out


def _chosen(xp, X, label):
    """The probability of the label of each example, 1e-20 at least."""
    N, D = _batch(X.shape)
    check_labels(label, D)
    return xp.maximum(X.reshape(N, D)[xp.arange(N), label.reshape(-1)], least_probability(X.dtype))


@gradient(CROSS_ENTROPY, LABEL_CROSS_ENTROPY)
def cross_entropy_gradient_maker(g):
    return [g.op(f"{g.op_def.type}Gradient", [g.I("X"), g.I("label"), g.GO("Y")], [g.GI("X")])]


def _batches(rng):
    """(X, class numbers)."""
    for shape in [(3, 4), (5,), (2, 3, 2), (1, 2), (0, 3)]:
        N, D = _batch(shape)
        probabilities = rng.uniform(0.05, 1, shape)
        yield probabilities, rng.integers(0, D, N).astype(np.int32)


@cases(LABEL_CROSS_ENTROPY)
def label_cross_entropy_cases(rng):
    for x, label in _batches(rng):
        expected = np.array(
            [np.log(1 / row[k]) for row, k in zip(x.reshape(_batch(x.shape)), label)]
        )
        yield Case({"X": x, "label": label}, expect={"Y": expected})
        yield Case({"X": x, "label": label[:, None].astype(np.int64)}, expect={"Y": expected})
    impossible = {"X": np.array([[0.0, 1.0]]), "label": np.array([0])}
    yield Case(impossible, expect={"Y": np.array([20 * np.log(10)])}, grad=(), id="log of zero")


@cases(LABEL_CROSS_ENTROPY_GRADIENT)
def label_cross_entropy_gradient_cases(rng):
    for x, label in _batches(rng):
        dY = rng.standard_normal(len(label))
        one_hot = np.equal.outer(label, np.arange(_batch(x.shape)[1])).reshape(x.shape)
        dX = np.where(one_hot, -1 / x, 0) * dY.reshape(dY.shape + (1,) * (x.ndim - 1))
        yield Case({"X": x, "label": label, "dY": dY}, expect={"dX": dX})


@cases(CROSS_ENTROPY)
def cross_entropy_cases(rng):
    for x, _ in _batches(rng):
        N, D = _batch(x.shape)
        soft = rng.uniform(0, 1, (N, D))
        expected = np.array([-(s @ np.log(row)) for s, row in zip(soft, x.reshape(N, D))])
        yield Case({"X": x, "label": soft}, expect={"Y": expected}, grad=["X"])
    impossible = {"X": np.array([[0.0, 1.0]]), "label": np.array([[0.5, 0.5]])}
    yield Case(impossible, expect={"Y": np.array([10 * np.log(10)])}, grad=(), id="log of zero")


@cases(CROSS_ENTROPY_GRADIENT)
def cross_entropy_gradient_cases(rng):
    for x, _ in _batches(rng):
        N, D = _batch(x.shape)
        soft, dY = rng.uniform(0, 1, (N, D)), rng.standard_normal(N)
        dX = -np.diag(dY) @ (soft * x.reshape(N, D) ** -1)
        yield Case({"X": x, "label": soft, "dY": dY}, expect={"dX": dX.reshape(x.shape)})
