"""One peer with one net ready, for inference.py; needs no c2.

    python serve_peer.py RUNTIME JOB PRECISION THREADS

Each peer reads its own form of the model: onnxruntime and OpenVINO an ONNX file, Caffe2 its two nets, PyTorch NumPy's
arrays. Inputs and outputs are bound where the runtime has a way, as c2's blobs are.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from serve import serve

LIBRARIES = {
    "onnxruntime": "onnxruntime", "openvino": "openvino", "torch-eager": "torch", "torch-channels-last": "torch",
    "torch-compiled": "torch", "caffe2": "caffe2.python.workspace", "caffe2-nnpack": "caffe2.python.workspace",
}  # fmt: skip


def onnxruntime(job: Path, threads: int) -> tuple[Any, ...]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    path = str(job / "model.onnx")
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    binding, image = session.io_binding(), np.load(job / "input.npy")
    binding.bind_cpu_input(session.get_inputs()[0].name, image)
    binding.bind_output(session.get_outputs()[0].name)

    def run(_alive: Any = image) -> None:
        session.run_with_iobinding(binding)

    return run, lambda: binding.copy_outputs_to_cpu()[0], lambda: onnxruntime_kinds(path)


def onnxruntime_kinds(path: str) -> dict[str, int]:
    """By the operators of the model as it is run: those on 8-bit numbers have names of their own."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = f"{folder}/optimized.onnx"
        onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        nodes = onnx.load(options.optimized_model_filepath, load_external_data=False).graph.node
    linear = [one.op_type for one in nodes if re.search("Conv|Gemm|MatMul", one.op_type)]
    return dict(Counter("int8" if name.startswith("Q") else "fp32" for name in linear))


def openvino(job: Path, precision: str, threads: int) -> tuple[Any, ...]:
    """With the latency hint; full precision has to be told, as products may be bfloat16 otherwise."""
    import openvino

    settings = {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": {"fp32": "f32"}.get(precision, precision),
        "INFERENCE_NUM_THREADS": threads,
    }  # fmt: skip
    core = openvino.Core()
    model = core.compile_model(job / "model.onnx", "CPU", settings)
    request = model.create_infer_request()
    image = np.load(job / "input.npy")
    request.set_input_tensor(openvino.Tensor(image, shared_memory=True))

    def run(_alive: Any = image) -> None:  # the tensor shares its memory and does not own it
        request.infer()

    return run, lambda: request.get_output_tensor(0).data, lambda: openvino_kinds(model)


def openvino_kinds(model: Any) -> dict[str, int]:
    """By what the nodes of the compiled model tell of themselves."""
    names = {"f32": "fp32", "i8": "int8", "u8": "int8"}
    found = Counter()
    for node in model.get_runtime_model().get_ops():
        told = node.get_rt_info()
        if str(told["layerType"].value) in ("Convolution", "FullyConnected", "MatMul"):
            kind = str(told["runtimePrecision"].value)
            found[names.get(kind, kind)] += 1
    return dict(found)


def ready(runtime: str, job: Path, precision: str, threads: int) -> tuple[Any, ...]:
    """A call that runs the net once, one that fetches the result, and perhaps one for `kinds`."""
    if runtime.startswith("torch-"):
        from peer_torch import torch_run

        return torch_run(job, precision, threads, runtime[len("torch-") :])
    if runtime == "openvino":
        return openvino(job, precision, threads)
    if precision != "fp32":
        raise RuntimeError(f"{runtime} has no {precision} on a CPU")
    if runtime.startswith("caffe2"):
        from peer_caffe2 import caffe2_run

        return caffe2_run(job, threads, "NNPACK" if runtime.endswith("nnpack") else "")
    return onnxruntime(job, threads)


def version(runtime: str) -> str:
    """As the library tells it; Caffe2's is that of the PyTorch it came with."""
    library = "torch" if runtime.startswith("caffe2") else LIBRARIES[runtime]
    found = str(import_module(library).__version__)
    return f"of torch {found}" if runtime.startswith("caffe2") else found.split("-")[0]


if __name__ == "__main__":
    RUNTIME, JOB, PRECISION = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    serve(
        lambda: import_module(LIBRARIES[RUNTIME]),
        lambda: ready(RUNTIME, JOB, PRECISION, int(sys.argv[4])),
        lambda: version(RUNTIME),
    )
