"""Assert, Fail and Print in a net: what they say."""

import numpy as np
import pytest

import c2
from c2.graph.op import create_op
from c2.proto import NetDef


def run(op, **blobs):
    workspace = c2.Workspace()
    for name, value in blobs.items():
        workspace.feed(name, value)
    workspace.run_once(NetDef(name="debug", op=[op], external_input=list(blobs)))


def test_assert_names_the_first_element_that_is_not_true():
    op = create_op("Assert", ["X"], [], name="positive", error_msg="not positive")
    with pytest.raises(c2.KernelError, match=r"Assert 'positive'.*net 'debug'.*not positive.*"):
        run(op, X=np.array([True, False, False]))
    with pytest.raises(c2.KernelError, match=r"expected true, got 0 at element 2"):
        run(op, X=np.array([1, 5, 0, 0]))


def test_assert_passes():
    run(create_op("Assert", ["X"], []), X=np.array([[1, -1]]))
    run(create_op("Assert", ["X"], []), X=np.zeros(0, bool))


def test_fail_fails():
    with pytest.raises(c2.KernelError, match="the operator Fail was reached"):
        run(create_op("Fail"))


def test_print_shows_name_dtype_shape_and_elements(capsys):
    run(
        create_op("Print", ["weights"], [], limit=3),
        weights=np.arange(4, dtype=np.int64).reshape(2, 2),
    )
    assert capsys.readouterr().out == "weights: int64 (2, 2) 0, 1, 2, ...\n"


def test_print_at_the_first_of_every_n_runs(capsys):
    workspace = c2.Workspace()
    workspace.feed("X", np.array([7.5], np.float32))
    op = create_op("Print", ["X"], [], every_n=2)
    workspace.create(NetDef(name="often", op=[op], external_input=["X"]))
    for _ in range(5):
        workspace.run("often")
    assert capsys.readouterr().out == "X: float32 (1,) 7.5\n" * 3


def test_print_writes_no_files():
    with pytest.raises(c2.SchemaError, match="to_file is not supported"):
        run(create_op("Print", ["X"], [], to_file=1), X=np.zeros(2))
