import json
from dataclasses import replace
from pathlib import Path

import pytest
from edgecls.benchmarks.accuracy import AccuracyReport
from edgecls.benchmarks.compare import read_earlier, render_changes
from edgecls.benchmarks.intervals import share
from edgecls.benchmarks.report import BenchReport, FileReport, LatencyReport, Window
from edgecls.edge_runtime.errors import BadData, MissingInput

from .test_report import REPORT


def file(
    correct: int = 7000, window_ms: tuple[float, ...] = (1.0, 1.2), name: str = "a.tflite"
) -> FileReport:
    windows = tuple(Window(0, (round(ms * 1e6),) * 3) for ms in window_ms)
    accuracy = AccuracyReport(correct, 10_000, share(correct, 10_000))
    return FileReport(f"m/{name}", "TFLite", 1000, accuracy=accuracy, latency=LatencyReport(windows))


def report(*files: FileReport) -> BenchReport:
    return replace(REPORT, files=files)


def changes(before: BenchReport, now: BenchReport) -> str:
    return render_changes(json.loads(before.to_json()), now)


def cells(text: str, name: str = "a.tflite") -> list[str]:
    (line,) = [line for line in text.splitlines() if name in line]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_report_is_the_same_as_itself():
    same = report(file())
    assert cells(changes(same, same))[1:4] == ["1 (=)", "70.00 (=)", "1.100 (=)"]


def test_a_change_within_its_doubt_is_shown_and_not_marked():
    row = cells(changes(report(file()), report(file(7010, (1.1, 1.3)))))
    assert row[2] == "70.10 (+0.10)"
    assert row[3] == "1.200 (+9%)"


def test_a_change_beyond_its_doubt_is_marked():
    row = cells(changes(report(file()), report(file(6500, (2.0, 2.2)))))
    assert row[2] == "65.00 (-5.00)*"
    assert row[3] == "2.100 (+91%)*"


def test_files_that_came_and_went_are_named():
    text = changes(report(file(name="old.onnx")), report(file(name="new.onnx")))
    assert cells(text, "new.onnx")[1] == "1 (new)"
    assert "gone: old.onnx" in text


def test_another_machine_or_other_images_are_told():
    before = json.loads(report(file()).to_json())
    before["machine"]["cpu"], before["data"]["sha256"] = "Raspberry Pi 5", "cd" * 32
    text = render_changes(before, report(file()))
    assert "another machine then (Raspberry Pi 5)" in text
    assert "other test images then" in text


def test_a_machine_that_was_busy_is_told():
    before = json.loads(report(file()).to_json())
    before["machine"]["load"] = 3.0
    assert "busy then (load 3.00)" in render_changes(before, report(file()))
    assert "busy" not in changes(report(file()), report(file()))


def test_a_report_from_before_there_were_intervals_is_read(tmp_path: Path):
    document = json.loads(report(file()).to_json())
    for key in ("accuracy_low", "accuracy_high", "loss"):
        del document["files"][0][key]
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    assert cells(render_changes(read_earlier(path), report(file(6500))))[2] == "65.00 (-5.00)"


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"schema": 1, "files": [{}]}', "\x00\xff"])
def test_anything_else_is_no_report(tmp_path: Path, content: str):
    path = tmp_path / "old.json"
    path.write_text(content)
    with pytest.raises(BadData, match="not a report"):
        read_earlier(path)


def test_a_newer_report_asks_for_a_newer_edgecls(tmp_path: Path):
    path = tmp_path / "old.json"
    path.write_text(report(file()).to_json().replace('"schema":1', '"schema":99'))
    with pytest.raises(BadData, match="newer edgecls"):
        read_earlier(path)


def test_a_report_that_is_not_there(tmp_path: Path):
    with pytest.raises(MissingInput):
        read_earlier(tmp_path / "old.json")
