"""HSoftmax, a softmax at each step down a tree of classes instead of one over all of them, and its gradient."""

import numpy as np
from google.protobuf.message import DecodeError

from c2.ops.loss.labels import least_probability
from c2.ops.rules import equal, rank, same_dtype
from c2.ops.softmax.softmax import normalise
from c2.proto.hsm import HierarchyProto
from c2.registry import (
    REQUIRED,
    Arg,
    Case,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    gradient,
    kernel,
    require,
)
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

HIERARCHY = Arg(
    "hierarchy", bytes, default=REQUIRED, doc="a serialized HierarchyProto: the path to each word"
)
X = Tensor("X", "(N, ...), flattened to (N, D); one axis alone is one example", FLOAT)
W = Tensor("W", "(R, D), rows of all nodes' weights; dtype of X", FLOAT)
b = Tensor("b", "(R,), their biases; dtype of X", FLOAT)
LABELS = Tensor("labels", "word of each example (N,)", INDEX)


def paths_of(hierarchy):
    """word -> [(first row of the node, its number of children, the child on the path)], from the root down."""
    message = HierarchyProto()
    try:
        message.ParseFromString(hierarchy)
    except DecodeError as error:
        require(False, "hierarchy must be a serialized HierarchyProto", "its bytes", str(error))
    return {p.word_id: [(n.index, n.length, n.target) for n in p.path_nodes] for p in message.paths}


def check_layers(X, W, b):
    """Rules between a batch and the stacked layers of a tree; gives (N, D)."""
    same_dtype(X=X, W=W, b=b)
    require(X.ndim > 0 and X.size > 0, "X must not be empty", "1 element or more", X.shape)
    N = X.shape[0] if X.ndim > 1 else 1
    require(W.ndim >= 2, "W must have two axes or more", "2 or more", W.ndim)
    equal("rows of W must have the length of an example", X.size // N, W.size // max(W.shape[0], 1))
    rank("b", b, 1)
    equal("b must have one element per row of W", W.shape[0], b.size)
    return N, X.size // N


def _steps(labels, paths):
    """[(example, first row, children, target)] down the paths of all labels, one example after the other."""
    unknown = sorted({int(word) for word in labels.tolist()} - set(paths))
    if unknown:
        raise ValueError(f"labels must be words of the hierarchy, which has no {unknown[:5]}")
    return [(n, *node) for n, word in enumerate(labels.tolist()) for node in paths[word]]


def _infer(X, W, b, labels, *, hierarchy):
    N, _ = check_layers(X, W, b)
    equal("labels must have one element per example", N, labels.size)
    paths = paths_of(hierarchy)
    if labels.value is None:
        return TensorSpec((N,), X.dtype), TensorSpec(None, X.dtype)
    size = sum(2 * step[2] for step in _steps(labels.value, paths))
    return TensorSpec((N,), X.dtype), TensorSpec((size,), X.dtype)


def _infer_gradient(X, W, b, labels, intermediate, dY, *, hierarchy):
    N, _ = check_layers(X, W, b)
    same_dtype(X=X, intermediate_output=intermediate, dY=dY)
    equal("dY must have one element per example", N, dY.size)
    return tuple(TensorSpec(s.shape, s.dtype) for s in (X, W, b, intermediate))


H_SOFTMAX = OpSchema(
    "HSoftmax",
    doc="""Y[n] = -sum over nodes on the path to labels[n] of log max(softmax(W_node X[n] + b_node)[child], 1e-20).

    Each node of the tree has rows of W and b, one per child. intermediate_output holds, for each step, what comes
    before and after the softmax, for the gradient. A label that is no word of the hierarchy is an error. Source: Morin
    & Bengio, "Hierarchical probabilistic neural network language model", 2005.
    """,
    inputs=[X, W, b, LABELS],
    outputs=[
        Tensor("Y", "(N,); dtype of X"),
        Tensor("intermediate_output", "one axis; dtype of X"),
    ],
    args=[HIERARCHY],
    infer=_infer,
    values=["labels"],
)

H_SOFTMAX_GRADIENT = OpSchema(
    "HSoftmaxGradient",
    doc="Gradients of HSoftmax by its intermediate output; rows of W and b that no label needs get 0.",
    inputs=[
        X,
        W,
        b,
        LABELS,
        Tensor("intermediate_output", "second output of HSoftmax", FLOAT),
        Tensor("dY", "(N,); dtype of X", FLOAT),
    ],
    outputs=[
        Tensor("dX", "shape of X"),
        Tensor("dW", "shape of W"),
        Tensor("db", "shape of b"),
        Tensor("dintermediate", "shape of intermediate_output"),
    ],
    args=[HIERARCHY],
    infer=_infer_gradient,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(H_SOFTMAX)
class HSoftmax:
    def __init__(self, xp, X, *specs, hierarchy):
        self.xp, self.N = xp, X.shape[0] if X.ndim > 1 else 1
        self.paths = paths_of(hierarchy)

    def __call__(self, X, W, b, labels, out=None):
        xp, steps = self.xp, _steps(labels.reshape(-1), self.paths)
        if out is None:
            out = xp.empty(self.N, X.dtype), xp.empty(sum(2 * s[2] for s in steps), X.dtype)
        Y, kept = out
        X, W = X.reshape(self.N, -1), W.reshape(len(W), -1)
        Y.fill(0)
        at = 0
        for n, first, length, target in steps:
            logits, P = kept[at : at + length], kept[at + length : at + 2 * length]
            rows = slice(first, first + length)
            logits[...] = W[rows] @ X[n] + b[rows]
            normalise(xp, logits, P, axis=0)
            Y[n] -= xp.log(xp.maximum(P[target], least_probability(P.dtype)))
            at += 2 * length
        return out


@kernel(H_SOFTMAX_GRADIENT)
class HSoftmaxGradient:
    def __init__(self, xp, X, *specs, hierarchy):
        self.xp, self.N = xp, X.shape[0] if X.ndim > 1 else 1
        self.paths = paths_of(hierarchy)

    def __call__(self, X, W, b, labels, kept, dY, out=None):
        xp = self.xp
        if out is None:
            out = tuple(xp.empty(a.shape, a.dtype) for a in (X, W, b, kept))
        for d in out:
            d.fill(0)
        dX, dW, db, dkept = out
        dX, dW = dX.reshape(self.N, -1), dW.reshape(len(W), -1)
        X, W, dY = X.reshape(dX.shape), W.reshape(dW.shape), dY.reshape(-1)
        at = 0
        for n, first, length, target in _steps(labels.reshape(-1), self.paths):
            middle, rows = at + length, slice(first, first + length)
            P = kept[middle : middle + length]
            dP, dlogits = dkept[middle : middle + length], dkept[at:middle]
            dP[target] = -dY[n] / xp.maximum(P[target], least_probability(P.dtype))
            dlogits[...] = P * (dP - P[target] * dP[target])
            dW[rows] += dlogits[:, None] * X[n]
            db[rows] += dlogits
            dX[n] += dlogits @ W[rows]
            at += 2 * length
        return out


@gradient(H_SOFTMAX)
def h_softmax_gradient_maker(g):
    """Caffe2 asks for a gradient of intermediate_output, which it overwrites; a name is made up where there is none."""
    inputs = [g.I("X"), g.I("W"), g.I("b"), g.I("labels"), g.O("intermediate_output"), g.GO("Y")]
    kept = (
        g.GO("intermediate_output")
        if g.has_GO("intermediate_output")
        else f"{g.O('intermediate_output')}_grad"
    )
    return [g.op("HSoftmaxGradient", inputs, [g.GI("X"), g.GI("W"), g.GI("b"), kept])]


def _hierarchy():
    """Words 5 and 6 beside a node with words 0, 1, 2: rows 0 to 2 are the root's, 3 to 5 the node's."""
    message = HierarchyProto(size=6)
    for word, path in {5: [(0, 3, 1)], 6: [(0, 3, 2)], 0: [(0, 3, 0), (3, 3, 0)], 1: [(0, 3, 0), (3, 3, 1)],
                       2: [(0, 3, 0), (3, 3, 2)]}.items():  # fmt: skip
        added = message.paths.add(word_id=word)
        for index, length, target in path:
            added.path_nodes.add(index=index, length=length, target=target)
    return message.SerializeToString()


def _batches(rng):
    """(X, W, b, labels, one-hot rows taken (N, R), softmax of both nodes (N, R), whether a node is visited (N, R))."""
    for shape, words in [((4, 3), [5, 0, 2, 6]), ((2, 2, 2), [1, 1]), ((4,), [2])]:
        D, labels = int(np.prod(shape[1:] if len(shape) > 1 else shape)), np.array(words, np.int32)
        X, W, b = rng.standard_normal(shape), rng.standard_normal((6, D)), rng.standard_normal(6)
        logits = np.exp(X.reshape(len(words), D) @ W.T + b).reshape(-1, 2, 3)
        P = (logits / logits.sum(2, keepdims=True)).reshape(-1, 6)
        deep = labels < 3
        taken = np.zeros(P.shape)
        taken[np.arange(len(words)), np.where(deep, 0, labels - 4)] = 1
        taken[deep, 3 + labels[deep]] = 1
        visited = np.repeat(np.stack([np.ones(len(words)), deep], 1), 3, 1)
        yield X, W, b, labels, taken, P, visited


def _kept(X, W, b, P, visited):
    logits = X.reshape(len(P), -1) @ W.T + b
    both = np.stack([logits.reshape(-1, 2, 3), P.reshape(-1, 2, 3)], 2)
    return np.concatenate([both[n, k].ravel() for n, k in zip(*np.nonzero(visited[:, ::3]))])


@cases(H_SOFTMAX)
def h_softmax_cases(rng):
    for X, W, b, labels, taken, P, visited in _batches(rng):
        inputs = {"X": X, "W": W, "b": b, "labels": labels}
        expect = {
            "Y": -(taken * np.log(P)).sum(1),
            "intermediate_output": _kept(X, W, b, P, visited),
        }
        yield Case(
            inputs, {"hierarchy": _hierarchy()}, expect=expect, grad=()
        )  # nothing flows from what is kept


@cases(H_SOFTMAX_GRADIENT)
def h_softmax_gradient_cases(rng):
    for X, W, b, labels, taken, P, visited in _batches(rng):
        dY = rng.standard_normal(len(labels))
        dlogits = dY[:, None] * (P * visited - taken)
        expect = {
            "dX": (dlogits @ W).reshape(X.shape),
            "dW": dlogits.T @ X.reshape(len(labels), -1),
            "db": dlogits.sum(0),
        }
        inputs = {"X": X, "W": W, "b": b, "labels": labels,
                  "intermediate_output": _kept(X, W, b, P, visited), "dY": dY}  # fmt: skip
        yield Case(inputs, {"hierarchy": _hierarchy()}, expect=expect, outputs=4)
