"""A training net of PyTorch in one form, ready for training.py; needs no c2. The nets of training_models.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from serve import serve

STEPS_BEFORE = 1  # serve.py takes two more before it asks for losses
LEARNING_RATE, MOMENTUM = 0.01, 0.9  # of training_models.py


def make_net(name: str, arrays: dict[str, np.ndarray]) -> Any:
    """The net with the parameters given, as a module."""
    import torch
    from torch import nn

    def filled(layer: Any, prefix: str, weight: str) -> Any:
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(arrays[f"{prefix}_{weight}"]))
            if layer.bias is not None:
                layer.bias.copy_(torch.from_numpy(arrays[f"{prefix}_b"]))
        return layer

    def conv(prefix: str, stride: int = 1, pad: int | None = None) -> Any:
        M, C, k, _ = arrays[f"{prefix}_w"].shape
        has_bias = f"{prefix}_b" in arrays
        padding = k // 2 if pad is None else pad
        return filled(nn.Conv2d(C, M, k, stride, padding, bias=has_bias), prefix, "w")

    def fc(prefix: str) -> Any:
        N, K = arrays[f"{prefix}_w"].shape
        return filled(nn.Linear(K, N), prefix, "w")

    def conv_bn(prefix: str, stride: int = 1) -> Any:
        norm = nn.BatchNorm2d(len(arrays[f"{prefix}_bn_s"]))
        return nn.Sequential(conv(prefix, stride), filled(norm, f"{prefix}_bn", "s"))

    class Bottleneck(nn.Module):
        def __init__(self, prefix: str, stride: int) -> None:
            super().__init__()
            self.a, self.b = conv_bn(f"{prefix}_a"), conv_bn(f"{prefix}_b", stride)
            self.c = conv_bn(f"{prefix}_c")
            project = f"{prefix}_s_w" in arrays
            self.s = conv_bn(f"{prefix}_s", stride) if project else nn.Identity()

        def forward(self, x: Any) -> Any:
            h = nn.functional.relu(self.a(x), inplace=True)
            h = nn.functional.relu(self.b(h), inplace=True)
            return nn.functional.relu(self.c(h) + self.s(x), inplace=True)

    def resnet50() -> list[Any]:
        layers = [conv_bn("conv1", 2), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
        for stage, depth in enumerate((3, 4, 6, 3), 2):
            for k in range(depth):
                layers.append(Bottleneck(f"res{stage}_{k}", 2 if k == 0 and stage > 2 else 1))
        return [*layers, nn.AvgPool2d(7), nn.Flatten(), fc("pred")]

    if name == "mlp":
        return nn.Sequential(fc("fc1"), nn.ReLU(), fc("fc2"), nn.ReLU(), fc("pred"))
    if name == "lenet":
        return nn.Sequential(
            conv("conv1", pad=0), nn.MaxPool2d(2), conv("conv2", pad=0), nn.MaxPool2d(2), nn.Flatten(), fc("fc3"),
            nn.ReLU(), fc("pred"),
        )  # fmt: skip
    return nn.Sequential(*resnet50())


def ready(form: str, name: str, job: Path, threads: int) -> tuple[Any, Any]:
    """A call that takes a step, and one that gives the losses so far."""
    import torch

    torch.set_num_threads(threads)
    arrays = dict(np.load(job))
    net = make_net(name, arrays)
    data, label = torch.from_numpy(arrays["data"]), torch.from_numpy(arrays["label"]).long()
    if form != "torch-eager" and data.ndim == 4:
        net = net.to(memory_format=torch.channels_last)
        data = data.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), LEARNING_RATE, momentum=MOMENTUM)
    forward = torch.compile(net) if form == "torch-compiled" else net
    losses: list[float] = []

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(forward(data), label)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    for _ in range(STEPS_BEFORE):
        step()
    return step, lambda: np.array(losses[:3])


def main() -> None:
    import torch

    form, name, job, threads = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    serve(lambda: None, lambda: ready(form, name, job, threads), lambda: str(torch.__version__))


if __name__ == "__main__":
    main()
