"""From a training net to the net that predicts: what the outputs need, in test mode."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

from c2.errors import NetError, did_you_mean
from c2.graph.net import Net, renamed_op

# Operators that work otherwise in training, and how many outputs they have in test mode.
TEST_OUTPUTS = {"SpatialBN": 1, "Dropout": 1}


def extract_predictor_net(
    net: Net,
    outputs: Any,
    inputs: Any = None,
    *,
    params: Container[str] = (),
    name: str | None = None,
    rename: Mapping[str, str] | None = None,
) -> Net:
    """The operators that `outputs` need, without gradients and updates, as a new net.

    Differs from Caffe2: operators with is_test=0 are put into test mode, where Caffe2 raises.

    Args:
        outputs: blobs to compute; one alone needs no list.
        inputs: blobs that will be fed; None: everything read that no kept operator makes and is no parameter.
        params: names of the parameters, which come after the inputs among the external inputs.
        rename: blob name -> its name in the new net.

    Raises:
        NetError: no operator makes an output, or something is read that is neither fed, made nor a parameter.
    """
    wanted = _names(outputs)
    given = None if inputs is None else _names(inputs)
    kept, missing = _slice(net, wanted, set(given or ()))
    fed = [b for b in missing if b not in params] if given is None else given
    unmade = [b for b in missing if b not in params and b not in fed]
    if unmade:
        raise NetError(
            f"net '{net.name}': {', '.join(map(repr, wanted))} needs {', '.join(map(repr, unmade))}, which is no "
            "parameter and is not among the inputs; add it to `inputs`"
        )
    new = {str(k): str(v) for k, v in (rename or {}).items()}
    result = Net(name or f"{net.name}_predict")
    weights = [b for b in missing if b not in fed]
    result.add_external_input(*[new.get(b, b) for b in [*fed, *weights]])
    result.extend(as_test_op(renamed_op(op, new)) for op in kept)
    result.add_external_output(*[new.get(b, b) for b in wanted])
    return result


def as_test_op(op: Any) -> Any:
    """The operator with `is_test=1` where it says `is_test=0`, and without the outputs that training alone has."""
    for arg in op.arg:
        if arg.name == "is_test" and not arg.i:
            arg.i = 1
            _trim(op)
    if op.type == "SpatialBN" and len(op.output) > 1:  # is_test is left out: it trains
        op.arg.add(name="is_test", i=1)
        _trim(op)
    return op


def _trim(op: Any) -> None:
    if op.type in TEST_OUTPUTS:
        del op.output[TEST_OUTPUTS[op.type] :]


def _slice(net: Net, wanted: list[str], fed: set[str]) -> tuple[list[Any], list[str]]:
    """The operators that `wanted` need, in order, and the blobs they read that none of them makes."""
    ops = [op for op in net.ops if not op.is_gradient_op]
    made = {name for op in ops for name in op.output}
    for name in wanted:
        if name not in made:
            raise NetError(
                f"net '{net.name}': no operator makes '{name}'.{did_you_mean(name, made)}"
            )
    needed, kept = set(wanted), []
    for op in reversed(ops):
        if needed.isdisjoint(op.output):
            continue
        kept.append(op)
        needed.difference_update(op.output)
        needed.update(name for name in op.input if name not in fed)
    kept.reverse()
    return kept, _read_first(kept)


def _read_first(ops: Iterable[Any]) -> list[str]:
    made: set[str] = set()
    found: dict[str, None] = {}
    for op in ops:
        found.update((name, None) for name in op.input if name not in made)
        made.update(op.output)
    return list(found)


def _names(blobs: Any) -> list[str]:
    several = isinstance(blobs, Iterable) and not isinstance(blobs, str)
    return [str(b) for b in (blobs if several else [blobs])]
