"""Arguments whose type is that of the field they stand in, and families of arguments that share a prefix."""

import pytest

from c2.errors import SchemaError
from c2.registry.arguments import AnyField, Arg, ArgFamily, read_arguments
from c2.serialize.arguments import make_argument

ARGS = {
    a.name: a
    for a in [Arg("part_total", int), AnyField("value", "anything"), ArgFamily("part_", "family")]
}


def read(**values):
    return read_arguments(ARGS, [make_argument(name, value) for name, value in values.items()])


@pytest.mark.parametrize("value", [3, 0.5, b"text", (1, 2), (0.5, 1.5), (b"a", b"b")])
def test_any_field_keeps_the_type_it_finds(value):
    assert read(value=value)[0]["value"] == value


def test_any_field_takes_an_empty_list():
    assert read(value=[])[0]["value"] == ()


def test_a_family_gathers_what_no_other_argument_names():
    values, unread, problems = read(part_0_gamma=0.5, part_1_policy="fixed", part_total=2, other=1)
    assert values == {
        "part_total": 2,
        "value": None,
        "part_": {"0_gamma": 0.5, "1_policy": b"fixed"},
    }
    assert unread == ["other"]
    assert not problems


def test_a_member_in_two_fields_is_a_problem():
    argument = make_argument("part_0", 1)
    argument.f = 1.0
    _, _, problems = read_arguments(ARGS, [argument])
    assert [type(p) for p in problems] == [SchemaError]
    assert "found fields f, i" in str(problems[0])
