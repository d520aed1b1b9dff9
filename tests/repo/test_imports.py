"""Who may import whom, and how little `import c2` may load."""

import ast
import json
import subprocess
import sys

import pytest

# Modules that a user pays for only when using what needs them.
HEAVY = {
    *("typer", "click", "rich", "cffi", "_cffi_backend", "pluggy", "importlib.metadata"),
    *("asyncio", "multiprocessing", "sqlite3", "http.client", "pytest", "hypothesis"),
    *("cupy", "pyopencl", "onnx", "torch", "PIL"),
    *("c2.cli", "c2.testing", "c2.ops", "c2.plugins.loader"),
}
# The command line is the only place for these.
ONLY_UNDER_CLI = {"typer", "click", "rich"}
# Imported where they are used alone, with an error that says what to install.
EXTRAS = {"redis", "ray", "matplotlib"}
CORE_MAY_IMPORT = {"c2", "numpy", "google", "pluggy", "cffi", *ONLY_UNDER_CLI, *EXTRAS}
# What pytest itself imports, in an environment that has pytest.
LOADED_BY_PYTEST = {"pytest_plugin.py"}


def import_names(package):
    return {path.parent.name for path in (package / "src").glob("*/__init__.py")}


def imported(path):
    """The dotted names that a file imports absolutely, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


def sources(package):
    return sorted((package / "src").rglob("*.py"))


def test_no_package_imports_a_sibling_plugin(package, root):
    plugins = {
        name
        for other in (root / "packages").iterdir()
        if other.is_dir() and other.name not in ("c2-core", package.name)
        for name in import_names(other)
    }
    found = [
        f"{path.relative_to(root)}: {name}"
        for path in sources(package)
        for name in imported(path)
        if name.split(".")[0] in plugins
    ]
    assert not found


def test_core_imports_only_what_it_depends_on(root):
    core = root / "packages" / "c2-core"
    allowed = CORE_MAY_IMPORT | sys.stdlib_module_names
    found = [
        f"{path.relative_to(root)}: {name}"
        for path in sources(core)
        for name in imported(path)
        if name.split(".")[0] not in allowed
        and not (name == "pytest" and path.name in LOADED_BY_PYTEST)
    ]
    assert not found


def test_terminal_libraries_stay_under_cli(root):
    core = root / "packages" / "c2-core" / "src" / "c2"
    found = [
        f"{path.relative_to(root)}: {name}"
        for path in sorted(core.rglob("*.py"))
        if path.relative_to(core).parts[0] != "cli"
        for name in imported(path)
        if name.split(".")[0] in ONLY_UNDER_CLI
    ]
    assert not found


def modules_after(statement):
    """The modules that are loaded in a fresh interpreter after `statement`."""
    program = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("statement", ["import c2", "import c2; c2.Net, c2.Workspace"])
def test_import_c2_is_light(statement):
    assert not modules_after(statement) & HEAVY


def test_light_import_check_sees_a_heavy_module():
    assert modules_after("import importlib.metadata") & HEAVY
