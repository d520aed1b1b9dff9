"""The backward pass: Caffe2's names, sums, versions and errors."""

import pytest

import c2
from c2.autodiff.backward import backward_pass
from c2.registry import OpSchema, Tensor, core_registry, gradient, same_as
from c2.registry.schema import NoGradient

REGISTRY = core_registry()


def lines(ops):
    return [f"{op.type}({','.join(op.input)})->{','.join(op.output)}" for op in ops]


def test_a_chain():
    ops = [c2.create_op("Relu", "x", "h"), c2.create_op("LeakyRelu", "h", "y")]
    made, gradients = backward_pass(ops, "y", REGISTRY)
    assert lines(made) == [
        "ConstantFill(y)->y_autogen_grad",
        "LeakyReluGradient(y,y_autogen_grad)->h_grad",
        "ReluGradient(h,h_grad)->x_grad",
    ]
    assert gradients == {"y": "y_autogen_grad", "h": "h_grad", "x": "x_grad"}
    assert all(op.is_gradient_op for op in made[1:])


def test_fan_out_is_split_and_summed():
    ops = [c2.create_op("Relu", "x", name) for name in "abc"]
    made, gradients = backward_pass(ops, {"a": "ga", "b": "gb", "c": "gc"}, REGISTRY)
    assert lines(made) == [
        "ReluGradient(c,gc)->x_grad",
        "ReluGradient(b,gb)->_x_grad_autosplit_0",
        "ReluGradient(a,ga)->_x_grad_autosplit_1",
        "Sum(x_grad,_x_grad_autosplit_0,_x_grad_autosplit_1)->x_grad",
    ]
    assert list(made[-1].device_option.extra_info) == ["is_auto_gen_sum_ops:1"]
    assert gradients["x"] == "x_grad"


def test_one_operator_that_reads_a_blob_twice():
    made, _ = backward_pass([c2.create_op("Mul", ["x", "x"], "y")], {"y": "gy"}, REGISTRY)
    assert lines(made) == [
        "MulGradient(gy,x,x)->x_grad,_x_grad_autosplit_0",
        "Sum(x_grad,_x_grad_autosplit_0)->x_grad",
    ]


def test_a_gradient_made_in_several_steps_is_renamed_in_all_of_them():
    ops = [c2.create_op("Pow", "x", "a", exponent=3.0), c2.create_op("Relu", "x", "b")]
    made, _ = backward_pass(ops, {"a": "ga", "b": "gb"}, REGISTRY)
    assert lines(made) == [
        "ReluGradient(b,gb)->x_grad",
        "Pow(x)->_x_grad_autosplit_0",
        "Mul(_x_grad_autosplit_0,ga)->_x_grad_autosplit_0",
        "Scale(_x_grad_autosplit_0)->_x_grad_autosplit_0",
        "Sum(x_grad,_x_grad_autosplit_0)->x_grad",
    ]


def test_a_gradient_handed_through_a_fan_out_of_in_place_operators():
    ops = [c2.create_op("Add", ["x", "x"], "x"), c2.create_op("Relu", "x", "y")]
    made, _ = backward_pass(ops, {"y": "gy"}, REGISTRY)
    assert lines(made) == [
        "ReluGradient(y,gy)->x_grad",
        "AddGradient(x_grad,x,x)->x_grad,_x_grad_autosplit_0",
        "Sum(x_grad,_x_grad_autosplit_0)->x_grad",
    ]


@pytest.mark.parametrize(
    ("type_", "inputs"),
    [
        ("Sqr", "x"),
        ("Log", "x"),
        ("Mul", ["x", "z"]),
        ("Mul", ["z", "x"]),
        ("PRelu", ["x", "z"]),
        ("Max", ["x", "z"]),
    ],
)
def test_an_input_overwritten_in_place_that_the_gradient_reads(type_, inputs):
    op = c2.create_op(type_, inputs, "x", name="squared")
    with pytest.raises(
        c2.GradientError,
        match=rf"{type_} 'squared': its gradient reads input . 'x', and the operator",
    ):
        backward_pass([op], {"x": "gx"}, REGISTRY)


def test_sparse_gradients_are_concatenated():
    ops = [
        c2.create_op("Gather", ["table", "i"], "a"),
        c2.create_op("Gather", ["table", "j"], "b"),
    ]
    made, gradients = backward_pass(ops, {"a": "ga", "b": "gb"}, REGISTRY)
    slices = gradients["table"]
    assert isinstance(slices, c2.GradientSlice)
    assert [op.type for op in made] == ["Concat", "Concat"]
    assert (slices.indices, slices.values) == (
        "table_grad_indices_concat",
        "table_grad_values_concat",
    )


def test_sparse_and_dense_do_not_mix():
    ops = [c2.create_op("Gather", ["table", "i"], "a"), c2.create_op("Relu", "table", "b")]
    with pytest.raises(c2.GradientError, match="'table' gets both sparse and dense gradients"):
        backward_pass(ops, {"a": "ga", "b": "gb"}, REGISTRY)


def test_in_place_is_fine_where_the_gradient_reads_the_output():
    ops = [c2.create_op("Relu", "x", "x"), c2.create_op("Relu", "x", "y")]
    made, _ = backward_pass(ops, {"y": "gy"}, REGISTRY)
    assert lines(made)[-1] == "ReluGradient(x,x_grad)->x_grad"


def test_an_overwritten_blob_is_an_error_that_says_so():
    ops = [
        c2.create_op("Relu", "x", "h"),
        c2.create_op("Relu", "h", "y"),
        c2.create_op("Relu", "z", "h"),
    ]
    with pytest.raises(
        c2.GradientError, match="needs its output 'h', which a later operator overwrites"
    ):
        backward_pass(ops, {"y": "gy"}, REGISTRY)


def test_the_three_kinds_of_no_gradient():
    registry = core_registry()
    for name, kind in (("Stops", NoGradient.STOPS), ("Never", NoGradient.FORBIDDEN),
                       ("NotYet", NoGradient.NOT_IMPLEMENTED)):  # fmt: skip
        registry.add_schema(
            OpSchema(
                name, inputs=[Tensor("X")], outputs=[Tensor("Y")], infer=same_as("X"), gradient=kind
            )
        )

    def differentiate(kind):
        ops = [c2.create_op("Relu", "x", "h"), c2.create_op(kind, "h", "y", name="this one")]
        return backward_pass(ops, {"y": "gy"}, registry)

    assert differentiate("Stops") == ([], {"y": "gy"})
    with pytest.raises(
        c2.GradientError, match="cannot differentiate Never 'this one': it must not be reached"
    ):
        differentiate("Never")
    with pytest.raises(
        c2.GradientError, match="cannot differentiate NotYet 'this one'.*not implemented"
    ):
        differentiate("NotYet")


def test_stop_gradient_stops_and_must_be_read():
    ops = [
        c2.create_op("Relu", "x", "h"),
        c2.create_op("StopGradient", "h", "h"),
        c2.create_op("Relu", "h", "y"),
    ]
    _, gradients = backward_pass(ops, {"y": "gy"}, REGISTRY)
    assert "x" not in gradients
    with pytest.raises(c2.GradientError, match="nobody reads 's', the output of StopGradient"):
        backward_pass([c2.create_op("StopGradient", "x", "s")], {"s": "gs"}, REGISTRY)


def test_zero_gradient_contributes_without_anything_flowing_back():
    ops = [c2.create_op("ZeroGradient", "x", ()), c2.create_op("Relu", "z", "y")]
    made, gradients = backward_pass(ops, {"y": "gy"}, REGISTRY)
    assert gradients["x"] == "x_grad"
    assert any(op.type == "ConstantFill" and op.output[0] == "x_grad" for op in made)


def test_unknown_targets_and_devices_that_differ():
    with pytest.raises(c2.GradientError, match="cannot differentiate 'los'.*Did you mean 'loss'"):
        backward_pass([c2.create_op("Relu", "x", "loss")], "los", REGISTRY)
    ops = [
        c2.create_op("Relu", "x", "a", device_option=c2.device_option("CUDA:0")),
        c2.create_op("Relu", "x", "b", device_option=c2.device_option("CUDA:1")),
    ]
    with pytest.raises(c2.GradientError, match="gradients of 'x' are made on different devices"):
        backward_pass(ops, {"a": "ga", "b": "gb"}, REGISTRY)


def test_a_maker_that_reads_a_stranger_is_told():
    registry = core_registry()
    schema = OpSchema("Strange", inputs=[Tensor("X")], outputs=[Tensor("Y")], infer=same_as("X"))

    @gradient(schema)
    def strange_gradient_maker(g):
        return [g.op("Relu", ["stranger"], [g.GI("X")])]

    registry.add_schema(schema)
    for mark in strange_gradient_maker.__c2_marks__:
        registry.add_mark(mark)
    with pytest.raises(c2.GradientError, match="reads 'stranger', which is none of its blobs"):
        backward_pass([c2.create_op("Strange", "x", "y")], {"y": "gy"}, registry)


def test_the_gradient_of_one_is_made_where_its_blob_is_or_where_the_scope_says():
    relu = c2.create_op("Relu", "x", "y", device_option=c2.device_option("CUDA:1"))
    assert backward_pass([relu], "y", REGISTRY)[0][0].device_option == relu.device_option
    with c2.device_scope("CUDA:2"):
        assert backward_pass([relu], "y", REGISTRY)[0][0].device_option.device_id == 2


def test_add_gradients_to_a_net():
    net = c2.Net("differentiated")
    net.op("Relu", "x", "y")
    gradients = net.add_gradients("y")
    assert isinstance(gradients["x"], c2.BlobReference)
    assert [op.type for op in net.ops] == ["Relu", "ConstantFill", "ReluGradient"]
