"""Each package of the repository: its metadata, its files, its version, and its plugin page."""

import ast
import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # which pytest brings along

CORE = "c2-core"


@pytest.fixture
def project(package):
    return tomllib.loads((package / "pyproject.toml").read_text())["project"]


def import_folders(package):
    return [path for path in (package / "src").iterdir() if (path / "__init__.py").exists()]


def test_metadata(package, project):
    assert project["name"] == package.name
    assert project["license"] == "BSD-2-Clause"
    assert project["requires-python"] == ">=3.10"
    assert project["readme"] == "README.md"
    assert (package / "README.md").read_text().startswith(f"# {package.name}\n")


def test_licence_is_the_repository_s(package, root):
    assert (package / "LICENSE").read_bytes() == (root / "LICENSE").read_bytes()


def test_version_agrees(package, project, root):
    newest = re.search(r"^## (\S+)", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest, "CHANGELOG.md has no entry"
    assert project["version"] == newest.group(1), "expected the newest entry of CHANGELOG.md"


def test_changelog_names_the_package(package, root):
    assert f"`{package.name}`" in (root / "CHANGELOG.md").read_text()


def test_source_is_typed(package):
    folders = import_folders(package)
    assert len(folders) == 1, f"expected one import package, got {folders}"
    assert (folders[0] / "py.typed").exists()


@pytest.fixture
def installed(package):
    try:
        return importlib.metadata.distribution(package.name)
    except importlib.metadata.PackageNotFoundError:
        assert package.name != CORE, "c2-core must be installed to be tested"
        pytest.skip(f"{package.name} is not installed")


def test_installed_package_is_typed_and_licensed(package, project, installed):
    assert installed.version == project["version"]
    assert installed.metadata["License-Expression"] == "BSD-2-Clause"
    found = importlib.util.find_spec(import_folders(package)[0].name)
    assert (Path(found.origin).parent / "py.typed").exists()


def test_installed_plugin_answers(package, installed):
    if package.name == CORE:
        pytest.skip("the core is no plugin")
    (entry_point,) = [e for e in installed.entry_points if e.group == "c2"]
    page = entry_point.load()
    info = page.c2_info()
    assert set(info) == {"name", "summary", "status"}
    assert info["name"] == package.name


def test_plugin_depends_on_core_and_on_no_sibling(package, project, root):
    if package.name == CORE:
        pytest.skip("the core is no plugin")
    needed = {re.match(r"[\w-]+", text).group() for text in project["dependencies"]}
    siblings = {path.name for path in (root / "packages").iterdir()} - {CORE}
    assert CORE in needed
    assert not needed & siblings


def test_plugin_page(package, project):
    """The page stands where the metadata says, with its API version and what it is for."""
    if package.name == CORE:
        pytest.skip("the core is no plugin")
    entry_points = project["entry-points"]["c2"]
    assert list(entry_points) == [package.name.removeprefix("c2-")]
    (module,) = entry_points.values()
    page = package / "src" / (module.replace(".", "/") + ".py")
    tree = ast.parse(page.read_text())
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert ast.literal_eval(constants["C2_API_VERSION"]) == 1
    assert "DESCRIPTION" in constants
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert "c2_info" in functions
