"""ResNet-50 and MobileNetV2 for digits, trained here: what a reduced precision costs shows on trained nets alone.

Digits of 28 x 28 are made `side` pixels wide: doubled where that fits, and centred on black.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from nets import MOBILENET_V2
from training_models import resnet50_body

import c2
from c2 import brew
from c2.build.train import fit
from c2.data import Batches, batches
from c2.serialize.init_net import params_to_init_net
from c2_zoo.models.lenet.train import shifted

SIDES = {"resnet50": 32, "mobilenet_v2": 64}
EPOCHS = {"resnet50": 8, "mobilenet_v2": 10}
BATCH, SHIFT = 64, 2
LEARNING_RATE = {"resnet50": 2e-3, "mobilenet_v2": 4e-3}
Array = np.ndarray[Any, Any]


def trained_net(name: str, digits: tuple[Array, Array], epochs: int, progress: Any) -> Any:
    """The init net, the predict net of `data` (N, 1, side, side) and `scores` (N, 10), and the history."""
    model = c2.ModelHelper(name)
    scores = build(model, name, is_test=False)
    model.SoftmaxWithLoss([scores, "label"], ["softmax", "loss"])
    model.add_gradients("loss")
    feed = digit_batches(name, digits, seed=1)
    c2.optimizer.build_adam(
        model, base_learning_rate=LEARNING_RATE[name], policy="poly", power=1.0, max_iter=epochs * len(feed),
    )  # fmt: skip
    model.set_random_seed(1)
    workspace = c2.Workspace()
    history = fit(
        model, workspace, feed, epochs, watch=["loss"], progress=progress, net_type="compiled"
    )
    test = c2.ModelHelper(name, init_params=False)
    test.net.add_external_output(build(test, name, is_test=True))
    init = params_to_init_net({str(p): workspace[str(p)] for p in test.parameters})
    return init, test.net.proto, history


def build(model: Any, name: str, is_test: bool) -> str:
    body = {"resnet50": resnet50_body, "mobilenet_v2": mobilenet_v2_body}[name]
    h, dim = body(model, channels=1, is_test=is_test)
    h = brew.average_pool(model, h, "pool", global_pooling=1)
    return str(brew.fc(model, h, "scores", dim_in=dim, dim_out=10))


def mobilenet_v2_body(model: Any, channels: int, is_test: bool) -> tuple[Any, int]:
    """MobileNetV2 (Sandler et al., 2018, width 1) up to its last convolution, and the channels of that."""

    def conv_bn(x: Any, name: str, dims: tuple[int, int], clip: bool = True, **args: Any) -> Any:
        init = ("MSRAFill", {}) if clip else None
        h = brew.conv(model, x, name, *dims, no_bias=True, weight_init=init, **args)
        h = brew.spatial_bn(model, h, f"{name}_bn", dims[1], is_test, epsilon=1e-5, momentum=0.9)
        return model.Clip(h, f"{name}_relu6", min=0.0, max=6.0) if clip else h

    x, have = conv_bn("data", "stem", (channels, 32), kernel=3, stride=2, pad=1), 32
    for stage, (expansion, width, blocks, first) in enumerate(MOBILENET_V2, 1):
        for block in range(blocks):
            stride, wide, name = first if block == 0 else 1, expansion * have, f"s{stage}b{block}"
            y = conv_bn(x, f"{name}_widen", (have, wide), kernel=1) if wide != have else x
            window = {"kernel": 3, "stride": stride, "pad": 1, "group": wide}
            y = conv_bn(y, f"{name}_filter", (wide, wide), **window)
            y = conv_bn(y, f"{name}_narrow", (wide, width), clip=False, kernel=1)
            added = stride == 1 and have == width
            x, have = (brew.sum(model, [x, y], f"{name}_sum") if added else y), width
    return conv_bn(x, "head", (have, 1280), kernel=1), 1280


def digit_batches(
    name: str, digits: tuple[Array, Array], batch: int = BATCH, seed: int | None = None
) -> Batches:
    """Digits for a net: shuffled and moved about with a seed, as they are without one."""
    rng = np.random.default_rng(seed)

    def prepare(rows: Mapping[str, Array]) -> dict[str, Array]:
        images = rows["data"] if seed is None else shifted(rows["data"], SHIFT, rng)
        return {"data": as_input(images, SIDES[name]), "label": rows["label"].astype(np.int32)}

    return batches({"data": digits[0], "label": digits[1]}, batch, seed=seed, prepare=prepare)


def as_input(images: Array, side: int) -> Array:
    """uint8 (N, 1, 28, 28) as float32 (N, 1, side, side), 0..1."""
    times = side // images.shape[-1]
    wide = images.repeat(times, axis=2).repeat(times, axis=3)
    edge = (side - wide.shape[-1]) // 2
    framed = np.pad(wide, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    return framed.astype(np.float32) / np.float32(255)
