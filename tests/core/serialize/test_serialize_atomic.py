from __future__ import annotations

import os
import stat

import pytest

from c2.serialize.atomic import atomic_write


def test_file_is_replaced(tmp_path):
    path = tmp_path / "net.pb"
    path.write_bytes(b"old")
    with atomic_write(path) as out:
        out.write(b"new and longer")
        out.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new and longer"
    assert os.listdir(tmp_path) == ["net.pb"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "net.pb"
    path.write_bytes(b"old")

    def write():
        with atomic_write(path) as out:
            out.write(b"half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["net.pb"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, call):
    path = tmp_path / "net.pb"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    def write():
        with atomic_write(path) as out:
            out.write(b"half")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        write()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["net.pb"]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links_stay(tmp_path):
    path, link = tmp_path / "net.pb", tmp_path / "link.pb"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with atomic_write(link) as out:
        out.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_missing_folder(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"no such folder: '.*no'"),
        atomic_write(tmp_path / "no" / "net.pb"),
    ):
        pass
