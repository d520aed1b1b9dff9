"""Parameters of one scope used in another."""

import numpy as np
import pytest

import c2
from c2 import brew
from c2.build.parameter_sharing import parameter_name, parameter_sharing
from c2.errors import NetError


@pytest.mark.parametrize(
    ("scope", "shared", "expected"),
    [
        ("a", {}, "a/w"),
        ("b", {"b": "a"}, "a/w"),
        ("b/", {"b/": "a/"}, "a/w"),
        ("a", {"a": ""}, "w"),
        ("b/inner", {"b": "a"}, "a/inner/w"),
        ("b/shared", {"b/shared": "b", "b": "a"}, "a/w"),
        ("b/other", {"b/shared": "b", "b": "a"}, "a/other/w"),
        ("best", {"b": "a"}, "best/w"),
    ],
)
def test_names(scope, shared, expected):
    with parameter_sharing(shared), c2.name_scope(scope.rstrip("/")):
        assert parameter_name("w") == expected


def test_scopes_are_relative_to_where_the_sharing_stands():
    with c2.name_scope("top"), parameter_sharing({"b": "a"}), c2.name_scope("b"):
        assert parameter_name("w") == "top/a/w"


def test_sharing_ends():
    with parameter_sharing({"b": "a"}):
        pass
    with c2.name_scope("b"):
        assert parameter_name("w") == "b/w"


def test_endless_sharing_is_refused():
    with pytest.raises(NetError, match="would never end"), parameter_sharing({"a": "a/b"}):
        pass
    with pytest.raises(NetError, match="in a circle: a/ -> b/ -> a/"):  # noqa: SIM117
        with parameter_sharing({"a": "b", "b": "a"}), c2.name_scope("a"):
            parameter_name("w")


def test_shared_layers_get_the_gradients_of_both():
    model = c2.ModelHelper("m")
    with parameter_sharing({"right": "left"}):
        with c2.name_scope("left"):
            a = brew.fc(model, "x", "fc", 2, 1)
        with c2.name_scope("right"):
            b = brew.fc(model, "x", "fc", 2, 1)
    total = model.op("Sum", [a, b], "total")
    model.op("ReduceSum", total, "loss", keepdims=0)
    assert list(map(str, model.params)) == ["left/fc_w", "left/fc_b"]
    model.add_gradients("loss")
    ws = c2.Workspace()
    ws.run(model.param_init_net)
    ws.feed("left/x", np.array([[1, 2]], np.float32))
    ws.feed("right/x", np.array([[10, 20]], np.float32))
    ws.run(model.net)
    np.testing.assert_allclose(ws["left/fc_w_grad"], [[11, 22]])
    np.testing.assert_allclose(ws["left/fc_b_grad"], [2])
