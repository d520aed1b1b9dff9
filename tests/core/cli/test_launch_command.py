"""`c2 launch`: ranks before lines, and the failure told again."""

FAIL = """
import os
if os.environ["C2_RANK"] == "1":
    raise ValueError("what went wrong")
"""


def test_launch(command, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(FAIL)
    code, _, err = command("launch", "-n", "2", script)
    assert code == 1
    assert "rank 1 ended with exit status 1" in err
    assert "ValueError: what went wrong" in err
    script.write_text("import sys\nprint(sys.argv[1:])")
    code, out, _ = command("launch", "-n", "1", script, "--", "--steps", "3")
    assert code == 0
    assert out == "[0] ['--steps', '3']\n"
