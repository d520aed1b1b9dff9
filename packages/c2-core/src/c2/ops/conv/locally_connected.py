"""LC, LC1D, LC2D and LC3D: convolution with filters of its own at every position; with gradients."""

from functools import partial
from math import prod

import numpy as np

from c2.ops.conv.columns import Columns
from c2.ops.conv.conv import GROUP, NO_INPUT_GRADIENT, conv_gradient_maker
from c2.ops.conv.conv_gradient import NO_BIAS, allocate
from c2.ops.conv.direct import direct_conv
from c2.ops.conv.geometry import (
    ORDER,
    WINDOW_ARGS,
    channel_axis,
    image_shape,
    is_channels_last,
    resolve_window,
    spatial,
)
from c2.ops.conv.scratch import Scratch
from c2.registry import Case, NoGradient, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.spec import FLOAT

DOC = """Y[n, m, o] = b[o, m] + sum over c, t of W[o, m, c, t] * X[n, c, o * stride + t * dilation - pad].

As Conv, with filters and a bias of its own at every output position o. See Conv for the arguments. A batch of no
images gives no images.

Source: LeCun, "Generalization and network design strategies", 1989.

Differs from Caffe2: groups, where Caffe2 reads foreign memory or crashes; any number of spatial axes in NHWC order;
float16 and float64 too.
"""


def infer_lc(X, W, b=None, *, order, group, no_gradient_to_input=False, **window):
    found = _check_filter(X, W, order, group, window)
    M = W.shape[len(found.outputs)]
    if b is not None:
        require(
            b.shape == (*found.outputs, M),
            "bias must be (...outputs, M)",
            (*found.outputs, M),
            b.shape,
        )
        require(b.dtype == X.dtype, "bias and X must have one dtype", X.dtype, b.dtype)
    return TensorSpec(image_shape(X.shape[0], M, found.outputs, order), X.dtype)


def _check_filter(X, W, order, group, window):
    require(
        X.ndim >= 3,
        "X must have axes for the batch, the channels and space",
        "3 axes or more",
        X.ndim,
    )
    require(W.dtype == X.dtype, "filter and X must have one dtype", X.dtype, W.dtype)
    require(
        prod(X.shape[1:]) > 0,
        "X must have channels and elements in every image",
        "sizes >= 1",
        X.shape[1:],
    )
    found = resolve_window(spatial(X.shape, order), **window)
    rank, C = len(found.outputs), X.shape[channel_axis(order, X.ndim)]
    require(C % group == 0, "channels must be a multiple of group", f"k * {group}", C)
    require(
        W.ndim == 2 * rank + 2,
        "filter must have two axes per spatial axis, and two",
        2 * rank + 2,
        W.ndim,
    )
    M = W.shape[rank]
    require(M % group == 0, f"filter.shape[{rank}] must be a multiple of group", f"k * {group}", M)
    shape = (*found.outputs, *image_shape(M, C // group, found.kernel, order))
    require(
        W.shape == shape,
        "filter must be (...outputs, M, C / group, ...kernel) in the order of X",
        shape,
        W.shape,
    )
    return found


def infer_lc_gradient(X, W, dY, *, order, group, no_bias, n_outputs, **args):
    Y = infer_lc(X, W, order=order, group=group, **args)
    require(dY.shape == Y.shape, "dY must have the shape of LC's output", Y.shape, dY.shape)
    require(dY.dtype == X.dtype, "dY and X must have one dtype", X.dtype, dY.dtype)
    return _gradient_specs(X, W, no_bias, n_outputs)


def _gradient_specs(X, W, no_bias, n_outputs):
    rank = X.ndim - 2
    specs = (W, X) if no_bias else (W, TensorSpec(W.shape[: rank + 1], W.dtype), X)
    require(
        n_outputs <= len(specs),
        "no_bias=1 leaves the outputs dW and dX",
        "at most 2 outputs",
        n_outputs,
    )
    return tuple(TensorSpec(s.shape, s.dtype) for s in specs)


class _Positions:
    """Windows and results as matrices per position and group: (P, G, K, N) and (P, G, M / G, N)."""

    def __init__(self, xp, X, W, order, group, window):
        self.xp, self.group, self.last = xp, group, is_channels_last(order)
        found = resolve_window(spatial(X.shape, order), **window)
        self.rank, self.rows = len(found.outputs), slice(0, found.outputs[0])
        self.positions, self.results = prod(found.outputs), W.shape[self.rank]
        self.columns = Columns(xp, X.shape, X.dtype, found, group, self.last, limit=1 << 62)
        self.scratch = Scratch(xp, X.dtype)

    def _to_front(self, windows):
        """Windows as Columns gives them, with the positions in front and the batch last."""
        n = self.rank
        if self.last:  # (N, outputs, G, kernel, C / G)
            return self.xp.moveaxis(windows, 0, -1)
        return windows.transpose(
            *range(2 + n, 2 + 2 * n), 1, *range(2, 2 + n), 0
        )  # from (N, C, kernel, outputs)

    def _to_back(self, held):
        """What `_to_front` gives, in the axes of the windows again."""
        n = self.rank
        if self.last:
            return self.xp.moveaxis(held, -1, 0)
        return held.transpose(2 * n + 1, n, *range(n + 1, 2 * n + 1), *range(n))

    def gather(self, X):
        windows = self._to_front(self.columns.windows(self.columns.stage(X), self.rows))
        held = self.scratch("columns", windows.shape)
        self.xp.copyto(held, windows)
        return self._matrix(held)

    def _matrix(self, held):
        return held.reshape(self.positions, self.group, -1, held.shape[-1])

    def scatter(self, multiply, dX):
        """Adds to dX the columns that `multiply` writes into the matrices it is given."""
        target = self.columns.blank(dX)
        windows = self.columns.windows(target, self.rows)
        held = self.scratch("columns", self._to_front(windows).shape)
        multiply(self._matrix(held))
        self.columns.add_windows(self._to_back(held), target, self.rows)
        self.columns.unstage(target, dX)

    def results_of(self, Y):
        """A view of Y as (P, G, M / G, N)."""
        N, per_group = len(Y), self.results // self.group
        if self.last:
            return Y.reshape(N, self.positions, self.group, per_group).transpose(1, 2, 3, 0)
        return Y.reshape(N, self.group, per_group, self.positions).transpose(3, 1, 2, 0)

    def filters(self, W):
        return W.reshape(self.positions, self.group, self.results // self.group, -1)


class LC(_Positions):
    def __init__(self, xp, X, W, b=None, *, order, group, no_gradient_to_input=False, **window):
        super().__init__(xp, X, W, order, group, window)
        self.spec = infer_lc(X, W, order=order, group=group, **window)

    def __call__(self, X, W, b=None, out=None):
        Y = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        if len(X):
            y = self.results_of(Y)
            self.xp.copyto(y, self.xp.matmul(self.filters(W), self.gather(X)))
            if b is not None:
                self.xp.add(y, b.reshape(self.positions, self.group, -1, 1), out=y)
        return Y


class LCGradient(_Positions):
    def __init__(
        self,
        xp,
        X,
        W,
        dY,
        *,
        order,
        group,
        no_bias,
        n_outputs,
        no_gradient_to_input=False,
        **window,
    ):
        super().__init__(xp, X, W, order, group, window)
        self.specs, self.no_bias, self.n_outputs = (
            _gradient_specs(X, W, no_bias, n_outputs),
            no_bias,
            n_outputs,
        )

    def __call__(self, X, W, dY, out=None):
        xp, found = self.xp, allocate(self.xp, self.specs, self.n_outputs, out)
        rest = list(found[1:])
        if not len(X):
            for array in found:
                array[...] = 0
            return found
        dy = xp.ascontiguousarray(self.results_of(dY))
        if not self.no_bias and rest:
            xp.sum(dy, axis=3, out=rest.pop(0).reshape(self.positions, self.group, -1))
        xp.matmul(dy, self.gather(X).swapaxes(-1, -2), out=self.filters(found[0]))
        if rest:
            transposed = self.filters(W).swapaxes(-1, -2)
            self.scatter(lambda columns: xp.matmul(transposed, dy, out=columns), rest[0])
        return found


def _examples(rng, ranks):
    """X, W, b, Y and dY -> dX, dW, db, one output position at a time by a convolution of its window."""
    for rank in ranks:
        for group, stride, head, tail in [(1, 1, 1, 0), (2, 2, 0, 1)]:
            X = rng.standard_normal((2, 4, *(4, 3, 3)[:rank]))
            kernel = (2, 3, 1)[:rank]
            outputs = tuple(
                (s + head + tail - k) // stride + 1 for s, k in zip(X.shape[2:], kernel)
            )
            W, b = (
                rng.standard_normal((*outputs, 2, 4 // group, *kernel)),
                rng.standard_normal((*outputs, 2)),
            )
            geometry = {
                "stride": (stride,) * rank, "dilation": (1,) * rank, "head": (head,) * rank, "tail": (tail,) * rank,
                "group": group,
            }  # fmt: skip
            args = {
                "kernels": list(kernel), "strides": [stride] * rank, "pads": [head] * rank + [tail] * rank,
                "group": group,
            }  # fmt: skip
            yield X, W, b, geometry, args


def _direct(X, W, geometry):
    rank = X.ndim - 2
    Y = np.zeros((len(X), W.shape[rank], *W.shape[:rank]))
    for at in np.ndindex(*W.shape[:rank]):
        Y[(..., *at)] = direct_conv(X, W[at], **geometry)[(..., *at)]
    return Y


def _direct_gradients(X, W, dY, geometry):
    """The operator is linear in X and in W: unit vectors give the entries."""
    dX, dW, rank = np.zeros(X.shape), np.zeros(W.shape), X.ndim - 2
    for index in np.ndindex(*X.shape[1:]):
        unit = np.zeros((1, *X.shape[1:]))
        unit[(0, *index)] = 1
        dX[(slice(None), *index)] = np.tensordot(dY, _direct(unit, W, geometry)[0], rank + 1)
    for at in np.ndindex(*W.shape[:rank]):
        for index in np.ndindex(*W.shape[rank:]):
            unit = np.zeros(W.shape[rank:])
            unit[index] = 1
            dW[(*at, *index)] = np.sum(
                direct_conv(X, unit, **geometry)[(..., *at)] * dY[(..., *at)]
            )
    return dX, dW


def _last(array, axis=1):
    return np.ascontiguousarray(np.moveaxis(array, axis, -1))


def lc_cases(rng, ranks):
    for X, W, b, geometry, args in _examples(rng, ranks):
        rank, Y = X.ndim - 2, _direct(X, W, geometry)
        biased = Y + np.moveaxis(b, -1, 0)
        yield Case({"X": X, "filter": W, "bias": b}, args, {"Y": biased})
        last = {"X": _last(X), "filter": _last(W, rank + 1)}
        yield Case(last, {**args, "order": "NHWC"}, {"Y": _last(Y)})
    yield Case({"X": X[:0], "filter": W}, args, {"Y": Y[:0]})


def lc_gradient_cases(rng, ranks):
    for X, W, _, geometry, args in _examples(rng, ranks[:2]):
        rank, dY = X.ndim - 2, rng.standard_normal(_direct(X, W, geometry).shape)
        dX, dW = _direct_gradients(X, W, dY, geometry)
        db = np.moveaxis(dY.sum(0), 0, -1)
        inputs = {"X": X, "filter": W, "dY": dY}
        yield Case(inputs, args, {"dfilter": dW, "dbias_or_dX": db, "dX": dX})
        last = {"X": _last(X), "filter": _last(W, rank + 1), "dY": _last(dY)}
        expected = {"dfilter": _last(dW, rank + 1), "dbias_or_dX": _last(dX)}
        yield Case(last, {**args, "order": "NHWC", "no_bias": 1}, expected, outputs=2)
    yield Case({**inputs, "X": X[:0], "dY": dY[:0]}, args, {"dfilter": 0 * W}, outputs=1)


def _operators(type_, ranks):
    filters = Tensor(
        "filter",
        "W, (...outputs, M, C / group, ...kernel), or (...outputs, M, ...kernel, C / group)",
        FLOAT,
    )
    X = Tensor("X", "images (N, C, ...), or (N, ..., C) with order NHWC", FLOAT)
    args = [*WINDOW_ARGS, GROUP, ORDER, NO_INPUT_GRADIENT]
    forward = OpSchema(
        type_, doc=DOC, inputs=[X, filters, Tensor("bias", "b, (...outputs, M)", FLOAT, optional=True)],
        outputs=[Tensor("Y", "(N, M, ...), or (N, ..., M)")], args=args, infer=infer_lc,
    )  # fmt: skip
    backward = OpSchema(
        f"{type_}Gradient",
        doc="""Per position: dW = dY * columns(X)^T, db = sum of dY over the batch, dX = images(W^T * dY).

        Outputs dW, db, dX, or with no_bias=1 dW, dX; dX may be left out.
        """,
        inputs=[X, filters, Tensor("dY", "gradient of the output", FLOAT)],
        outputs=[
            Tensor("dfilter", "dW, shape of filter"),
            Tensor("dbias_or_dX", "db, (...outputs, M); with no_bias=1 dX, shape of X", optional=True),
            Tensor("dX", "shape of X", optional=True),
        ],
        args=[*args, NO_BIAS], infer=infer_lc_gradient, gradient=NoGradient.FORBIDDEN,
    )  # fmt: skip
    return [
        Operator(forward, LC, conv_gradient_maker, partial(lc_cases, ranks=ranks)),
        Operator(backward, LCGradient, None, partial(lc_gradient_cases, ranks=ranks)),
    ]


LOCALLY_CONNECTED = [
    operator
    for type_, ranks in {"LC": (1, 2, 3), "LC1D": (1,), "LC2D": (2,), "LC3D": (3,)}.items()
    for operator in _operators(type_, ranks)
]
