"""Each package of the repository: its metadata, its files, its version, and its plugin page."""

import ast
import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path

import pytest

import c2

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # which pytest brings along

CORE = "c2-core"
BRINGS = {"c2-mkl": {"c2-nnpack"}}  # decision 0012


def project_of(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


def installed(folder):
    """The installed distribution of a package folder; skips where it is not installed."""
    try:
        return importlib.metadata.distribution(folder.name)
    except importlib.metadata.PackageNotFoundError:
        assert folder.name != CORE, "c2-core must be installed to be tested"
        pytest.skip(f"{folder.name} is not installed")


def import_folder(folder):
    """The one folder under `src` that is a Python package."""
    found = [path for path in (folder / "src").iterdir() if (path / "__init__.py").exists()]
    assert len(found) == 1, f"expected one import package, got {found}"
    return found[0]


def test_metadata(package):
    project = project_of(package)
    assert project["name"] == package.name
    assert project["license"] == "BSD-2-Clause"
    assert project["requires-python"] == ">=3.10"
    assert project["readme"] == "README.md"
    assert (package / "README.md").read_text().startswith(f"# {package.name}\n")


def test_licence_is_the_repository_s(package, root):
    assert (package / "LICENSE").read_bytes() == (root / "LICENSE").read_bytes()


def test_version_agrees(package, root):
    newest = re.search(r"^## (\S+)", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest, "CHANGELOG.md has no entry"
    assert project_of(package)["version"] == newest.group(1)


def test_c2_says_its_version(root):
    assert c2.__version__ == project_of(root / "packages" / CORE)["version"]


@pytest.mark.parametrize("name", c2.__all__)
def test_public_name_is_there(name):
    assert getattr(c2, name) is not None


def test_changelog_names_the_package(package, root):
    assert f"`{package.name}`" in (root / "CHANGELOG.md").read_text()


def test_installed_package_is_typed_and_licensed(package):
    distribution = installed(package)
    assert distribution.version == project_of(package)["version"]
    assert distribution.metadata["License-Expression"] == "BSD-2-Clause"
    found = importlib.util.find_spec(import_folder(package).name)
    assert (Path(found.origin).parent / "py.typed").exists()


def test_installed_plugin_answers(plugin):
    (entry_point,) = [e for e in installed(plugin).entry_points if e.group == "c2"]
    try:
        info = entry_point.load().c2_info()
    except c2.PluginError as declined:
        pytest.skip(f"{plugin.name} declines this machine: {declined}")
    assert info["name"] == plugin.name
    assert info["summary"]


def test_plugin_depends_on_core_and_on_no_sibling_but_what_it_brings(plugin, root):
    needed = {re.match(r"[\w-]+", text).group() for text in project_of(plugin)["dependencies"]}
    siblings = {path.name for path in (root / "packages").iterdir()} - {CORE}
    assert CORE in needed
    assert needed & siblings == BRINGS.get(plugin.name, set())


def test_plugin_page(plugin):
    """The page stands where the metadata says, with its API version and what it tells of itself."""
    entry_points = project_of(plugin)["entry-points"]["c2"]
    assert list(entry_points) == [plugin.name.removeprefix("c2-")]
    (module,) = entry_points.values()
    tree = ast.parse((plugin / "src" / (module.replace(".", "/") + ".py")).read_text())
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert ast.literal_eval(constants["C2_API_VERSION"]) == 1
    assert "c2_info" in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
