"""The blobs that optimizers share: iteration counter, learning rate, constants; named as Caffe2 names them."""

from __future__ import annotations

from typing import Any

from c2.graph.blob_reference import BlobReference
from c2.graph.device import device_option
from c2.graph.net import Net
from c2.graph.scope import current_device_scope
from c2.proto import DATA_TYPES, DEVICE_TYPES

ITERATION = "optimizer_iteration"
MUTEX = "iteration_mutex"


def add_iteration(net: Net, init_net: Net) -> BlobReference:
    """The blob that counts runs of the net: int64 (1,), on the CPU, zero before the first run. Added once."""
    iteration = BlobReference(ITERATION, net)
    if ITERATION not in init_net:
        cpu = device_option("CPU")
        cpu.device_id = 0
        cpu.extra_info.append("device_type_override:cpu")
        mutex = BlobReference(MUTEX)
        init_net.op(
            "ConstantFill",
            (),
            iteration,
            shape=[1],
            value=0,
            dtype=DATA_TYPES["INT64"],
            device_option=cpu,
        )
        init_net.op("CreateMutex", (), mutex, device_option=cpu)
        net.op("AtomicIter", [mutex, iteration], iteration, device_option=cpu)
    return iteration


def add_learning_rate(
    net: Net, iteration: BlobReference, rate: BlobReference, **args: Any
) -> BlobReference:
    """The learning rate of an optimizer, computed once in a run."""
    if rate not in net:
        net.op("LearningRate", iteration, rate, **args)
    return rate


def one(init_net: Net) -> BlobReference:
    """The blob that holds 1 on the current device, `ONE_<device type>_<device id>`."""
    return constant(init_net, f"ONE_{device_key()}", 1.0)


def constant(init_net: Net, name: str, value: float) -> BlobReference:
    """A blob (1,) that the init net makes once."""
    blob = BlobReference(name, init_net)
    if blob not in init_net:
        init_net.op("ConstantFill", (), blob, shape=[1], value=value)
    return blob


def device_key() -> str:
    """`<device type number>_<device id><node name>` of the current device scope; `0_0` is the CPU."""
    option = current_device_scope()
    return "0_0" if option is None else f"{option.device_type}_{option.device_id}{option.node_name}"


def device_suffix() -> str:
    """The end of optimizer blobs' names: `_cpu`, `_gpu0`; the node's name stands before it where there is one."""
    option = current_device_scope()
    if option is None:
        return "_cpu"
    is_gpu = option.device_type in (DEVICE_TYPES["CUDA"], DEVICE_TYPES["HIP"])
    return f"{option.node_name}_gpu{option.device_id}" if is_gpu else f"{option.node_name}_cpu"
