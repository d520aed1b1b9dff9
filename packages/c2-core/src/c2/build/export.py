"""A trained model as Caffe2's two files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from c2.build.model_helper import ModelHelper
from c2.errors import FormatError
from c2.graph.net import Net
from c2.serialize.model_files import params_to_init_net, save_model


def export_model(
    model: ModelHelper,
    workspace: Any,
    folder: str | os.PathLike[str],
    outputs: Any,
    inputs: Any = None,
    *,
    rename: Mapping[str, str] | None = None,
) -> tuple[Any, Net]:
    """Writes init_net.pb, which makes the parameters as they are now, and predict_net.pb, which computes `outputs`.

    Args:
        inputs: blobs to be fed; None: all that are neither parameters nor computed.
        rename: blob name -> its name in the files.

    Returns:
        The two nets that were written.

    Raises:
        NetError: no operator makes an output.
        MissingBlob: a parameter is not in the workspace.
        FormatError: a parameter holds something that is no tensor.
    """
    predict = model.extract_predictor_net(outputs, inputs, rename=rename)
    new = {str(k): str(v) for k, v in (rename or {}).items()}
    values = {}
    for name in model.parameters:
        if new.get(name, name) not in predict.proto.external_input:
            continue
        value = workspace.fetch(name)
        if not hasattr(value, "dtype"):
            raise FormatError(
                f"parameter '{name}' is a {type(value).__name__}, no tensor: it cannot be exported"
            )
        values[new.get(name, name)] = value
    init = params_to_init_net(values, name=f"{predict.name}_init")
    save_model(folder, init, predict.proto)
    return init, predict
