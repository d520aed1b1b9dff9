"""What this package brings to c2."""

from c2.plugins import hookimpl

C2_API_VERSION = 1


@hookimpl
def c2_info():
    return {"name": "c2-example-op", "summary": "the operator Snake, as an example"}


@hookimpl
def c2_operators():
    return ["c2_example_op.snake"]
