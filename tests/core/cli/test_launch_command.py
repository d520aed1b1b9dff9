"""`c2 launch`: ranks before lines, and the failure told again."""

import json

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


def test_lines_for_machines(command, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("print('plain')\nprint('{\"step\": 3, \"loss\": 0.5}')\nprint('7')")
    code, out, _ = command("launch", "-n", "1", script, "--json")
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == [
        {"rank": 0, "line": "plain"},
        {"rank": 0, "step": 3, "loss": 0.5},
        {"rank": 0, "line": "7"},
    ]
