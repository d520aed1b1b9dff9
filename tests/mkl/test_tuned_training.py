"""A training net whose kernels were chosen by measuring: races change no parameter, and steps stay the same."""

import numpy as np

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net


def step():
    model = c2.ModelHelper("step")
    h = c2.brew.fc(model, "data", "h", dim_in=16, dim_out=32)
    h = c2.brew.relu(model, h, "r")
    h = c2.brew.dropout(model, h, "d", ratio=0.5, is_test=False)
    c2.brew.fc(model, h, "pred", dim_in=32, dim_out=4)
    model.net.op("SoftmaxWithLoss", ["pred", "label"], ["softmax", "loss"])
    model.add_gradients("loss")
    c2.optimizer.build_sgd(model, base_learning_rate=0.1, momentum=0.9)
    return model


def test_training_is_the_same_with_and_without_a_race(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("C2_TUNE_CACHE", str(tmp_path))
    monkeypatch.delenv("C2_TUNE", raising=False)
    model, rng = step(), np.random.default_rng(0)
    model.set_random_seed(7)
    X, label = (
        rng.standard_normal((8, 16)).astype(np.float32),
        rng.integers(0, 4, 8).astype(np.int32),
    )
    found = {}
    for tune in (False, True):
        workspace = c2.Workspace(registry=registry)
        workspace.feed("data", X)
        workspace.feed("label", label)
        workspace.run_once(model.param_init_net)
        checked = check_net(model.net.proto, registry)
        made = CompiledNet(checked, workspace, registry, keep=["loss"], tune=tune, threads=1)
        losses = []
        for _ in range(5):
            made.run()
            losses.append(float(workspace["loss"]))
        found[tune] = losses, {n: workspace[n] for n in map(str, model.params)}
        assert (made.program().tuned is not None) == tune
    np.testing.assert_allclose(found[True][0], found[False][0], rtol=1e-5)
    assert found[True][0][-1] != found[True][0][0]
    assert len(found[False][1]) == 4
    for name, value in found[False][1].items():
        np.testing.assert_allclose(found[True][1][name], value, rtol=1e-4, atol=1e-6, err_msg=name)
