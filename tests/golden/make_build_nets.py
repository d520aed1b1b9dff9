"""The nets that Caffe2's Python layer builds for build_cases.py, as JSON.

Run with a real Caffe2:  python tests/golden/make_build_nets.py tests/golden/data/build_nets.json
"""

import json
import sys
from pathlib import Path

import numpy as np

np.asscalar = lambda number: number.item()  # which newer NumPy has no more, and Caffe2 calls

from caffe2.python import brew, core, model_helper, optimizer  # noqa: E402
from caffe2.python.modeling.initializers import Initializer  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from build_cases import LAYERS, TRAINING  # noqa: E402

RENAMED = {name: {"base_learning_rate": "alpha"} for name in ("build_ftrl", "build_gftrl")}


def add(model, layer):
    helper, blob_in, blob_out, more, args = layer
    if helper == "scope":
        with core.NameScope(blob_out):
            for inner in more:
                add(model, inner)
    elif helper == "param":
        shape, operator, init_args = more
        model.create_param(blob_out, shape, Initializer(operator, **init_args))
    elif helper == "op":
        getattr(model.net, more[0])(blob_in, blob_out, **args)
    elif helper == "iter":
        brew.iter(model, blob_out)
    else:
        getattr(brew, helper)(model, blob_in, blob_out, *more, **args)


def built(layers, steps=()):
    optimizer.reset_optimizer_instance_count()
    core.Net._net_names_used.clear()
    model = model_helper.ModelHelper("m", arg_scope={"use_cudnn": False})
    for layer in layers:
        add(model, layer)
    if steps:
        model.AddGradientOperators(["loss"])
    for function, args in steps:
        renamed = {RENAMED.get(function, {}).get(k, k): v for k, v in args.items()}
        if function == "build_ftrl":
            renamed["engine"] = ""
        getattr(optimizer, function)(model, **renamed)
    return {"init": listed(model.param_init_net), "net": listed(model.net)}


def listed(net):
    return [
        [op.type, list(op.input), list(op.output), {a.name: value(a) for a in op.arg}]
        for op in net.Proto().op
    ]


def value(arg):
    for field, found in arg.ListFields():
        if field.name == "name":
            continue
        if isinstance(found, bytes):
            return found.decode()
        return list(found) if field.label == field.LABEL_REPEATED else found
    return []


if __name__ == "__main__":
    cases = {name: built(layers) for name, layers in LAYERS.items()}
    cases.update({name: built(*case) for name, case in TRAINING.items()})
    lines = [f"{json.dumps(name)}: {json.dumps(case)}" for name, case in sorted(cases.items())]
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n")
