"""LeNet as a ModelHelper."""

from __future__ import annotations

from typing import Any

import numpy as np

import c2
from c2 import brew

INPUT, LABEL, OUTPUT = "data", "label", "softmax"


def build(name: str = "lenet", *, init_params: bool = True) -> c2.ModelHelper:
    """LeNet with loss and accuracy, without gradients: 431,080 parameters.

    Blobs: `data` float32 (N, 1, 28, 28) in 0..1, `label` int32 (N,), `softmax` (N, 10), `loss`, `accuracy`.

    Args:
        init_params: False for a test net that reads the parameters of a training net.
    """
    model = c2.ModelHelper(name, init_params=init_params)
    # Nobody asks how the loss depends on the images.
    h = brew.conv(model, INPUT, "conv1", dim_in=1, dim_out=20, kernel=5, no_gradient_to_input=True)
    h = brew.max_pool(model, h, "pool1", kernel=2, stride=2)
    h = brew.conv(model, h, "conv2", dim_in=20, dim_out=50, kernel=5)
    h = brew.max_pool(model, h, "pool2", kernel=2, stride=2)
    h = brew.fc(model, h, "fc3", dim_in=50 * 4 * 4, dim_out=500)
    h = brew.relu(model, h, h)
    h = brew.fc(model, h, "pred", dim_in=500, dim_out=10)
    scores = brew.softmax(model, h, OUTPUT)
    cross_entropy = model.LabelCrossEntropy([scores, LABEL], "xent")
    model.AveragedLoss(cross_entropy, "loss")
    brew.accuracy(model, [scores, LABEL], "accuracy")
    return model


def as_input(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """uint8 images as the net takes them: float32 in 0..1."""
    scaled: np.ndarray[Any, Any] = images.astype(np.float32) / np.float32(255)
    return scaled
