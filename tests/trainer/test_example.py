import re
import runpy
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "image_classification.py"


def test_the_example_in_the_docs_runs_and_is_about_as_long_as_the_script_it_replaces(
    tmp_path, monkeypatch, capsys
):
    text = EXAMPLE.read_text()
    statements = [
        line for line in text.splitlines() if line.strip() and not line.startswith(("import", "from"))
    ]
    assert len(statements) <= 20
    shorter = tmp_path / "example.py"
    shorter.write_text(text.replace("epochs=10", "epochs=2"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(shorter), "digits"])
    runpy.run_path(str(shorter), run_name="__main__")  # in this process, which has TensorFlow
    said = capsys.readouterr().out
    assert re.fullmatch(r"accuracy: 0\.[89]\d\nloss: 0\.\d\d\nIt says \d, and it is \d\.\n", said), said
    assert (tmp_path / "samples.png").stat().st_size > 10_000
    assert (tmp_path / "image_classification.h5").exists()
