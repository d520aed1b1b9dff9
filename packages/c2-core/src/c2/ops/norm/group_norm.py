"""GroupNorm and InstanceNorm (one channel per group), with their gradients."""

from math import prod

import numpy as np

from c2.errors import GradientError
from c2.ops.conv.geometry import ORDER, channel_axis, is_channels_last, spatial
from c2.ops.norm.channels import BLOCK_BYTES, channels_of, require_per_channel
from c2.ops.norm.standardize import centre, standardize_gradient, standardized
from c2.registry import (
    Arg,
    Case,
    NoGradient,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    gradient,
    kernel,
    require,
)
from c2.registry.spec import FLOAT

EPSILON = Arg("epsilon", float, default=1e-5, minimum=0, doc="added to the variance")
GROUP = Arg(
    "group", int, default=32, minimum=1, doc="groups of channels that are normalized together"
)
IS_TEST = Arg("is_test", bool, default=True, doc="0: the moments must be outputs too")


def _channels(X, scale, bias, order):
    C = channels_of(X, order)
    require(prod(X.shape[1:]) > 0, "X must have elements in every image", "sizes >= 1", X.shape[1:])
    require_per_channel(C, X.dtype, scale=scale, bias=bias)
    return C


def infer_group_norm(X, gamma, beta, *, group, epsilon, order, is_test=True):
    C = _channels(X, gamma, beta, order)
    require(C % group == 0, "channels must be a multiple of group", f"k * {group}", C)
    moments = TensorSpec((X.shape[0], group), X.dtype)
    return TensorSpec(X.shape, X.dtype), moments, moments


def infer_instance_norm(X, scale, bias, *, epsilon, order):
    return infer_group_norm(
        X, scale, bias, group=_channels(X, scale, bias, order), epsilon=epsilon, order=order
    )


def _gradient_specs(X, dY, scale):
    require(dY.shape == X.shape, "dY must have the shape of X", X.shape, dY.shape)
    require(dY.dtype == X.dtype, "dY and X must have one dtype", X.dtype, dY.dtype)
    return tuple(TensorSpec(s.shape, s.dtype) for s in (X, scale, scale))


def infer_group_norm_gradient(
    dY, X, gamma, beta, mean, inv_std, *, group, epsilon, order, is_test=True
):
    _, moments, _ = infer_group_norm(X, gamma, beta, group=group, epsilon=epsilon, order=order)
    for name, spec in (("mean", mean), ("inv_std", inv_std)):
        require(
            spec.shape == moments.shape, f"{name} must be (N, group)", moments.shape, spec.shape
        )
    return _gradient_specs(X, dY, gamma)


def infer_instance_norm_gradient(X, scale, bias, dY, mean=None, inv_std=None, *, epsilon, order):
    moments = (X.shape[0], _channels(X, scale, bias, order))
    for name, spec in (("mean", mean), ("inv_std", inv_std)):
        require(
            spec is None or spec.shape == moments,
            f"{name} must be (N, C)",
            moments,
            spec and spec.shape,
        )
    return _gradient_specs(X, dY, scale)


def _grouped(X, group, order):
    """A view of the images as (N, G, C / G, P)."""
    N, C, positions = (
        X.shape[0],
        X.shape[channel_axis(order, X.ndim)],
        prod(spatial(X.shape, order)),
    )
    if is_channels_last(order):
        return X.reshape(N, positions, group, C // group).transpose(0, 2, 3, 1)
    return X.reshape(N, group, C // group, positions)


def _image_blocks(x):
    """Slices of the batch that stay in cache through several passes."""
    step = max(1, BLOCK_BYTES // max(1, x[:1].nbytes))
    return [slice(n, n + step) for n in range(0, len(x), step)]


def _normalize(xp, X, scale, bias, group, epsilon, order, Y):
    """Y, mean and inverse standard deviation per image and group."""
    x, y = _grouped(X, group, order), _grouped(Y, group, order)
    scale, bias = scale.reshape(group, -1, 1), bias.reshape(group, -1, 1)
    mean, r = xp.empty((len(x), group), x.dtype), xp.empty((len(x), group), x.dtype)
    for n in _image_blocks(x):
        mean[n], r[n] = centre(xp, x[n], epsilon, y[n])
        xp.multiply(y[n], r[n, :, None, None] * scale, out=y[n])
        xp.add(y[n], bias, out=y[n])
    return mean, r


def _normalize_gradient(xp, X, scale, dY, mean, r, order, out):
    if out is None:
        out = xp.empty_like(X), xp.empty_like(scale), xp.empty_like(scale)
    dX, dscale, dbias = out
    group = mean.shape[1]
    x, dy, dx = (_grouped(a, group, order) for a in (X, dY, dX))
    dscale[...], dbias[...] = 0, 0
    for n in _image_blocks(x):
        z = standardized(xp, x[n], mean[n], r[n], dx[n])
        dscale += xp.einsum("ngkp,ngkp->gk", dy[n], z).reshape(-1)
        dbias += xp.einsum("ngkp->gk", dy[n]).reshape(-1)
        standardize_gradient(xp, dy[n] * scale.reshape(group, -1, 1), z, r[n], dx[n])
    return dX, dscale, dbias


def _schema(type_, infer, names, args, **more):
    scale, bias, outputs = names
    return OpSchema(
        type_,
        inputs=[
            Tensor(outputs[0], "images (N, C, ...), or (N, ..., C) with order NHWC", FLOAT),
            Tensor(scale, "(C,)", FLOAT),
            Tensor(bias, "(C,)", FLOAT),
        ],
        outputs=[
            Tensor(outputs[1], "shape of X"),
            Tensor(outputs[2], "mean per image and group, (N, G)", optional=True),
            Tensor(
                outputs[3],
                "1 / sqrt(variance + epsilon) per image and group, (N, G)",
                optional=True,
            ),
        ],
        args=args,
        infer=infer,
        **more,
    )


def check_group_norm(n_inputs, n_outputs, args):
    if n_outputs not in (1, 3):
        return f"gives 1 output, or 3 with the moments, got {n_outputs}"
    return "is_test=0 gives 3 outputs" if not args["is_test"] and n_outputs != 3 else None


GROUP_NORM = _schema(
    "GroupNorm", infer_group_norm, ("gamma", "beta", ("X", "Y", "mean", "inv_std")), [GROUP, EPSILON, ORDER, IS_TEST],
    doc="""Y = gamma * (X - m) / sqrt(v + epsilon) + beta, m and v the moments of each image's groups of channels.

    m is the mean, v the biased variance. The groups are C / group neighbouring channels over all space; gamma and
    beta are per channel. A batch of no images gives no images and no moments.

    Source: Wu & He, "Group normalization", 2018.

    Differs from Caffe2: without images the moments are empty, (0, G); float16 and float64 are taken too.
    """,
    check=check_group_norm,
)  # fmt: skip

GROUP_NORM_GRADIENT = OpSchema(
    "GroupNormGradient",
    doc="""With Z = (X - mean) * inv_std and n elements per group: dgamma = sum of dY * Z, dbeta = sum of dY, per
    channel, and dX = inv_std * (D - sum(D) / n - Z * sum(D * Z) / n), D = gamma * dY, sums over the group.
    """,
    inputs=[
        Tensor("dY", "shape of X", FLOAT),
        Tensor("X", "what was normalized", FLOAT),
        Tensor("gamma", "(C,)", FLOAT),
        Tensor("beta", "(C,)", FLOAT),
        Tensor("mean", "(N, group)", FLOAT),
        Tensor("inv_std", "(N, group)", FLOAT),
    ],
    outputs=[Tensor("dX", "shape of X"), Tensor("dgamma", "(C,)"), Tensor("dbeta", "(C,)")],
    args=[GROUP, EPSILON, ORDER, IS_TEST],
    infer=infer_group_norm_gradient,
    gradient=NoGradient.FORBIDDEN,
)

INSTANCE_NORM = _schema(
    "InstanceNorm", infer_instance_norm,
    ("scale", "bias", ("input", "output", "saved_mean", "saved_inv_stdev")), [EPSILON, ORDER],
    doc="""output = scale * (input - m) / sqrt(v + epsilon) + bias, m and v the moments of each image's channels.

    m is the mean over space, v the biased variance. A batch of no images gives no images; one position per
    channel gives the bias.

    Source: Ulyanov, Vedaldi & Lempitsky, "Instance normalization", 2016.

    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inplace={"input": "output"},
)  # fmt: skip

INSTANCE_NORM_GRADIENT = OpSchema(
    "InstanceNormGradient",
    doc="""As GroupNormGradient with a group per channel. The moments are used where both are given, else computed.""",
    inputs=[
        Tensor("input", "what was normalized", FLOAT),
        Tensor("scale", "(C,)", FLOAT),
        Tensor("bias", "(C,)", FLOAT),
        Tensor("output_grad", "shape of input", FLOAT),
        Tensor("saved_mean", "(N, C)", FLOAT, optional=True),
        Tensor("saved_inv_stdev", "(N, C)", FLOAT, optional=True),
    ],
    outputs=[
        Tensor("input_grad", "shape of input"),
        Tensor("scale_grad", "(C,)"),
        Tensor("bias_grad", "(C,)"),
    ],
    args=[EPSILON, ORDER],
    infer=infer_instance_norm_gradient,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(GROUP_NORM)
def group_norm(xp, X, gamma, beta, *, group, epsilon, order, is_test, out=None):
    outs = out if isinstance(out, tuple) else (xp.empty_like(X) if out is None else out,)
    moments = _normalize(xp, X, gamma, beta, group, epsilon, order, outs[0])
    if out is None:
        return (*outs, *moments)
    for target, value in zip(outs[1:], moments):
        target[...] = value
    return outs


@kernel(INSTANCE_NORM)
def instance_norm(xp, X, scale, bias, *, epsilon, order, out=None):
    return group_norm(
        xp, X, scale, bias, group=scale.size, epsilon=epsilon, order=order, is_test=True, out=out
    )


@kernel(GROUP_NORM_GRADIENT)
def group_norm_gradient(
    xp, dY, X, gamma, beta, mean, inv_std, *, group, epsilon, order, is_test, out=None
):
    return _normalize_gradient(xp, X, gamma, dY, mean, inv_std, order, out)


@kernel(INSTANCE_NORM_GRADIENT)
def instance_norm_gradient(
    xp, X, scale, bias, dY, mean=None, inv_std=None, *, epsilon, order, out=None
):
    if inv_std is None:
        x = _grouped(X, scale.size, order)
        mean, inv_std = centre(xp, x, epsilon, xp.empty_like(x))
    return _normalize_gradient(xp, X, scale, dY, mean, inv_std, order, out)


@gradient(GROUP_NORM)
def group_norm_gradient_maker(g):
    if g.n_outputs != 3:
        raise GradientError(
            f"GroupNorm {g.op_def.name!r}: its gradient reads the moments. Ask for the outputs Y, mean, inv_std"
        )
    inputs = [g.GO("Y"), g.I("X"), g.I("gamma"), g.I("beta"), g.O("mean"), g.O("inv_std")]
    return [g.op("GroupNormGradient", inputs, [g.GI("X"), g.GI("gamma"), g.GI("beta")])]


@gradient(INSTANCE_NORM)
def instance_norm_gradient_maker(g):
    moments = [g.O(k) for k in range(1, g.n_outputs)]
    inputs = [g.I("input"), g.I("scale"), g.I("bias"), g.GO("output"), *moments]
    return [g.op("InstanceNormGradient", inputs, [g.GI("input"), g.GI("scale"), g.GI("bias")])]


def _last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


def _examples(rng, groups):
    """X, gamma, beta, group, Z and the moments, one image and group at a time."""
    for sizes in [(), (5,), (3, 2), (2, 2, 3)]:
        for group in groups:
            if not sizes and group == 4:
                continue  # one element per group: nothing to normalize
            X = rng.standard_normal((2, 4, *sizes))
            parts = X.reshape(2, group, -1)
            mean, r = parts.mean(-1), (parts.var(-1) + 1e-5) ** -0.5
            Z = np.stack(
                [[(p - p.mean()) / np.sqrt(p.var() + 1e-5) for p in image] for image in parts]
            )
            yield (
                X,
                rng.uniform(0.5, 2, 4),
                rng.standard_normal(4),
                group,
                Z.reshape(X.shape),
                mean,
                r,
            )


def _column(vector, X):
    return vector.reshape(-1, *(1,) * (X.ndim - 2))


@cases(GROUP_NORM)
def group_norm_cases(rng):
    for X, gamma, beta, group, Z, mean, r in _examples(rng, (1, 2, 4)):
        Y = _column(gamma, X) * Z + _column(beta, X)
        inputs, expected = (
            {"X": X, "gamma": gamma, "beta": beta},
            {"Y": Y, "mean": mean, "inv_std": r},
        )
        yield Case(inputs, {"group": group}, expected, grad=())
        last = {**inputs, "X": _last(X)}
        yield Case(
            last,
            {"group": group, "order": "NHWC"},
            {"Y": _last(Y), "mean": mean, "inv_std": r},
            grad=(),
        )
        yield Case(inputs, {"group": group}, {"Y": Y}, outputs=1, grad=())
    none = {"Y": X[:0], "mean": mean[:0], "inv_std": r[:0]}
    yield Case({**inputs, "X": X[:0]}, {"group": group}, none, grad=())


@cases(INSTANCE_NORM)
def instance_norm_cases(rng):
    for X, scale, bias, _, Z, mean, r in _examples(rng, (4,)):
        Y = _column(scale, X) * Z + _column(bias, X)
        inputs = {"input": X, "scale": scale, "bias": bias}
        expected = {"output": Y, "saved_mean": mean, "saved_inv_stdev": r}
        yield Case(inputs, {}, expected, grad=())
        yield Case(inputs, {}, {"output": Y}, outputs=1)
        last = {**inputs, "input": _last(X)}
        yield Case(last, {"order": "NHWC"}, {"output": _last(Y)}, outputs=1)


def _expected_gradients(X, gamma, dY, group, Z, r):
    """By the Jacobian of each group: r * (I - 1/n - z z^T / n)."""
    over = tuple(a for a in range(X.ndim) if a != 1)
    D, z = (dY * _column(gamma, X)).reshape(2, group, -1), Z.reshape(2, group, -1)
    n = z.shape[-1]
    J = np.eye(n) - 1 / n - z[..., :, None] * z[..., None, :] / n
    dX = np.einsum("ng,ngij,ngj->ngi", r, J, D).reshape(X.shape)
    return dX, (dY * Z).sum(over), dY.sum(over)


@cases(GROUP_NORM_GRADIENT)
def group_norm_gradient_cases(rng):
    for X, gamma, beta, group, Z, mean, r in _examples(rng, (1, 2, 4)):
        dY = rng.standard_normal(X.shape)
        dX, dgamma, dbeta = _expected_gradients(X, gamma, dY, group, Z, r)
        inputs = {"dY": dY, "X": X, "gamma": gamma, "beta": beta, "mean": mean, "inv_std": r}
        yield Case(inputs, {"group": group}, {"dX": dX, "dgamma": dgamma, "dbeta": dbeta})
        last = {**inputs, "X": _last(X), "dY": _last(dY)}
        expected = {"dX": _last(dX), "dgamma": dgamma, "dbeta": dbeta}
        yield Case(last, {"group": group, "order": "NHWC"}, expected)


@cases(INSTANCE_NORM_GRADIENT)
def instance_norm_gradient_cases(rng):
    for X, scale, bias, group, Z, mean, r in _examples(rng, (4,)):
        dY = rng.standard_normal(X.shape)
        dX, dscale, dbias = _expected_gradients(X, scale, dY, group, Z, r)
        inputs = {"input": X, "scale": scale, "bias": bias, "output_grad": dY}
        expected = {"input_grad": dX, "scale_grad": dscale, "bias_grad": dbias}
        yield Case(inputs, {}, expected)
        yield Case({**inputs, "saved_mean": mean}, {}, expected)
        yield Case({**inputs, "saved_mean": mean, "saved_inv_stdev": r}, {}, expected)
        last = {**inputs, "input": _last(X), "output_grad": _last(dY)}
        yield Case(last, {"order": "NHWC"}, {**expected, "input_grad": _last(dX)})
