"""The nets of the inference benchmark, ready up to what the softmax would read, with random weights.

ResNet-50 and SqueezeNet 1.1 are the graphs of the public zoo; the others are built here: MobileNetV2 by table 2 of
Sandler et al. (2018, width 1), VGG-16 by configuration D of Simonyan & Zisserman (2014), LeNet as Caffe2's tutorial
has it, and an MLP 784-512-512-10. Weights are He's: activations keep their scale, so that a wrong operator shows in
the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo_models import ZooModel, random_parameters, zoo_model

import c2

MOBILENET_V2 = (  # expansion, channels, blocks, stride of the first
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
VGG_16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions before a pool


class Builder:
    """Adds operators to a net and remembers how wide each weight is."""

    def __init__(self, name: str) -> None:
        self.net = c2.Net(name)
        self.widths: dict[str, int] = {}

    def op(self, type_: str, x: str | list[str], y: str, **args: Any) -> str:
        self.net.op(type_, x, y, **args)
        return y

    def conv(self, x: str, y: str, width: int, bias: bool = True, **args: Any) -> str:
        self.widths[f"{y}_w"] = width
        return self.op("Conv", [x, f"{y}_w", *[f"{y}_b"] * bias], y, **args)

    def fc(self, x: str, y: str, width: int) -> str:
        self.widths[f"{y}_w"] = width
        return self.op("FC", [x, f"{y}_w", f"{y}_b"], y)

    def relu(self, x: str) -> str:
        return self.op("Relu", x, f"{x}_relu")

    def conv_bn(self, x: str, y: str, width: int, clip: bool = True, **args: Any) -> str:
        """A convolution without bias, its SpatialBN, and a Relu6 where asked for."""
        made = self.conv(x, y, width, bias=False, **args)
        inputs = [made, *(f"{y}_{part}" for part in ("scale", "bias", "mean", "var"))]
        normal = self.op("SpatialBN", inputs, f"{y}_bn", is_test=1, epsilon=1e-5)
        return self.op("Clip", normal, f"{y}_relu6", min=0.0, max=6.0) if clip else normal


def lenet(b: Builder) -> tuple[str, tuple[int, ...]]:
    x = b.op("MaxPool", b.conv("data", "conv1", 20, kernel=5), "pool1", kernel=2, stride=2)
    x = b.op("MaxPool", b.conv(x, "conv2", 50, kernel=5), "pool2", kernel=2, stride=2)
    return b.fc(b.relu(b.fc(x, "fc3", 500)), "pred", 10), (1, 1, 28, 28)


def mlp(b: Builder) -> tuple[str, tuple[int, ...]]:
    x = b.relu(b.fc(b.relu(b.fc("data", "fc1", 512)), "fc2", 512))
    return b.fc(x, "pred", 10), (1, 784)


def vgg16(b: Builder) -> tuple[str, tuple[int, ...]]:
    x = "data"
    for stage, (width, count) in enumerate(VGG_16, 1):
        for k in range(1, count + 1):
            x = b.relu(b.conv(x, f"conv{stage}_{k}", width, kernel=3, pad=1))
        x = b.op("MaxPool", x, f"pool{stage}", kernel=2, stride=2)
    for name in ("fc6", "fc7"):
        x = b.relu(b.fc(x, name, 4096))
    return b.fc(x, "fc8", 1000), (1, 3, 224, 224)


def mobilenet_v2(b: Builder) -> tuple[str, tuple[int, ...]]:
    x, have = b.conv_bn("data", "stem", 32, kernel=3, stride=2, pad=1), 32
    for stage, (expansion, width, blocks, first) in enumerate(MOBILENET_V2, 1):
        for block in range(blocks):
            stride = first if block == 0 else 1
            x = _bottleneck(b, x, f"s{stage}b{block}", (have, expansion * have, width), stride)
            have = width
    x = b.conv_bn(x, "head", 1280, kernel=1)
    x = b.op("AveragePool", x, "pool", global_pooling=1)
    return b.fc(x, "pred", 1000), (1, 3, 224, 224)


def _bottleneck(b: Builder, x: str, name: str, widths: tuple[int, int, int], stride: int) -> str:
    """Widen, filter each channel, narrow; with the input added where its shape fits."""
    narrow, wide, out = widths
    y = b.conv_bn(x, f"{name}_widen", wide, kernel=1) if wide != narrow else x
    y = b.conv_bn(y, f"{name}_filter", wide, kernel=3, stride=stride, pad=1, group=wide)
    y = b.conv_bn(y, f"{name}_narrow", out, clip=False, kernel=1)
    return b.op("Sum", [x, y], f"{name}_sum") if stride == 1 and narrow == out else y


BUILT: dict[str, Callable[[Builder], tuple[str, tuple[int, ...]]]] = {
    "mobilenet_v2": mobilenet_v2, "vgg16": vgg16, "lenet": lenet, "mlp": mlp,
}  # fmt: skip
NETS = ("resnet50", "mobilenet_v2", "squeezenet", "vgg16", "lenet", "mlp")


def benchmark_net(name: str, seed: int = 0) -> ZooModel:
    """A net by name; its only external output is what comes before the softmax."""
    if name not in BUILT:
        model = zoo_model(name, seed)
        _cut(model.net)
        return model
    builder = Builder(name)
    out, shape = BUILT[name](builder)
    builder.net.add_external_output(out)
    proto = builder.net.proto
    found = random_parameters(proto, {"data": shape}, builder.widths.__getitem__, seed)
    return ZooModel(name, proto, "data", shape, found)


def _cut(net: Any) -> None:
    """Takes a Softmax at the end away: with random weights it would hide errors."""
    assert net.op[-1].type == "Softmax"
    net.external_output[:] = [net.op[-1].input[0]]
    del net.op[-1]
