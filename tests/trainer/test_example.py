import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "image_classification.py"


def test_the_example_in_the_docs_runs_and_is_about_as_long_as_the_script_it_replaces(tmp_path):
    text = EXAMPLE.read_text()
    statements = [
        line for line in text.splitlines() if line.strip() and not line.startswith(("import", "from"))
    ]
    assert len(statements) <= 20
    shorter = tmp_path / "example.py"
    shorter.write_text(text.replace("epochs=10", "epochs=2"))
    done = subprocess.run(
        [sys.executable, shorter, "digits"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"accuracy: 0\.[89]\d\nloss: 0\.\d\d\nIt says \d, and it is \d\.\n", done.stdout), (
        done.stdout
    )
    assert (tmp_path / "samples.png").stat().st_size > 10_000
    assert (tmp_path / "image_classification.h5").exists()
