"""Int8Add and Int8Sum, alone and with a Relu: four names of one formula."""

from typing import Any

from c2.ops.int8 import int8_tensor as q
from c2.registry import Case, Operator, OpSchema, Tensor, require
from c2.registry.schema import NoGradient


def require_one_shape(A: Any, B: Any) -> None:
    a, b = q.is_int8("A", A).data, q.is_int8("B", B).data
    require(a.shape == b.shape, "A and B must have one shape", a.shape, b.shape)


def _operator(type_, relu):
    def int8_add(xp, A, B, *, Y_scale, Y_zero_point):
        require_one_shape(A, B)
        a, b = q.steps("A", A), q.steps("B", B)
        count = a * (A.scale / Y_scale) + b * (B.scale / Y_scale)
        return q.rounded(count, Y_scale, Y_zero_point, Y_zero_point if relu else 0)

    def make_cases(rng):
        for shape in [(), (0, 3), (2, 3, 4)]:
            A, B = q.drawn(rng, *shape), q.drawn(rng, *shape, scale=0.07, zero_point=30)
            check = q.stands_for(q.real(A) + q.real(B), 0.2, 60, 0 if relu else None)
            yield Case({"A": A, "B": B}, {"Y_scale": 0.2, "Y_zero_point": 60}, check=check)

    schema = OpSchema(
        type_, doc=f"C = {'max(A + B, 0)' if relu else 'A + B'}, two 8-bit tensors of one shape, in steps of C.",
        inputs=[Tensor("A", "8-bit tensor", blob=True), Tensor("B", "8-bit tensor, shape of A", blob=True)],
        outputs=[Tensor("C", "8-bit tensor", blob=True)], args=q.RESULT, infer=q.unknown,
        gradient=NoGradient.NOT_IMPLEMENTED, inplace={"A": "C", "B": "C"},
    )  # fmt: skip
    return Operator(schema, int8_add, cases=make_cases, device="CPU")


INT8_ADD, INT8_ADD_RELU = _operator("Int8Add", relu=False), _operator("Int8AddRelu", relu=True)
INT8_SUM, INT8_SUM_RELU = _operator("Int8Sum", relu=False), _operator("Int8SumRelu", relu=True)
