import json
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from tools.__main__ import main

QUICK = ("--seconds", 0.1, "--frames", 12)
ROOT = Path(__file__).parents[2]


def run_tools(*arguments: object, cwd: Path, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )


@pytest.fixture(scope="module")
def measured(tiny, tmp_path_factory):
    """What the command says and writes on a device: exported files alone, and no data set."""
    folder = tmp_path_factory.mktemp("device")
    for file in tiny.files:
        shutil.copy(file, folder)
    report = folder / "pipeline.json"
    with redirect_stdout(StringIO()) as said, pytest.raises(SystemExit) as ended:
        main(["pipeline", *map(str, (folder, *QUICK, "--json", report))])
    assert ended.value.code == 0
    return said.getvalue(), json.loads(report.read_text())


def test_every_pipeline_program_and_goal_stands_in_the_report(measured):
    said, document = measured
    for size in ("640x480", "1280x720"):
        assert [f"| {size} {name}" in said for name in ("naive", "edgecls", "floor")] == [True] * 3
        assert set(document["figures"]["sizes"][size]["ms"]) == {"naive", "edgecls", "floor"}
    assert "| edgecls camera" in said
    assert "| naive program" in said
    assert len(document["goals"]) == 14
    assert all(goal["text"] in said for goal in document["goals"])


def test_what_was_measured_is_named(measured):
    said, document = measured
    assert Path(document["model"]).name == "image_classification_int8.tflite"
    assert Path(document["naive_model"]).name == "image_classification.onnx"
    assert "golden frames of the card" in said
    assert document["idle"]["ours"][0]["processes"] == 2
    assert document["age"]["samples"]


def test_without_an_exported_file_the_remedy_is_named(tiny, tmp_path, capsys, monkeypatch):
    shutil.copy(tiny.h5, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["pipeline"])
    assert ended.value.code == 66
    said = capsys.readouterr().err
    assert "edgecls export --int8" in said
    assert said.startswith("tools: error: ")
    assert said.count("\n") == 1


def test_a_data_set_that_is_not_there_is_an_error_where_it_was_named(tiny, capsys, monkeypatch):
    monkeypatch.chdir(tiny.folder)
    with pytest.raises(SystemExit) as ended:
        main(["pipeline", "--data", "nowhere"])
    assert ended.value.code == 66
    assert "nowhere" in capsys.readouterr().err
