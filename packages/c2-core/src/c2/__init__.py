"""c2: Caffe2 rebuilt as a family of small packages.

    import c2
    predict = c2.Predictor.load("squeezenet/")
    scores = predict(data=image)

Importing c2 loads no operator, no plugin, no driver; the first net does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from c2.errors import (
    C2Error,
    CheckError,
    CommunicationError,
    DeadlineError,
    DeviceError,
    DuplicateRegistration,
    FormatError,
    GradientError,
    KernelError,
    MemoryBudgetError,
    MissingBlob,
    MissingKernel,
    NetError,
    NotAllowed,
    OutOfMemory,
    PluginError,
    PrecisionError,
    SchemaError,
    StoreError,
    TuningError,
    UnknownOperator,
)

__version__ = "0.1.0"

# Public names and the modules they come from, loaded at first use.
_LAZY = {
    "BlobReference": "c2.graph.blob_reference",
    "GradientSlice": "c2.autodiff.maker",
    "ModelHelper": "c2.build.model_helper",
    "Net": "c2.graph.net",
    "Predictor": "c2.execute.predictor",
    "Workspace": "c2.execute.workspace",
    "current_workspace": "c2.execute.workspace",
    "create_op": "c2.graph.op",
    "device_option": "c2.graph.device",
    "device_scope": "c2.graph.scope",
    "name_scope": "c2.graph.scope",
    "load_model": "c2.serialize.model_files",
    "save_model": "c2.serialize.model_files",
    "load_net": "c2.serialize.messages",
}
_MODULES = {
    "brew": "c2.build.brew",
    "communicate": "c2.communicate",
    "optimizer": "c2.build.optimizer",
    "parallel": "c2.parallel",
    "registry": "c2.registry",
    "testing": "c2.testing",
}

# Spelt out, as a type checker takes no other form.
__all__ = [
    "BlobReference", "C2Error", "CheckError", "CommunicationError", "DeadlineError", "DeviceError",
    "DuplicateRegistration", "FormatError", "GradientError", "GradientSlice",
    "KernelError", "MemoryBudgetError", "MissingBlob", "MissingKernel", "ModelHelper", "Net",
    "NetError", "NotAllowed", "OutOfMemory", "PluginError", "PrecisionError", "Predictor", "SchemaError", "StoreError",
    "TuningError", "UnknownOperator", "Workspace", "__version__", "brew", "communicate", "create_op",
    "current_workspace", "device_option", "device_scope", "load_model", "load_net", "name_scope", "optimizer",
    "parallel", "registry", "save_model", "testing",
]  # fmt: skip

if TYPE_CHECKING:
    from c2 import communicate, parallel, registry, testing
    from c2.autodiff.maker import GradientSlice
    from c2.build import brew, optimizer
    from c2.build.model_helper import ModelHelper
    from c2.execute.predictor import Predictor
    from c2.execute.workspace import Workspace, current_workspace
    from c2.graph.blob_reference import BlobReference
    from c2.graph.device import device_option
    from c2.graph.net import Net
    from c2.graph.op import create_op
    from c2.graph.scope import device_scope, name_scope
    from c2.serialize.messages import load_net
    from c2.serialize.model_files import load_model, save_model


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(_LAZY[name]), name)
    elif name in _MODULES:
        value = import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'c2' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
