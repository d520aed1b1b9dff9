"""An OperatorDef as one line of text. Read by the generators (real Caffe2, Python 3.8) and by the tests."""


def operator_line(op):
    """`FC(x,w,b)->y axis=i:2 @1:0 #CUDNN !note`: arguments sorted, device, engine and extra_info where set."""
    parts = [f"{op.type}({','.join(op.input)})->{','.join(op.output)}"]
    parts += sorted(_argument(a) for a in op.arg)
    if op.HasField("device_option"):
        parts.append(f"@{op.device_option.device_type}:{op.device_option.device_id}")
        if op.device_option.node_name:
            parts.append(f"on:{op.device_option.node_name}")
        parts += [f"!{note}" for note in op.device_option.extra_info]
    if op.engine:
        parts.append(f"#{op.engine}")
    if op.is_gradient_op:
        parts.append("gradient")
    return " ".join(parts)


def _argument(arg):
    fields = [(f.name, value) for f, value in arg.ListFields() if f.name != "name"]
    if not fields:
        return f"{arg.name}="
    field, value = fields[0]
    if field in ("f", "floats"):
        value = [round(v, 6) for v in (value if field == "floats" else [value])]
    elif field in ("ints", "strings"):
        value = list(value)
    return f"{arg.name}={field}:{value}".replace(" ", "")
