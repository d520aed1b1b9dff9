"""onnxruntime, OpenVINO or PyTorch with one net ready, for inference.py; needs no c2."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np


def read(job: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    return json.loads((job / "net.json").read_text()), dict(np.load(job / "arrays.npz"))


def per_axis(args: dict[str, Any], name: str, default: int) -> list[int]:
    return list(args.get(f"{name}s") or [args.get(name, default)] * 2)


def pads_of(args: dict[str, Any]) -> list[int]:
    """Heads of both axes, then tails."""
    sides = [args.get(f"pad_{side}") for side in "tlbr"]
    if None not in sides:
        return sides
    return list(args.get("pads") or [args.get("pad", 0)] * 4)


def tails(op: dict[str, Any], shapes: dict[str, Any]) -> list[int]:
    """Pads that give the output its size: legacy_pad may round it up."""
    args, head = op["args"], pads_of(op["args"])[:2]
    kernel, stride = per_axis(args, "kernel", 1), per_axis(args, "stride", 1)
    X, Y = (shapes[n][2:] for n in (op["inputs"][0], op["outputs"][0]))
    spans = zip(Y, stride, kernel, X, head)
    return head + [max(0, (y - 1) * s + k - x - h) for y, s, k, x, h in spans]


# -- ONNX


def onnx_model(net: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    data, out = net["data"], net["logits"]
    shapes = {**net["shapes"], **{n: v.shape for n, v in arrays.items()}}
    nodes, names = [], {}
    for k, op in enumerate(net["ops"]):
        inputs = [names.get(n, n) for n in op["inputs"]]
        outputs = [f"{n}_{k}" for n in op["outputs"]]
        nodes += onnx_nodes(helper, op, inputs, outputs, shapes)
        names.update(zip(op["outputs"], outputs))
        if out in op["outputs"]:
            final = names[out]
            last = len(nodes)
    weights = [numpy_helper.from_array(v, n) for n, v in arrays.items() if n != data]
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, list(s))
        for n, s in ((data, arrays[data].shape), (final, shapes[out]))
    ]
    graph = helper.make_graph(nodes[:last], "net", ends[:1], ends[1:], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(made.SerializeToString())


def onnx_nodes(
    helper: Any, op: dict[str, Any], inputs: Any, outputs: Any, shapes: Any
) -> list[Any]:
    type_, args, y = op["type"], op["args"], outputs[0]
    if type_ == "FC":
        flat = f"{y}_flat"
        product = helper.make_node("Gemm", [flat, *inputs[1:]], [y], transB=1)
        return [helper.make_node("Flatten", inputs[:1], [flat]), product]
    if type_ == "SpatialBN":
        return [helper.make_node("BatchNormalization", inputs, [y], epsilon=args["epsilon"])]
    if type_ == "Conv":
        window = {
            "kernel_shape": shapes[op["inputs"][1]][2:],
            "strides": per_axis(args, "stride", 1),
        }
        more = {"group": args["group"], "dilations": per_axis(args, "dilation", 1)}
        return [helper.make_node("Conv", inputs, [y], pads=pads_of(args), **window, **more)]
    if type_ in ("MaxPool", "AveragePool"):
        if args.get("global_pooling"):
            return [helper.make_node(f"Global{type_}", inputs, [y])]
        window = {
            "kernel_shape": per_axis(args, "kernel", 1),
            "strides": per_axis(args, "stride", 1),
        }
        return [helper.make_node(type_, inputs, [y], pads=tails(op, shapes), **window)]
    if type_ == "Concat":
        return [helper.make_node("Concat", inputs, [y], axis=1)]
    simple = {"Relu": "Relu", "Sum": "Sum", "Softmax": "Softmax", "Dropout": "Identity"}
    return [helper.make_node(simple[type_], inputs, [y])]


# -- runtimes


def onnxruntime(net: Any, arrays: Any, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(
        onnx_model(net, arrays), options, ["CPUExecutionProvider"]
    )
    feed = {net["data"]: arrays[net["data"]]}
    return lambda: session.run(None, feed)[0]


def openvino(net: Any, arrays: Any, threads: int) -> Any:
    import openvino

    core = openvino.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads,
    }  # fmt: skip
    request = core.compile_model(
        core.read_model(onnx_model(net, arrays)), "CPU", settings
    ).create_infer_request()
    image = np.ascontiguousarray(arrays[net["data"]])
    request.set_input_tensor(openvino.Tensor(image, shared_memory=True))

    def run(_alive: Any = image) -> Any:  # the tensor shares its memory and does not own it
        request.infer()
        return request.get_output_tensor(0).data

    return run


def torch(net: Any, arrays: Any, threads: int) -> Any:
    """Eager, channels last, with batch norms folded by hand: the fastest form without a compiler."""
    import torch

    torch.set_num_threads(threads)
    shapes = {**net["shapes"], **{n: v.shape for n, v in arrays.items()}}
    values = {n: torch.from_numpy(v) for n, v in arrays.items()}
    values = {
        n: v.to(memory_format=torch.channels_last) if v.ndim == 4 else v for n, v in values.items()
    }
    steps = torch_steps(torch, folded(net, values), shapes)

    def run() -> Any:
        with torch.inference_mode():
            blobs = dict(values)
            for name, step in steps:
                blobs[name] = step(blobs)
            return blobs[net["logits"]].contiguous().numpy()

    return run


def folded(net: Any, values: Any) -> list[Any]:
    """The operators up to the result, with each SpatialBN in the convolution before it."""
    ops: list[Any] = []
    for op in net["ops"]:
        if op["type"] == "SpatialBN":
            conv = ops[-1]
            assert conv["type"] == "Conv"
            assert conv["outputs"][0] == op["inputs"][0]
            scale, bias, mean, var = (values[n] for n in op["inputs"][1:])
            factor = scale / (var + op["args"]["epsilon"]).sqrt()
            shift = bias - mean * factor
            if len(conv["inputs"]) > 2:
                shift = shift + values[conv["inputs"][2]] * factor
            weights, key = values[conv["inputs"][1]] * factor[:, None, None, None], op["outputs"][0]
            values[f"{key}|w"], values[f"{key}|b"] = weights, shift
            inputs = [conv["inputs"][0], f"{key}|w", f"{key}|b"]
            ops[-1] = {**conv, "inputs": inputs, "outputs": op["outputs"]}
        elif op["type"] != "Dropout" or op["inputs"][0] != op["outputs"][0]:
            ops.append(op)
        if net["logits"] in op["outputs"]:
            end = len(ops)
    return ops[:end]


def torch_steps(torch: Any, ops: Any, shapes: Any) -> list[Any]:
    return [(op["outputs"][0], torch_step(torch, op, shapes)) for op in ops]


def torch_step(torch: Any, op: Any, shapes: Any) -> Any:
    F, args, type_ = torch.nn.functional, op["args"], op["type"]
    x, more = op["inputs"][0], op["inputs"][1:]
    if type_ == "Conv":
        pad, stride, dilation = (
            pads_of(args)[:2],
            per_axis(args, "stride", 1),
            per_axis(args, "dilation", 1),
        )
        return lambda b: F.conv2d(
            b[x],
            *(b[n] for n in more),
            stride=stride,
            padding=pad,
            dilation=dilation,
            groups=args["group"],
        )
    if type_ == "FC":
        return lambda b: F.linear(b[x].flatten(1), b[more[0]], b[more[1]])
    if type_ in ("MaxPool", "AveragePool"):
        if args.get("global_pooling"):
            return lambda b: F.adaptive_avg_pool2d(b[x], 1)
        kernel, stride, pads = (
            per_axis(args, "kernel", 1),
            per_axis(args, "stride", 1),
            tails(op, shapes),
        )
        if type_ == "AveragePool":
            return lambda b: F.avg_pool2d(b[x], kernel, stride, pads[:2], count_include_pad=False)
        sizes = zip(shapes[x][2:], shapes[op["outputs"][0]][2:], kernel, stride, pads)
        ceil = any((i + 2 * p - k) // s + 1 < o for i, o, k, s, p in sizes)
        return lambda b: F.max_pool2d(b[x], kernel, stride, pads[:2], ceil_mode=ceil)
    if type_ == "Sum":
        return lambda b: b[x] + b[more[0]]
    if type_ == "Concat":
        return lambda b: torch.cat([b[x], *(b[n] for n in more)], 1)
    return {
        "Relu": lambda b: F.relu(b[x]),
        "Dropout": lambda b: b[x],
        "Softmax": lambda b: F.softmax(b[x], 1),
    }[type_]


def main() -> None:
    runtime, job, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    start = perf_counter()
    run = {"onnxruntime": onnxruntime, "openvino": openvino, "torch": torch}[runtime](
        *read(job), threads
    )
    run()
    first = 1e3 * (perf_counter() - start)
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "check":
            answer: Any = {"result": np.asarray(run()).ravel().tolist(), "first_ms": first}
        else:
            times, begin = [], perf_counter()
            while len(times) < 3 or perf_counter() - begin < float(rest[0]):
                start = perf_counter()
                run()
                times.append(perf_counter() - start)
            answer = 1e3 * min(times)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
