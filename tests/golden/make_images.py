"""Asks real Caffe2 what operators on images give: convolution, pooling, spatial operators, normalization.

    oracle python tests/golden/make_images.py tests/golden/data/images.npz [seed [rounds]]

A family yields questions; a gradient is asked for with random numbers in the shape that the forward operator gave.
"""

import asking
import numpy as np
from asking import Question, gradient, main


def uniform(rng, shape, low=-1.0, high=1.0):
    """Sixteenths: few digits make a small file."""
    return np.round(asking.uniform(rng, shape, low, high) * 16) / np.float32(16)


def images(rng, N, C, sizes, order):
    return uniform(rng, (N, *sizes, C) if order == "NHWC" else (N, C, *sizes))


def forward_and_gradient(rng, type_, inputs, args, gradient_inputs, outputs=1):
    """The forward question, and the gradient's: `gradient_inputs(Y, dY)` are its inputs."""
    asked = Question(type_, inputs, args)
    yield asked
    told = asked.ask()
    if told is not None:
        Y, dY = told[0], uniform(rng, told[0].shape)
        yield Question(type_ + "Gradient", gradient_inputs(Y, dY), args, outputs)


WINDOWS = [
    (1, {"kernels": [3]}),
    (1, {"kernels": [2], "strides": [2], "pads": [1, 0], "dilations": [2]}),
    (2, {"kernel": 1}),
    (2, {"kernel": 3, "pad": 1, "stride": 2}),
    (2, {"kernel_h": 2, "kernel_w": 3, "stride_h": 1, "stride_w": 2, "dilation_h": 2, "dilation_w": 1}),
    (2, {"kernel": 3, "pad_t": 0, "pad_l": 1, "pad_b": 2, "pad_r": 1}),
    (2, {"kernel": 3, "stride": 2, "legacy_pad": 1}),
    (2, {"kernel": 3, "stride": 2, "legacy_pad": 2}),
    (2, {"kernels": [2, 2], "strides": [3, 3], "pads": [-1, 0, 0, 1]}),
    (3, {"kernels": [2, 1, 2], "strides": [1, 2, 1], "pads": [0, 0, 1, 1, 0, 0]}),
]  # fmt: skip
SIZES = (5, 4, 3)


def kernel_of(rank, args):
    if "kernels" in args:
        return args["kernels"]
    return [args["kernel"]] * rank if "kernel" in args else [args["kernel_h"], args["kernel_w"]]


def convolution(rng):
    for rank, args in WINDOWS:
        for order in ("NCHW", "NHWC"):
            for group in (1, 2):
                X = images(rng, 2, 4, SIZES[:rank], order)
                kernel = kernel_of(rank, args)
                W = images(rng, 2 * group, 4 // group, kernel, order)
                asked = dict(args, order=order, group=group)
                yield Question("Conv", [X, W, uniform(rng, 2 * group)], asked)
                if rank == 3 and order == "NHWC":
                    continue  # Caffe2's gradient is wrong there
                bias = {} if group == 1 else {"no_bias": 1}
                inputs = lambda Y, dY: [X, W, dY]  # noqa: B023, E731
                more = forward_and_gradient(
                    rng, "Conv", [X, W], dict(asked, **bias), inputs, 2 + (group == 1)
                )
                yield from more
    X, W = uniform(rng, (1, 2, 3, 3)), uniform(rng, (2, 2, 3, 3))
    yield Question("Conv", [X[:0], W], {"kernel": 3})
    for wrong in (
        {"kernel": 2},
        {},
        {"kernel": 3, "group": 2},
        {"kernel": 3, "legacy_pad": 2, "pad": 1},
    ):
        yield Question("Conv", [X, W], wrong)
    yield Question("Conv", [X, W, uniform(rng, 3)], {"kernel": 3})
    yield Question("ConvRelu", [X, W, uniform(rng, 2)], {"kernel": 3, "pad": 1})


def transposed(rng):
    for args in (
        {"kernel": 2},
        {"kernel": 3, "stride": 2, "pad": 1, "adj": 1},
        {"kernel": 2, "stride": 3, "legacy_pad": 2},
        {"kernels": [2, 3], "strides": [2, 2], "pads": [1, 0, 0, 1], "adjs": [0, 1]},
    ):
        for order in ("NCHW", "NHWC"):
            for group in (1, 2):
                X = images(rng, 2, 4, (3, 2), order)
                W = images(rng, 4, 6 // group, kernel_of(2, args), order)
                asked = dict(args, order=order, group=group)
                yield Question("ConvTranspose", [X, W, uniform(rng, 6)], asked)
                inputs = lambda Y, dY: [X, W, dY]  # noqa: B023, E731
                yield from forward_and_gradient(rng, "ConvTranspose", [X, W], asked, inputs, 3)


def pooling(rng):
    pools = [w for w in WINDOWS if "dilations" not in w[1] and "dilation_h" not in w[1]]
    pools.append((2, {"kernel": 3, "stride": 2, "legacy_pad": 3}))
    pools.append((2, {"global_pooling": 1}))
    for rank, args in pools:
        for order in ("NCHW", "NHWC"):
            X = images(rng, 2, 3, SIZES[:rank], order)
            inputs = lambda Y, dY: [X, Y, dY]  # noqa: B023, E731
            yield from forward_and_gradient(rng, "MaxPool", [X], dict(args, order=order), inputs)
            for count in (0, 1):
                asked = dict(args, order=order, count_include_pad=count)
                yield from forward_and_gradient(rng, "AveragePool", [X], asked, inputs)
            if rank == 2:
                asked = dict(args, order=order, p=3.0)
                yield from forward_and_gradient(rng, "LpPool", [X], asked, inputs)
    X = uniform(rng, (1, 1, 4, 4))
    for wrong in (
        {"kernel": 2, "pad": 2},
        {"kernel": 2, "dilation": 2},
        {},
        {"global_pooling": 1, "stride": 2},
    ):
        yield Question("MaxPool", [X], wrong)


def spatial(rng):
    for order in ("NCHW", "NHWC"):
        X = images(rng, 2, 2, (4, 3), order)
        for mode in ("constant", "reflect", "edge"):
            for pads in ([1, 2, 0, 1], [-1, 1, 2, 0], [0, 0, -1, -1]):
                args = {"pads": pads, "mode": mode, "value": 0.5, "order": order}
                yield from forward_and_gradient(rng, "PadImage", [X], args, lambda Y, dY: [dY])
        for scale in ((2.0, 2.0), (1.5, 0.7), (3.0, 1.0)):
            args = {"height_scale": scale[0], "width_scale": scale[1], "order": order}
            yield from forward_and_gradient(rng, "ResizeNearest", [X], args, lambda Y, dY: [dY, X])  # noqa: B023
        shuffled = images(rng, 2, 6, (2,), order)
        for group in (2, 3, 4):
            args = {"group": group, "order": order}
            yield from forward_and_gradient(
                rng, "ChannelShuffle", [shuffled], args, lambda Y, dY: [dY]
            )
        scale, bias, dY = uniform(rng, 2), uniform(rng, 2), uniform(rng, X.shape)
        yield Question("AffineChannel", [X, scale, bias], {"order": order})
        yield Question(
            "AffineChannelGradient", [dY, X, scale], {"order": order, "is_learnable": 1}, 3
        )
        for args in (
            {"kernel": 2},
            {"kernel_h": 2, "kernel": 3, "stride": 2, "pad": 1},
            {"kernel": 2, "dilation": 2},
        ):
            asked = Question("Im2Col", [X], dict(args, order=order))
            yield asked
            if asked.ask() is not None:
                yield Question(
                    "Col2Im", [uniform(rng, asked.ask()[0].shape), X], dict(args, order=order)
                )
    X = uniform(rng, (2, 2, 2, 4))
    for scale in ((2.0, 2.0), (1.5, 0.7)):
        args = {"height_scale": scale[0], "width_scale": scale[1]}
        yield from forward_and_gradient(rng, "UpsampleBilinear", [X], args, lambda Y, dY: [dY, X])
    args = {"height_scale": 2.0, "width_scale": 2.0, "temporal_scale": 2.0}
    volume = uniform(rng, (1, 2, 2, 1, 2))
    yield from forward_and_gradient(
        rng, "ResizeNearest3D", [volume], args, lambda Y, dY: [dY, volume]
    )
    yield from forward_and_gradient(rng, "IntegralImage", [X], {}, lambda Y, dY: [X, dY])
    for args in ({}, {"pad": 1}, {"block_size": 4, "pad": 1, "pad_t": 1}, {"block_size": 3}):
        asked = Question("SpaceToBatch", [X], args)
        yield asked
        if asked.ask() is not None:
            yield Question("BatchToSpace", [uniform(rng, asked.ask()[0].shape)], args)


def normalization(rng):
    for order in ("NCHW", "NHWC"):
        for sizes in ((4,), (3, 2)):
            X = images(rng, 3, 4, sizes, order)
            dY, bias, mean = uniform(rng, X.shape), uniform(rng, 4), uniform(rng, 4)
            scale, var = uniform(rng, 4, 0.5, 2), uniform(rng, 4, 0.5, 2)
            args = {"order": order, "epsilon": 1e-3}
            moments, inplace = [X, scale, bias, mean, var], [(3, 1), (4, 2)]
            yield Question("SpatialBN", moments, dict(args, is_test=1))
            yield Question("SpatialBN", moments, dict(args, is_test=0, momentum=0.7), 5, inplace)
            sums = [uniform(rng, 4), uniform(rng, 4, 40, 50)]
            yield Question(
                "SpatialBN", moments + sums, dict(args, is_test=0, num_batches=2), 5, inplace
            )
            yield Question("SpatialBNGradient", [X, scale, dY, mean, var], dict(args, is_test=0), 3)
            yield Question(
                "SpatialBNGradient", [X, scale, dY, mean, var, *sums], dict(args, num_batches=2), 3
            )
            yield Question("InstanceNorm", [X, scale, bias], args, 3)
            yield Question("InstanceNormGradient", [X, scale, bias, dY], args, 3)
            for group in (1, 2, 3):
                asked = Question("GroupNorm", [X, scale, bias], dict(args, group=group), 3)
                yield asked
                if asked.ask() is not None:
                    _, m, r = asked.ask()
                    yield Question(
                        "GroupNormGradient", [dY, X, scale, bias, m, r], dict(args, group=group), 3
                    )
            yield Question("ChannelStats", [X], {"order": order}, 2)
            if len(sizes) == 2:
                yield from response(rng, X, order)
                if order == "NCHW":
                    yield Question("ChannelBackpropStats", [X, mean, var, dY], {}, 2)
    yield from rows(rng)


def response(rng, X, order):
    for size in (1, 3, 5):
        args = {"size": size, "alpha": 0.7, "beta": 0.75, "bias": 1.5, "order": order}
        yield Question("LRN", [X], args, 2)
        yield Question("LRNGradient", [X, uniform(rng, X.shape), uniform(rng, X.shape)], args)


def rows(rng):
    X = uniform(rng, (2, 3, 4))
    for axis, row in ((0, (2, 3, 4)), (1, (3, 4)), (-1, (4,))):
        gamma, beta, dY = uniform(rng, row), uniform(rng, row), uniform(rng, X.shape)
        for affine in (0, 1):
            args = {"axis": axis, "elementwise_affine": affine}
            asked = Question("LayerNorm", [X, gamma, beta], args, 3)
            yield asked
            Y, mean, std = asked.ask()
            more = [gamma] if affine else []
            yield Question(
                "LayerNormGradient", [dY, Y, mean, std, X, *more], args, 3 if affine else 1
            )
        asked = Question("RMSNorm", [X, gamma, beta], {"axis": axis, "eps": 0.1}, 2)
        yield asked
        yield Question("RMSNormGradient", [dY, X, gamma, asked.ask()[1]], {"axis": axis}, 3)
    yield Question("LayerNorm", [X], {"axis": 3}, 3)


def questions(rng):
    for family in (convolution, transposed, pooling, spatial, normalization):
        yield from family(rng)


def gradients():
    window = {"kernel": 3}
    for type_ in ("Conv", "Conv1D", "Conv2D", "Conv3D", "ConvTranspose"):
        for n in (2, 3):
            yield gradient(type_, n, 1, window)
            yield gradient(type_, n, 1, dict(window, no_gradient_to_input=1))
    for type_ in ("MaxPool", "MaxPool1D", "AveragePool", "AveragePool3D", "LpPool"):
        yield gradient(type_, 1, 1, window)
    yield gradient("SpatialBN", 5, 1, {"is_test": 1})
    yield gradient("LRN", 1, 1, {"size": 3})
    for outputs in (1, 2, 3):
        yield gradient("InstanceNorm", 3, outputs, {}, [0])
    yield gradient("GroupNorm", 3, 3, {"group": 2}, [0])
    yield gradient("LayerNorm", 1, 3, {}, [0])
    yield gradient("LayerNorm", 3, 3, {"elementwise_affine": 1}, [0])
    yield gradient("RMSNorm", 3, 2, {}, [0])
    for args in ({}, {"is_learnable": 1}):
        yield gradient("AffineChannel", 3, 1, args)
    for type_ in ("ResizeNearest", "UpsampleBilinear"):
        for n in (1, 2):
            yield gradient(type_, n, 1)
    for type_ in (
        "ResizeNearest3D",
        "IntegralImage",
        "SpaceToBatch",
        "BatchToSpace",
        "ChannelShuffle",
        "PadImage",
    ):
        yield gradient(type_, 1, 1)
    yield gradient("Im2Col", 1, 1, window)
    yield gradient("Col2Im", 2, 1, window)


if __name__ == "__main__":
    main(questions, gradients)
