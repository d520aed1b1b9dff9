"""Entry point of the `c2` command: the subcommands of c2-core, and those that plugins bring."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from c2 import __version__
from c2.cli import commands
from c2.cli.output import errors, escape, fail
from c2.errors import C2Error, did_you_mean


class _Commands(TyperGroup):
    """Subcommands of c2-core, loaded when used; a plugin's only where the name is none of ours."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted({*_own(), *_from_plugins()})

    def get_command(self, ctx: Any, name: str) -> Any:
        if name in _own():
            return _as_command(getattr(import_module(f"{commands.__name__}.{name}"), name), name)
        found = _from_plugins()
        if name in found:
            return _as_command(found[name].load(), name)
        hint = " It comes with c2-zoo: pip install c2-zoo" if name == "demo" else ""
        near = did_you_mean(name, {*_own(), *found})
        return ctx.fail(f"there is no command '{name}'.{near}{hint}")


def _own() -> list[str]:
    return [m.name for m in pkgutil.iter_modules(commands.__path__)]


def _from_plugins() -> dict[str, Any]:
    from c2 import plugins

    return dict(plugins.provided("commands"))


def _as_command(function: Any, name: str) -> Any:
    if isinstance(function, typer.Typer):
        return typer.main.get_command(function)
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name)(function)
    return typer.main.get_command(single)


app = typer.Typer(
    name="c2",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Caffe2 nets: look at them, check them, run them, train them.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print the version."),
    ] = False,
) -> None:
    """Caffe2 nets: look at them, check them, run them, train them."""


def main() -> None:
    """Runs the command; errors of c2 and of files are told in words, anything else with its traceback."""
    try:
        code = app(prog_name="c2", standalone_mode="--json" not in sys.argv)
        sys.exit(code if isinstance(code, int) else 0)
    except (KeyboardInterrupt, BrokenPipeError) as error:
        errors.print(escape(type(error).__name__))
        sys.exit(130)
    except (C2Error, OSError) as error:
        _exit_with(error, 1)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        _exit_with(
            f"{error.format_message()} Try: c2 --help", 2
        )  # a mistake in the command's options


def _exit_with(error: Exception | str, code: int) -> None:
    try:
        fail(error)
    except typer.Exit:
        sys.exit(code)


if __name__ == "__main__":
    main()
