"""Training nets to time: an MLP (784-512-512-10), LeNet and ResNet-50, with loss, gradients and momentum SGD."""

from __future__ import annotations

from typing import Any

import c2
from c2 import brew

SHAPES = {"mlp": (784,), "lenet": (1, 28, 28), "resnet50": (3, 224, 224)}
CLASSES = {"mlp": 10, "lenet": 10, "resnet50": 1000}
LEARNING_RATE, MOMENTUM = 0.01, 0.9


def training_model(name: str, parallel: dict[str, Any] | None = None) -> c2.ModelHelper:
    """The model; it reads `data` and `label` and computes `loss`, with other processes where `parallel` says how."""
    model = c2.ModelHelper(name)
    scores = {"mlp": mlp, "lenet": lenet, "resnet50": resnet50}[name](model)
    model.SoftmaxWithLoss([scores, "label"], ["softmax", "loss"])
    model.add_gradients("loss")
    if parallel is not None:
        c2.parallel.average_gradients(model, **parallel)
    c2.optimizer.build_sgd(
        model, base_learning_rate=LEARNING_RATE, momentum=MOMENTUM, nesterov=False
    )
    return model


def mlp(model: Any) -> Any:
    h: Any = "data"
    for k, (dim_in, dim_out) in enumerate([(784, 512), (512, 512)], 1):
        h = brew.fc(model, h, f"fc{k}", dim_in=dim_in, dim_out=dim_out)
        h = brew.relu(model, h, h)
    return brew.fc(model, h, "pred", dim_in=512, dim_out=10)


def lenet(model: Any) -> Any:
    h = brew.conv(model, "data", "conv1", dim_in=1, dim_out=20, kernel=5, no_gradient_to_input=True)
    h = brew.max_pool(model, h, "pool1", kernel=2, stride=2)
    h = brew.conv(model, h, "conv2", dim_in=20, dim_out=50, kernel=5)
    h = brew.max_pool(model, h, "pool2", kernel=2, stride=2)
    h = brew.fc(model, h, "fc3", dim_in=800, dim_out=500)
    h = brew.relu(model, h, h)
    return brew.fc(model, h, "pred", dim_in=500, dim_out=10)


def resnet50(model: Any) -> Any:
    h, dim = resnet50_body(model, channels=3)
    h = brew.average_pool(model, h, "pool5", kernel=7)
    return brew.fc(model, h, "pred", dim_in=dim, dim_out=1000)


def resnet50_body(model: Any, channels: int, is_test: bool = False) -> tuple[Any, int]:
    """ResNet-50 up to its last sum, and its channels: He et al., 2015, with the stride in the middle convolution."""

    def conv_bn(
        x: Any, name: str, dim: int, out: int, kernel: int, stride: int, **args: Any
    ) -> Any:
        h = brew.conv(
            model, x, name, dim_in=dim, dim_out=out, kernel=kernel, stride=stride, pad=kernel // 2, no_bias=1, **args,
        )  # fmt: skip
        return brew.spatial_bn(model, h, f"{name}_bn", out, is_test, epsilon=1e-5, momentum=0.9)

    def bottleneck(x: Any, name: str, dim: int, width: int, stride: int) -> Any:
        h = conv_bn(x, f"{name}_a", dim, width, 1, 1)
        h = conv_bn(brew.relu(model, h, h), f"{name}_b", width, width, 3, stride)
        h = conv_bn(brew.relu(model, h, h), f"{name}_c", width, 4 * width, 1, 1)
        if dim != 4 * width:
            x = conv_bn(x, f"{name}_s", dim, 4 * width, 1, stride)
        h = brew.sum(model, [h, x], f"{name}_sum")
        return brew.relu(model, h, h)

    h = conv_bn("data", "conv1", channels, 64, 7, 2, no_gradient_to_input=True)
    h = brew.max_pool(model, brew.relu(model, h, h), "pool1", kernel=3, stride=2, pad=1)
    dim = 64
    for stage, (depth, width) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)], 2):
        for k in range(depth):
            stride = 2 if k == 0 and stage > 2 else 1
            h = bottleneck(h, f"res{stage}_{k}", dim, width, stride)
            dim = 4 * width
    return h, dim
