"""Convolution by its definition, one output position at a time: what the kernels are tested against."""

from itertools import product

import numpy as np

from c2.registry import Case

# Per case: group, kernel, stride, dilation, (head, tail), with entries for up to three axes.
GEOMETRIES = [
    (1, (1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 0)),
    (1, (3, 2, 2), (1, 1, 1), (1, 1, 1), (1, 1)),
    (2, (2, 3, 1), (2, 1, 2), (1, 2, 1), (1, 0)),
    (4, (3, 3, 2), (2, 2, 1), (1, 1, 1), (0, 2)),
    (1, (1, 1, 1), (2, 2, 2), (1, 1, 1), (0, 0)),
]
SIZES = (5, 6, 5)


def direct_conv(X, W, b=None, *, stride, dilation, head, tail, group):
    """Convolution of X (N, C, ...) with W (M, C / group, ...)."""
    rank, kernel = X.ndim - 2, W.shape[2:]
    padded = np.pad(X, [(0, 0), (0, 0), *zip(head, tail)])
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    sizes = [(p - e) // s + 1 for p, e, s in zip(padded.shape[2:], spans, stride)]
    Y = np.zeros((len(X), len(W), *sizes))
    depth, results = W.shape[1], len(W) // group
    for at in product(*map(range, sizes)):
        taps = tuple(slice(o * s, o * s + e, d) for o, s, e, d in zip(at, stride, spans, dilation))
        for g in range(group):
            ours = slice(g * results, (g + 1) * results)
            patch = padded[(slice(None), slice(g * depth, (g + 1) * depth), *taps)]
            Y[(slice(None), ours, *at)] = np.einsum(
                "nx,mx->nm", patch.reshape(len(X), -1), W[ours].reshape(results, -1)
            )
    return Y if b is None else Y + b.reshape(-1, *(1,) * rank)


def direct_gradients(X, W, dY, **geometry):
    """dX, dW of sum(Y * dY): the convolution is linear in each, so basis vectors give the entries."""
    dX, dW = np.zeros(X.shape), np.zeros(W.shape)
    for index in np.ndindex(*X.shape[1:]):
        basis = np.zeros((1, *X.shape[1:]))
        basis[(0, *index)] = 1
        response = direct_conv(basis, W, **geometry)[0]
        dX[(slice(None), *index)] = np.tensordot(dY, response, response.ndim)
    for index in np.ndindex(*W.shape):
        basis = np.zeros(W.shape)
        basis[index] = 1
        dW[index] = np.sum(direct_conv(X, basis, **geometry) * dY)
    return dX, dW


def channels_last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


def examples(rng, ranks, geometries=GEOMETRIES, batch=2):
    """Random X, W, b with the geometry of their convolution, and the arguments that say it."""
    for rank in ranks:
        for group, kernel, stride, dilation, (head, tail) in geometries:
            kernel, stride, dilation = (v[:rank] for v in (kernel, stride, dilation))
            X = rng.standard_normal((batch, 4, *SIZES[:rank]))
            W = rng.standard_normal((4, 4 // group, *kernel))
            geometry = {
                "stride": stride, "dilation": dilation, "head": (head,) * rank, "tail": (tail,) * rank, "group": group,
            }  # fmt: skip
            args = {
                "kernels": list(kernel), "strides": list(stride), "dilations": list(dilation),
                "pads": [head] * rank + [tail] * rank, "group": group,
            }  # fmt: skip
            yield X, W, rng.standard_normal(4), geometry, args


def conv_cases(rng, ranks):
    for X, W, b, geometry, args in examples(rng, ranks):
        Y = direct_conv(X, W, b, **geometry)
        yield Case({"X": X, "filter": W, "bias": b}, args, {"Y": Y})
        last = {"X": channels_last(X), "filter": channels_last(W)}
        Y = direct_conv(X, W, **geometry)
        yield Case(last, {**args, "order": "NHWC"}, {"Y": channels_last(Y)})
    yield from _argument_cases(rng, ranks[0])


def _argument_cases(rng, rank):
    """The other ways to say a window, pads that crop, and batches of none and of one image."""
    X, W = rng.standard_normal((1, 2, *SIZES[:rank])), rng.standard_normal((3, 2, *(3,) * rank))

    def expected(X, head=0, tail=0, stride=1, dilation=1):
        geometry = {"head": (head,) * rank, "tail": (tail,) * rank, "group": 1}
        return direct_conv(X, W, stride=(stride,) * rank, dilation=(dilation,) * rank, **geometry)

    for args, Y in [
        ({"kernel": 3, "pad": 1, "stride": 2}, expected(X, 1, 1, 2)),
        ({"kernel": 3, "pad": 2, "dilation": 2}, expected(X, 2, 2, 1, 2)),
        ({"kernel": 3, "legacy_pad": 1}, expected(X)),
        ({"kernel": 3, "legacy_pad": 2}, expected(X, 1, 1)),
        (
            {"kernel": 3, "pads": [-1] * rank + [1] * rank},
            expected(X[(..., *(slice(1, None),) * rank)], 0, 1),
        ),
    ]:
        yield Case({"X": X, "filter": W}, args, {"Y": Y})
    none = np.zeros((0, 3, *(s - 2 for s in SIZES[:rank])))
    yield Case({"X": X[:0], "filter": W}, {"kernel": 3}, {"Y": none})
