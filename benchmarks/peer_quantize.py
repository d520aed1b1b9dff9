"""Writes 8-bit forms of model.onnx, calibrated by onnxruntime on the job's samples; needs no c2.

    python peer_quantize.py FOLDER

`qdq` has activations of 0..255 with a zero point, `symmetric` of -127..127 without; weights have a scale per channel in
both. Batch norms are folded beforehand, as onnxruntime recommends.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

FORMS = {"qdq": (QuantType.QUInt8, False), "symmetric": (QuantType.QInt8, True)}


class Samples(CalibrationDataReader):  # type: ignore[misc]
    """The samples of a job, a batch at a time: the model's batch size is fixed."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        one = session.get_inputs()[0]
        samples = np.load(folder / "samples.npy")
        count = len(samples) // one.shape[0]
        self.batches = iter([{one.name: part} for part in np.split(samples, count)])

    def get_next(self) -> Any:
        return next(self.batches, None)


def main(folder: Path) -> None:
    prepared = folder / "prepared.onnx"
    quant_pre_process(folder / "model.onnx", prepared, skip_symbolic_shape=True)
    for form, (kind, symmetric) in FORMS.items():
        (folder / form).mkdir()
        quantize_static(
            prepared, folder / form / "model.onnx", Samples(folder), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=kind, weight_type=QuantType.QInt8, extra_options={"ActivationSymmetric": symmetric},
        )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
