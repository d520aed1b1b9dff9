"""Checkpoints of data-parallel training: resumed anywhere, by any number of processes, as if nothing had happened."""

import re
import shutil

import numpy as np
import pytest

import c2
from c2 import brew
from c2.communicate import connect
from c2.data.batches import Batches
from c2.errors import CommunicationError, FormatError

ROWS, BATCH = 48, 12


def built():
    model = c2.ModelHelper("net")
    h = brew.relu(model, brew.fc(model, "x", "fc1", dim_in=5, dim_out=8), "h")
    scores = brew.fc(model, h, "fc2", dim_in=8, dim_out=3)
    model.SoftmaxWithLoss([scores, "label"], ["softmax", "loss"])
    model.add_gradients("loss")
    c2.parallel.average_gradients(model)
    c2.optimizer.build_adam(model, 0.01)
    model.set_random_seed(7)
    return model


def data():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((ROWS, 5)).astype(np.float32)
    return Batches({"x": x, "label": rng.integers(0, 3, ROWS).astype(np.int32)}, BATCH, seed=2)


def job(folder, ranks=None, **options):
    ranks = ranks or connect(size=1)
    workspace, model, rows = c2.Workspace(), built(), c2.parallel.shard(data(), ranks)
    checkpoints = c2.parallel.CheckpointManager(
        folder, workspace, model, ranks, readers={"train": rows}, **options
    )
    return checkpoints, workspace, model, rows, ranks


def trains(rank, size, store, folder, steps, save_at=()):
    """Goes on from the newest checkpoint; (step it began at, parameters after `steps` steps in all)."""
    checkpoints, workspace, model, rows, ranks = job(
        folder, connect(rank, size, store, run_id=f"{size}-{steps}")
    )
    begun = step = checkpoints.load() or 0
    c2.parallel.start(workspace, model, ranks)
    while step < steps:
        for batch in rows:
            for name, value in batch.items():
                workspace.feed(name, value)
            workspace.run(model.net)
            step += 1
            if step in save_at:
                checkpoints.save(step)
            if step == steps:
                break
    return begun, {name: workspace[name] for name in model.parameters}


def test_resumed_by_others(ranks, tmp_path):
    """7 steps, the checkpoint in the middle of the second epoch, then 4 more by another number of processes."""
    ((begun, whole),) = ranks(trains, 1, tmp_path / "none", 11)
    assert begun == 0
    found = ranks(trains, 2, tmp_path / "here", 7, (3, 6))
    assert all(isinstance(one, tuple) for one in found), found
    assert sorted(p.name for p in (tmp_path / "here").iterdir()) == ["trainer.3", "trainer.6"]
    for size in (1, 2, 3):
        folder = shutil.copytree(tmp_path / "here", tmp_path / str(size))
        for one in ranks(trains, size, folder, 11):
            assert isinstance(one, tuple), one
            assert one[0] == 6
            for name, value in whole.items():
                np.testing.assert_allclose(one[1][name], value, 1e-4, 1e-6, err_msg=name)


def saved(folder, **options):
    checkpoints, workspace, model, rows, ranks = job(folder, **options)
    c2.parallel.start(workspace, model, ranks)
    for number in range(1, 4):
        next(iter(rows))
        checkpoints.save(number)
    return checkpoints


def looks(rank, size, store, folder):
    checkpoints = job(folder if rank != 1 else f"{folder}-1", connect(rank, size, store))[0]
    try:
        return checkpoints.load()
    except (CommunicationError, FormatError) as error:
        return str(error)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("none", r"rank 0, 2 found \S+trainer\.3 \(checksum \w{8}\); rank 1 found none\. All must see one folder"),
        ("older", r"rank 1 found \S+trainer\.2 \(checksum"),
        ("changed", r"rank 0, 2 found (\S+3) \(checksum \w+\); rank 1 found \1 \(checksum"),
        ("damaged", r"rank 1 found one that it cannot read"),
    ],
)  # fmt: skip
def test_a_rank_that_finds_another(ranks, tmp_path, other, said):
    saved(tmp_path / "a")
    there = tmp_path / "a-1"
    if other != "none":
        shutil.copytree(tmp_path / "a", there)
    if other == "older":
        (there / "trainer.3").unlink()
    elif other == "changed":
        shutil.copy(there / "trainer.2", there / "trainer.3")
    elif other == "damaged":
        (there / "trainer.3").write_bytes(b"nothing")
    found = ranks(looks, 3, tmp_path / "a")
    for rank in (0, 2):
        assert re.search(said, str(found[rank]).replace("a-1", "a")), found
    assert "trainer.3" in str(found[1])


def test_only_the_newest_stay(tmp_path):
    assert saved(tmp_path, keep=2).epochs() == [2, 3]


def test_what_cannot_be_resumed(tmp_path):
    checkpoints = saved(tmp_path)
    assert job(tmp_path / "empty")[0].load() is None
    with pytest.raises(FormatError, match=r"there is no checkpoint .*trainer.9; have: 1, 2, 3"):
        checkpoints.load(9)
    other, *_, rows, _ = job(tmp_path)
    other.readers["test"] = rows
    with pytest.raises(FormatError, match="does not say where reader 'test' was"):
        other.load()
    model = c2.ModelHelper("other")
    brew.fc(model, "x", "fc1", dim_in=5, dim_out=9)
    with pytest.raises(FormatError, match=r"'fc1_w' must have shape \(9, 5\), got \(8, 5\)"):
        c2.parallel.CheckpointManager(tmp_path, c2.Workspace(), model).load()
    brew.fc(model, "fc1", "fc3", dim_in=9, dim_out=9)
    with pytest.raises(FormatError, match=r"is of another model: it lacks 'fc3_b', 'fc3_w'"):
        c2.parallel.CheckpointManager(tmp_path, c2.Workspace(), model).load()
    net = c2.Net("net")
    net.ConstantFill([], "w", shape=[1], value=1.0)
    net.Save("w", [], db="trainer.5", db_type="minidb")
    c2.Workspace(allow=["files"], root_folder=str(tmp_path)).run(net)
    with pytest.raises(
        FormatError, match="trainer.5 is no checkpoint: it has no blob 'checkpoint_state'"
    ):
        checkpoints.load()


def cannot_write(rank, size, store, folder):
    checkpoints, workspace, model, _, ranks = job(folder, connect(rank, size, store))
    c2.parallel.start(workspace, model, ranks)
    try:
        checkpoints.save(1)
    except (OSError, CommunicationError) as error:
        return type(error).__name__, str(error)


def test_all_hear_that_nothing_was_written(ranks, tmp_path):
    (tmp_path / "file").touch()
    first, second = ranks(cannot_write, 2, tmp_path / "file")
    assert first[0] in ("FileExistsError", "NotADirectoryError")
    assert second[0] == "CommunicationError"
    assert "rank 0 could not write checkpoint" in second[1]


def test_load_reads_it(tmp_path):
    """The operator, without the manager."""
    saved(tmp_path)
    net = c2.Net("load")
    net.Load([], ["fc1_w"], db="trainer.3", db_type="minidb")
    workspace = c2.Workspace(allow=["files"], root_folder=str(tmp_path))
    workspace.run(net)
    assert workspace["fc1_w"].shape == (8, 5)
