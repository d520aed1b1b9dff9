"""A runtime with embedding tables ready, for embedding_bag.py: RUNTIME JOB THREADS, then commands line by line.

JOB is JSON: kind, tables, rows, width, batch, lookups. "ready" answers with the forms that can be timed and the first
results of each; "run FORM SECONDS" with the least milliseconds of a run over all tables, and of the processor's time
for it. Needs NumPy and the runtime.
"""

import json
import sys
from time import perf_counter, process_time

import numpy as np

TYPES = {"float": "", "half": "", "8bit": "Fused8BitRowwise", "4bit": "Fused4BitRowwise"}


def table_of(kind, rows, width, seed):
    """Numbers that are multiples of 1/64, so that every kind holds them exactly."""
    rng = np.random.RandomState(seed)
    if kind in ("float", "half"):
        numbers = rng.randint(-128, 128, (rows, width)).astype(np.int8)
        return numbers.astype(np.float32 if kind == "float" else np.float16) / np.float16(64)
    codes = rng.randint(0, 256, (rows, width if kind == "8bit" else width // 2)).astype(np.uint8)
    pair = np.array([1 / 64, -2], np.float32 if kind == "8bit" else np.float16)
    return np.concatenate([codes, np.tile(pair.view(np.uint8), (rows, 1))], axis=1)


def inputs_of(job):
    for k in range(job["tables"]):
        rng = np.random.RandomState(1000 + k)
        indices = rng.randint(0, job["rows"], job["batch"] * job["lookups"]).astype(np.int64)
        yield table_of(job["kind"], job["rows"], job["width"], k), indices


def c2_forms(job, threads):
    import c2
    from c2.compile.net import CompiledNet
    from c2.execute.simple import SimpleNet
    from c2.graph.check import check_net
    from c2.graph.op import create_op
    from c2.registry import core_registry, default

    blobs = c2.Workspace()
    net = c2.Net("bags")
    type_ = f"SparseLengthsSum{TYPES[job['kind']]}"
    for k, (table, indices) in enumerate(inputs_of(job)):
        blobs.feed(f"T{k}", table)
        blobs.feed(f"I{k}", indices)
        net.proto.op.append(create_op(type_, [f"T{k}", f"I{k}", "L"], [f"Y{k}"]))
        net.proto.external_output.append(f"Y{k}")
    blobs.feed("L", np.full(job["batch"], job["lookups"], np.int32))
    forms = {}
    for form in ("c2 reference", "c2 MKL simple", "c2 MKL compiled"):
        registry = core_registry() if form == "c2 reference" else default()
        workspace = c2.Workspace(registry=registry)
        for name in ["L", *(f"{b}{k}" for b in "TI" for k in range(job["tables"]))]:
            workspace.feed(name, blobs.blob(name).value, copy=False)
        net.proto.external_input[:] = [n for op in net.proto.op for n in op.input]
        checked = check_net(net.proto, registry)
        if form == "c2 MKL compiled":
            made = CompiledNet(checked, workspace, registry, threads=threads)
        else:
            made = SimpleNet(checked, workspace, registry)
        forms[form] = (made.run, lambda w=workspace: w["Y0"])
    return forms


def torch_forms(job, threads):
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    offsets = torch.arange(0, job["batch"] * job["lookups"] + 1, job["lookups"])
    # clone: memory of PyTorch's own, as a model's would be
    tables = [tuple(torch.from_numpy(x).clone() for x in pair) for pair in inputs_of(job)]
    bits = {"8bit": "byte", "4bit": "4bit"}.get(job["kind"])
    results = []

    def run():
        results.clear()
        for table, indices in tables:
            if bits:
                bag = getattr(torch.ops.quantized, f"embedding_bag_{bits}_rowwise_offsets")
                results.append(bag(table, indices, offsets, include_last_offset=True))
            else:
                bag = torch.nn.functional.embedding_bag
                results.append(bag(indices, table, offsets, mode="sum", include_last_offset=True))

    return {"PyTorch": (run, lambda: results[0].float().numpy())}


def caffe2_forms(job, threads):
    from caffe2.python import core, workspace

    workspace.GlobalInit(["caffe2", "--caffe2_log_level=2", f"--caffe2_omp_num_threads={threads}"])
    net = core.Net("bags")
    for k, (table, indices) in enumerate(inputs_of(job)):
        workspace.FeedBlob(f"T{k}", table)
        workspace.FeedBlob(f"I{k}", indices)
        getattr(net, f"SparseLengthsSum{TYPES[job['kind']]}")([f"T{k}", f"I{k}", "L"], [f"Y{k}"])
    workspace.FeedBlob("L", np.full(job["batch"], job["lookups"], np.int32))
    workspace.CreateNet(net)
    name = net.Proto().name
    return {"Caffe2": (lambda: workspace.RunNet(name), lambda: workspace.FetchBlob("Y0"))}


def least(run, seconds):
    """The least milliseconds of runs, by the clock and of the process's own time."""
    best, end = [float("inf")] * 2, perf_counter() + seconds
    while perf_counter() < end:
        before = perf_counter(), process_time()
        run()
        after = perf_counter(), process_time()
        best = [min(b, (y - x) * 1e3) for b, x, y in zip(best, before, after)]
    return best


def main(runtime, job, threads):
    forms = {"c2": c2_forms, "torch": torch_forms, "caffe2": caffe2_forms}[runtime](
        json.loads(job), int(threads)
    )
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "ready":
            answer = {}
            for form, (run, result) in forms.items():
                run()
                answer[form] = result().ravel()[:1000].astype(float).tolist()
        else:
            form, _, seconds = rest.rpartition(" ")
            answer = least(forms[form][0], float(seconds))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
