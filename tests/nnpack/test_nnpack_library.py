"""The NNPACK library as provider: where it is looked for, and without it."""

import pytest

from c2.errors import PluginError
from c2_nnpack import library
from c2_nnpack.library import IN_TORCH, PATH, PROVIDER, find_library, provider


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    monkeypatch.delenv(PROVIDER, raising=False)
    monkeypatch.delenv(PATH, raising=False)
    monkeypatch.setattr(library.ctypes.util, "find_library", lambda name: None)
    monkeypatch.setattr(library, "find_spec", lambda name: None)


def test_own_kernels_serve_unless_the_library_is_asked_for(monkeypatch):
    assert provider() == "own"
    monkeypatch.setenv(PROVIDER, "library")
    assert provider() == "library"
    monkeypatch.setenv(PROVIDER, "other")
    with pytest.raises(
        PluginError, match="C2_NNPACK_PROVIDER must be one of own, library, got 'other'"
    ):
        provider()


def test_path_that_is_given_comes_first(monkeypatch, tmp_path):
    file = tmp_path / "libnnpack.so"
    monkeypatch.setattr(library.ctypes.util, "find_library", lambda name: f"lib{name}.so.0")
    assert find_library() == "libnnpack.so.0"
    monkeypatch.setenv(PATH, str(file))
    with pytest.raises(PluginError, match="C2_NNPACK_LIBRARY names .*, which is no file"):
        find_library()
    file.touch()
    assert find_library() == str(file)


def test_copy_in_torch_is_found_by_its_file(monkeypatch, tmp_path):
    class Spec:
        submodule_search_locations = [str(tmp_path)]

    monkeypatch.setattr(library, "find_spec", lambda name: Spec if name == "torch" else None)
    with pytest.raises(PluginError, match="no NNPACK library was found"):
        find_library()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / IN_TORCH[0]).touch()
    assert find_library() == str(tmp_path / "lib" / IN_TORCH[0])


def test_what_is_no_library_is_named(monkeypatch, tmp_path):
    file = tmp_path / "libnnpack.so"
    file.write_bytes(b"no library")
    monkeypatch.setenv(PATH, str(file))
    with pytest.raises(PluginError, match="NNPACK cannot be loaded"):
        library.library()


def test_library_without_nnpack_is_named(monkeypatch):
    import c2_nnpack._kernels as other

    monkeypatch.setenv(PATH, other.__file__)
    with pytest.raises(PluginError, match="is no NNPACK: it lacks nnp_initialize"):
        library.library()


def test_doctor_tells_who_serves():
    from c2_nnpack.plugin import c2_probe

    assert c2_probe()["provider"] == "own kernels (no NNPACK library was found)"
