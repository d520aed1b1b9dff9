"""A predictor in one database: a MetaNetDef under `!!META_NET_DEF`, and the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from c2.errors import FormatError, NetError
from c2.proto import MetaNetDef, NetDef, OperatorDef
from c2.serialize.arguments import make_argument
from c2.serialize.blobs import CHUNK_SIZE, BlobAssembler, serialize_blob
from c2.serialize.database import Database, open_db
from c2.serialize.messages import PathLike, message_bytes, parse_message

META_NET_DEF = "!!META_NET_DEF"
PREDICTOR_DBREADER = "!!PREDICTOR_DBREADER"
PARAMETERS, INPUTS, OUTPUTS = "PARAMETERS_BLOB_TYPE", "INPUTS_BLOB_TYPE", "OUTPUTS_BLOB_TYPE"
GLOBAL_INIT_NET, PREDICT_INIT_NET = "GLOBAL_INIT_NET_TYPE", "PREDICT_INIT_NET_TYPE"
PREDICT_NET = "PREDICT_NET_TYPE"

DatabaseTypes = Mapping[str, type[Database]]


@dataclass
class PredictorModel:
    """A net with what it needs to be a predictor.

    Attributes:
        predict_net: computes `outputs` from `inputs`.
        params: blob name -> array, Int8Tensor or bytes.
        inputs, outputs: blob names.
        shapes: of inputs and outputs, as the predictor makes them before its first run; a blob
            without one is made empty.
        init_net: runs once per predictor, after the blobs above are made.
        global_init_net: runs once, after the parameters are loaded.
        meta: what was read from a file, all of it; not used in saving.
    """

    predict_net: NetDef
    params: dict[str, Any]
    inputs: list[str]
    outputs: list[str]
    shapes: dict[str, Sequence[int]] = field(default_factory=dict)
    init_net: NetDef | None = None
    global_init_net: NetDef | None = None
    meta: MetaNetDef | None = None


def save_predictor_db(
    path: PathLike,
    model: PredictorModel,
    db_type: str = "minidb",
    *,
    name: str = "",
    chunk_size: int = CHUNK_SIZE,
    types: DatabaseTypes | None = None,
) -> None:
    """Write a predictor to a database that Caffe2's predictor_exporter can load.

    Args:
        path: replaced if it is there.
        model: what to write.
        db_type: see open_db.
        name: of the model among several in one MetaNetDef; usually empty.
        chunk_size: elements per chunk of a parameter.
        types: further database types by name.

    Raises:
        NetError: a blob is both parameter and input or output, or an input is named twice.
    """
    _check_names(model)
    meta = message_bytes(meta_net_def(model, name))
    with open_db(db_type, path, "new", types) as db:
        transaction = db.transaction()
        for blob, value in [(META_NET_DEF, meta), *model.params.items()]:
            for key, data in serialize_blob(blob, value, chunk_size):
                transaction.put(key, data)
        transaction.commit()


def load_predictor_db(
    path: PathLike,
    db_type: str = "minidb",
    *,
    name: str = "",
    budget: int | None = None,
    types: DatabaseTypes | None = None,
) -> PredictorModel:
    """Read a predictor that Caffe2's predictor_exporter or save_predictor_db wrote.

    Args:
        name: of the model among several in the MetaNetDef; usually empty.
        budget: bytes that all parameters together may take; None: c2.serialize.budget.

    Raises:
        FormatError: the database holds no predictor, no model of that name, or lacks a parameter.
        MemoryBudgetError: the parameters are larger than the budget.
    """
    source = str(path)
    assembler = BlobAssembler(source, budget)
    with open_db(db_type, path, "read", types) as db:
        for key, value in db.cursor():
            assembler.add(key, value)
    blobs = assembler.finish()
    if META_NET_DEF not in blobs:
        raise FormatError(
            f"{source}: expected a predictor with a blob {META_NET_DEF}, got {_listed(list(blobs))}; "
            "this may be a checkpoint, which holds blobs only"
        )
    meta = parse_message(blobs.pop(META_NET_DEF), MetaNetDef, f"{source}: blob '{META_NET_DEF}'")
    return _model_of(meta, blobs, name, source)


def meta_net_def(model: PredictorModel, name: str = "") -> MetaNetDef:
    """The MetaNetDef that describes a predictor."""
    meta = MetaNetDef()
    nets = {
        PREDICT_INIT_NET: _predict_init_net(model),
        GLOBAL_INIT_NET: _global_init_net(model),
        PREDICT_NET: _predict_net(model),
    }
    for key, net in nets.items():
        meta.nets.add(key=_key(key, name)).value.CopyFrom(net)
    blobs = {PARAMETERS: list(model.params), INPUTS: model.inputs, OUTPUTS: model.outputs}
    for key, names in blobs.items():
        meta.blobs.add(key=_key(key, name), value=names)
    return meta


def _predict_net(model: PredictorModel) -> NetDef:
    net = NetDef()
    net.CopyFrom(model.predict_net)
    del net.external_input[:], net.external_output[:]
    net.external_input.extend([*model.inputs, *model.params])
    net.external_output.extend(model.outputs)
    return net


def _predict_init_net(model: PredictorModel) -> NetDef:
    """A net that makes inputs and outputs, because every blob must be there when a net is created."""
    net = NetDef(name="predict-init")
    blobs = [*model.inputs, *model.outputs]
    for blob in blobs:
        op = net.op.add(type="ConstantFill", output=[blob])
        op.arg.append(make_argument("shape", [int(d) for d in model.shapes.get(blob, (0,))]))
        op.arg.append(make_argument("value", 0.0))
    net.external_input.extend(blobs)
    _append(net, model.init_net)
    return net


def _global_init_net(model: PredictorModel) -> NetDef:
    """A net that loads the parameters from the database the predictor came from."""
    net = NetDef(name="global-init")
    net.op.add(type="Load", input=[PREDICTOR_DBREADER], output=list(model.params))
    net.external_input.append(PREDICTOR_DBREADER)
    net.external_output.extend(model.params)
    _append(net, model.global_init_net)
    return net


def _append(net: NetDef, more: NetDef | None) -> None:
    if more is None:
        return
    net.op.extend(more.op)
    net.arg.extend(more.arg)
    made = {blob for op in net.op for blob in op.output}
    net.external_input.extend(b for b in more.external_input if b not in made)
    net.external_output.extend(more.external_output)


def _model_of(meta: MetaNetDef, blobs: dict[str, Any], name: str, source: str) -> PredictorModel:
    nets = {pair.key: pair.value for pair in reversed(meta.nets)}  # the first of equal keys counts
    lists = {pair.key: list(pair.value) for pair in reversed(meta.blobs)}
    if _key(PREDICT_NET, name) not in nets:
        raise FormatError(
            f"{source}: expected a net {_key(PREDICT_NET, name)}, got {_listed(list(nets))}; "
            "a predictor among several is chosen by `name`"
        )
    parameters = lists.get(_key(PARAMETERS, name), [])
    missing = [blob for blob in parameters if blob not in blobs]
    if missing:
        raise FormatError(f"{source}: the parameters {_listed(missing)} are missing; damaged")
    inputs, outputs = lists.get(_key(INPUTS, name), []), lists.get(_key(OUTPUTS, name), [])
    init_net, shapes = _without_fills(nets.get(_key(PREDICT_INIT_NET, name)), {*inputs, *outputs})
    return PredictorModel(
        predict_net=nets[_key(PREDICT_NET, name)],
        params={blob: blobs[blob] for blob in parameters},
        inputs=inputs,
        outputs=outputs,
        shapes=shapes,
        init_net=init_net,
        global_init_net=_without_load(nets.get(_key(GLOBAL_INIT_NET, name))),
        meta=meta,
    )


def _without_fills(
    net: NetDef | None, blobs: set[str]
) -> tuple[NetDef | None, dict[str, Sequence[int]]]:
    """What is left of a predict-init net without the fills of `blobs`, and their shapes."""
    shapes: dict[str, Sequence[int]] = {}
    rest: list[OperatorDef] = []
    for op in net.op if net is not None else []:
        shape = [tuple(arg.ints) for arg in op.arg if arg.name == "shape"]
        blob = op.output[0] if len(op.output) == 1 else ""
        if op.type == "ConstantFill" and not op.input and shape and blob in blobs - set(shapes):
            shapes[blob] = shape[0]
        else:
            rest.append(op)
    return _net_of(net, rest, drop=blobs), shapes


def _without_load(net: NetDef | None) -> NetDef | None:
    """What is left of a global-init net without the Load of the parameters, which is done."""
    rest = [
        op
        for op in (net.op if net is not None else [])
        if not (op.type == "Load" and PREDICTOR_DBREADER in op.input)
    ]
    return _net_of(net, rest, drop={PREDICTOR_DBREADER})


def _net_of(net: NetDef | None, ops: list[OperatorDef], drop: set[str]) -> NetDef | None:
    if net is None or not ops:
        return None
    out = NetDef()
    out.CopyFrom(net)
    del out.op[:], out.external_input[:], out.external_output[:]
    out.op.extend(ops)
    made = {blob for op in ops for blob in op.output}
    out.external_input.extend(b for b in net.external_input if b not in drop)
    out.external_output.extend(b for b in net.external_output if b in made)
    return out


def _check_names(model: PredictorModel) -> None:
    for what, names in (("inputs", model.inputs), ("outputs", model.outputs)):
        shared = [blob for blob in names if blob in model.params]
        if shared:
            raise NetError(
                f"parameters and {what} must be different blobs; both: {_listed(shared)}"
            )
    if len(set(model.inputs)) != len(model.inputs):
        raise NetError(f"inputs must be different blobs, got {_listed(model.inputs)}")


def _key(kind: str, name: str) -> str:
    return f"{kind}_{name}" if name else kind


def _listed(names: list[str]) -> str:
    """At most ten names for an error."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return (", ".join(names[:10]) or "nothing") + more
