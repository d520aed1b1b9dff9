"""The repository's files: telling names, sizes that a head can hold, no trace of one machine."""

import re
from collections import Counter

VAGUE = {"utils.py", "helpers.py", "common.py", "misc.py"}
LONGEST = 500

# Files over LONGEST lines, each with the reason why it is better whole.
LONG_FOR_A_REASON: dict[str, str] = {
    "tests/golden/make_training.py": "one table of questions to real Caffe2, read from top to bottom",
}

# Spelt in halves, so that this file does not name what it forbids.
MACHINE_FOLDERS = ["wo" + "rk", "ro" + "ot", "ho" + "me", "t" + "mp", "Us" + "ers"]
MACHINE_PATH = re.compile(rb"(?<![\w.$}>-])/(%s)/\w" % "|".join(MACHINE_FOLDERS).encode())


def test_no_vague_names(tracked_files, root):
    assert not [str(p.relative_to(root)) for p in tracked_files if p.name in VAGUE]


def test_python_files_are_short(tracked_files, root):
    lines = {
        str(path.relative_to(root)): len(path.read_text(encoding="utf-8").splitlines())
        for path in tracked_files
        if path.suffix == ".py"
    }
    assert lines, "no Python file is tracked: the walk is broken"
    long = {name: count for name, count in lines.items() if count > LONGEST}
    assert not {n: c for n, c in long.items() if n not in LONG_FOR_A_REASON}
    assert set(LONG_FOR_A_REASON) <= set(long), "no longer long: take it off the list"


def test_no_machine_paths(tracked_files, root):
    found = [
        f"{path.relative_to(root)}: {match.group().decode()}"
        for path in tracked_files
        for match in MACHINE_PATH.finditer(path.read_bytes())
    ]
    assert not found


MARKDOWN_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def test_links_of_pages_lead_somewhere(tracked_files, root):
    broken = [
        f"{page.relative_to(root)}: {target}"
        for page in tracked_files
        if page.suffix == ".md"
        for target in MARKDOWN_LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken


def test_no_build_output_is_tracked(tracked_files, root):
    made = re.compile(r"\.egg-info/|__pycache__/|\.(so|o|pyc|whl)$")
    assert not [p for p in map(str, tracked_files) if made.search(p.removeprefix(str(root)))]


def test_no_two_files_differ_in_case_alone(tracked_files, root):
    """Such a pair cannot be checked out on macOS or Windows."""
    names = Counter(str(path.relative_to(root)).lower() for path in tracked_files)
    assert not [name for name, count in names.items() if count > 1]


def test_names_of_test_files_are_unique(tracked_files, root):
    """pytest imports them by their names alone: two of one name cannot run together."""
    tests = [p for p in tracked_files if root / "tests" in p.parents]
    names = Counter(p.name for p in tests if p.name.startswith("test_"))
    assert names
    assert [name for name, count in names.items() if count > 1] == []
