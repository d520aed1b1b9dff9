"""Every model and recorded operator that is public reads and writes back the same."""

from __future__ import annotations

import zipfile

import pytest

from c2.proto import NetDef, OperatorDef
from c2.serialize.messages import load_net, message_bytes, message_text, parse_message, parse_text

OPERATORS = {
    "lenet_mnist/init_net.pb": 8,
    "lenet_mnist/predict_net.pb": 11,
    "zoo/squeezenet.predict_net.pb": 66,
    "zoo/resnet50.predict_net.pbtxt": 175,
    "zoo/inception_v2.predict_net.pbtxt": 370,
}


@pytest.mark.parametrize("name", OPERATORS)
def test_nets(shared, name):
    path = shared / name
    net = load_net(path)
    assert len(net.op) == OPERATORS[name]
    if path.suffix == ".pb":
        assert message_bytes(net) == path.read_bytes()
    if path.stat().st_size < 1_000_000:  # protobuf reads text at 100 kB a second
        assert parse_text(message_text(net), NetDef) == net
    assert parse_message(message_bytes(net), NetDef) == net


def test_no_public_net_is_left_out(shared):
    found = [p for folder in ("lenet_mnist", "zoo") for p in (shared / folder).glob("*.pb*")]
    assert {p.relative_to(shared).as_posix() for p in found} == set(OPERATORS)


def test_recorded_operators(shared):
    count = 0
    for path in sorted((shared / "recorded").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".pb"):
                    data = archive.read(name)
                    op = parse_message(data, OperatorDef, f"{path.name}: {name}")
                    assert op.type
                    assert message_bytes(op) == data
                    count += 1
    assert count > 100
