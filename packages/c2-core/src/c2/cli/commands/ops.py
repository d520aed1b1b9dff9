"""`c2 ops`: the catalogue of operators, and the page of one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import c2
from c2.cli.output import Json, console, escape, print_json, print_table
from c2.registry import OpSchema, Registry, Tensor


def ops(
    name: Annotated[str | None, typer.Argument(help="An operator type, for its page.")] = None,
    search: Annotated[
        str | None, typer.Option(help="Only types or texts that contain this.")
    ] = None,
    json: Json = False,
) -> None:
    """Lists operators, or tells everything about one: formula, blobs, arguments, gradient, kernels."""
    registry = c2.registry.default()
    if name is not None:
        page = describe(registry, registry.schema(name))
        print_json(page) if json else _print_page(page)
        return
    found = [t for t in registry.types() if _matches(registry.schema(t), search)]
    if json:
        print_json([describe(registry, registry.schema(t)) for t in found])
        return
    rows = [
        (t, _first_line(registry.schema(t).doc), "yes" if registry.gradient_maker(t) else "")
        for t in found
        if search or not _is_gradient(t, registry)
    ]
    print_table(["operator", "what it does", "gradient"], rows)
    console.print(
        f"{len(rows)} operators; their gradient operators are left out"
        if not search
        else f"{len(rows)} found"
    )


def describe(registry: Registry, schema: OpSchema) -> dict[str, Any]:
    """Everything the registry knows of an operator, as plain data."""
    return {
        "type": schema.type,
        "source": registry.source(schema.type),
        "doc": schema.doc,
        "inputs": [_tensor(t) for t in schema.inputs],
        "outputs": [_tensor(t) for t in schema.outputs],
        "args": [
            {
                "name": a.name, "type": a.type_name, "required": a.required,
                "default": None if a.required else a.default, "doc": a.doc,
                "choices": a.choices, "minimum": a.minimum, "maximum": a.maximum,
            }
            for a in schema.args
        ],
        "inplace": [[schema.input(i).name, schema.output(o).name] for i, o in sorted(schema.inplace_pairs)],
        "inplace_required": [
            [schema.input(i).name, schema.output(o).name] for i, o in sorted(schema.inplace_required_pairs)
        ],
        "gradient": (
            "yes" if registry.gradient_maker(schema.type) else schema.gradient.value if schema.gradient else "none"
        ),
        "kernels": [
            {"device": k.device, "engine": k.engine, "source": k.source} for k in registry.kernels(schema.type)
        ],
        "native": [{"device": m.device, "engine": m.engine} for m in registry.natives(schema.type)],
    }  # fmt: skip


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name, "doc": tensor.doc, "dtypes": sorted(tensor.dtypes), "optional": tensor.optional,
        "variadic": tensor.variadic,
    }  # fmt: skip


def _print_page(page: dict[str, Any]) -> None:
    console.print(f"[bold]{page['type']}[/]  ({page['source']})\n\n{escape(page['doc'])}\n")
    for kind in ("inputs", "outputs"):
        for t in page[kind]:
            more = " (optional)" if t["optional"] else " (one or more)" if t["variadic"] else ""
            console.print(f"{kind[:-1]:7} [bold]{escape(t['name'])}[/]{more}  {escape(t['doc'])}")
    for a in page["args"]:
        default = "required" if a["required"] else f"default {a['default']!r}"
        console.print(
            f"arg     [bold]{a['name']}[/] ({a['type']}, {escape(default)})  {escape(a['doc'])}"
        )
    pairs = [
        *(f"{i} -> {o}" for i, o in page["inplace"]),
        *(f"{i} -> {o} (must)" for i, o in page["inplace_required"]),
    ]
    console.print(f"in place: {', '.join(pairs) or 'no'}")
    console.print(f"gradient: {page['gradient']}")
    kernels = [
        f"{'any device' if k['device'] == '*' else k['device']} {k['engine'] or 'reference'}"
        for k in page["kernels"]
    ]
    console.print(f"kernels: {', '.join(kernels) or 'none'}")


def _matches(schema: OpSchema, text: str | None) -> bool:
    return text is None or text.lower() in schema.type.lower() or text.lower() in schema.doc.lower()


def _is_gradient(type_: str, registry: Registry) -> bool:
    return type_.endswith("Gradient") and type_.removesuffix("Gradient") in registry


def _first_line(doc: str) -> str:
    return doc.partition("\n")[0]
