import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.benchmarks.accuracy import AccuracyReport
from edgecls.benchmarks.earlier import (
    EarlierReport,
    card_reference,
    keras_references,
    read_earlier,
    render_changes,
)
from edgecls.benchmarks.file_report import FileReport, LatencyReport, Window
from edgecls.benchmarks.measure import compare_with_keras
from edgecls.benchmarks.report import BenchReport, render
from edgecls.data.intervals import share
from edgecls.edge_runtime.errors import BadData, MissingInput
from edgecls.edge_runtime.models.card import Provenance
from edgecls.edge_runtime.models.model_file import ModelFormat
from tests.benchmarks.test_report import REPORT
from tests.benchmarks.test_run import subject
from tests.colours import DATA_SHA256
from tests.hostile_values import hostile_documents


def file(
    correct: int = 7000, window_ms: tuple[float, ...] = (1.0, 1.2), name: str = "a.tflite"
) -> FileReport:
    windows = tuple(Window(0, (round(ms * 1e6),) * 3) for ms in window_ms)
    accuracy = AccuracyReport(correct, 10_000, share(correct, 10_000))
    return FileReport(f"m/{name}", "TFLite", 1000, accuracy=accuracy, latency=LatencyReport(windows))


def report(*files: FileReport) -> BenchReport:
    return replace(REPORT, files=files)


def changes(before: BenchReport, now: BenchReport) -> str:
    return render_changes(EarlierReport("old.json", json.loads(before.to_json())), now)


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
    both = file(name="both.onnx")
    text = changes(report(file(name="old.onnx"), both), report(file(name="new.onnx"), both))
    assert cells(text, "new.onnx")[1] == "1 (new)"
    assert "no longer there: old.onnx" in text


def test_reports_of_other_files_have_nothing_to_compare():
    text = changes(report(file(name="old.onnx")), report(file(name="new.onnx")))
    assert text == "compared with old.json: it has none of these files"


def test_another_machine_or_other_images_are_told():
    before = json.loads(report(file()).to_json())
    before["machine"]["cpu"], before["data"]["sha256"] = "Raspberry Pi 5", "cd" * 32
    text = render_changes(EarlierReport("old.json", before), report(file()))
    assert "measured on another machine (Raspberry Pi 5)" in text
    assert "on other test images" in text


def test_a_machine_that_was_busy_is_told():
    before = json.loads(report(file()).to_json())
    before["machine"]["load"] = 3.0
    assert "busy then (load 3.00)" in render_changes(EarlierReport("old.json", before), report(file()))
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


CARD = Provenance("ab" * 32, "colours", DATA_SHA256, accuracy=0.9, split="test", images=30)


@pytest.fixture
def workstation(colours):
    """Keras with three of thirty wrong, as a report of a workstation has it."""
    answers = colours.truth.copy()
    answers[:3] = 1
    keras = subject(answers, ModelFormat.H5)
    report = replace(REPORT, data=colours.report, files=compare_with_keras([keras], colours))
    return EarlierReport("workstation.json", json.loads(report.to_json()))


def on_device(colours, baseline, answers=None, **changes) -> BenchReport:
    measured = subject(colours.truth if answers is None else answers, **changes)
    return replace(REPORT, data=colours.report, files=compare_with_keras([measured], colours, baseline))


def test_an_earlier_report_of_the_same_images_is_paired_one_by_one(colours, workstation):
    answers = colours.truth.copy()
    answers[2:5] = 2  # right where Keras is wrong twice, wrong where it is right twice, both wrong once
    (file,) = on_device(colours, workstation, answers).files
    assert file.accuracy.paired.gained == (0, 1)
    assert file.accuracy.paired.lost == (3, 4)
    assert file.accuracy.paired.agreement == pytest.approx(25 / 30)
    assert file.difference_points == 0


def test_the_report_says_whose_figures_they_are(colours, workstation):
    report = on_device(colours, workstation)
    line = next(line for line in render(report).splitlines() if line.startswith("Keras:"))
    assert "not measured here; accuracy 90.00% of 30 test images" in line
    assert "from workstation.json (CPU, 2025-01-02T03:04:05+00:00); on the same test images, compared" in line
    assert json.loads(report.to_json())["files"][0]["reference"]["source"] == "workstation.json"


def test_of_several_originals_each_is_named_by_the_files_that_were_made_from_it(colours, workstation):
    (one,) = on_device(colours, workstation).files
    other = replace(one, path="edge.onnx", reference=replace(one.reference, weights_sha256="cd" * 32))
    report = replace(REPORT, data=colours.report, files=(replace(one, path="nano.onnx"), other))
    lines = [line for line in render(report).splitlines() if line.startswith("Keras:")]
    assert [line.split(": not measured")[0].split()[1:] for line in lines] == [
        ["of", "nano.onnx"],
        ["of", "edge.onnx"],
    ]


def test_an_earlier_report_of_other_images_gives_no_difference(colours, workstation):
    fewer = colours.limited(20, seed=0)
    (file,) = on_device(fewer, workstation).files
    assert file.accuracy.accuracy == 1
    assert file.difference_points is None
    assert "so the accuracy change is unknown" in file.reference.line


def test_an_earlier_report_without_this_original_is_told_and_the_card_is_taken(colours, workstation):
    (file,) = on_device(colours, workstation, weights=b"others").files
    assert file.difference_points is None
    assert "is neither measured here nor in the earlier report" in file.notes[0]


def test_an_earlier_report_from_before_there_were_answers_is_no_pair(colours, workstation):
    del workstation.document["files"][0]["answers"]
    (reference,) = keras_references(workstation, colours).values()
    assert reference.is_same_question
    assert reference.probabilities is None
    (file,) = on_device(colours, workstation).files
    assert file.difference_points == pytest.approx(10)
    assert file.accuracy.paired is None


def test_damaged_answers_are_no_answers(colours, workstation):
    workstation.document["files"][0]["answers"]["labels"] = "AAAA"
    (reference,) = keras_references(workstation, colours).values()
    assert reference.probabilities is None


def test_a_card_tells_the_accuracy_on_the_whole_test_split(colours):
    reference = card_reference(CARD, colours)
    assert (reference.accuracy, reference.images, reference.is_same_question) == (0.9, 30, True)
    assert "not image by image: accuracy changes have no interval" in reference.line


@pytest.mark.parametrize(
    "changes", [{"data_sha256": "cd" * 32}, {"split": "val"}, {"images": 31}], ids=["data", "split", "images"]
)
def test_a_card_about_other_images_gives_no_difference(colours, changes):
    assert not card_reference(replace(CARD, **changes), colours).is_same_question


def test_a_card_is_not_compared_with_a_part_of_its_images(colours):
    assert not card_reference(CARD, colours.limited(15, seed=0)).is_same_question


def test_a_card_that_says_nothing_is_no_reference(colours):
    assert card_reference(replace(CARD, accuracy=None), colours) is None


def test_keras_that_was_measured_here_comes_first(colours, workstation):
    keras = subject(np.zeros(30, int), ModelFormat.H5)
    _, exported = compare_with_keras([keras, subject(colours.truth)], colours, workstation)
    assert exported.reference is None
    assert exported.accuracy.paired.difference_points == pytest.approx(100 * 20 / 30)


def test_whatever_stands_in_an_earlier_report_is_compared_or_refused_in_one_line(tmp_path):
    path, now = tmp_path / "old.json", report(file())
    document = json.loads(now.to_json())
    document["files"][0]["windows"] = [{"samples_ns": [1, 2]}]
    document["files"][0]["cold_starts"] = [{"first_label_s": 0.5, "peak_memory_bytes": 10}]
    said: list[str] = []
    read = {name: document[name] for name in ("schema", "created_at", "data", "files")}
    for text in hostile_documents(read, 200):
        path.write_text(json.dumps(json.loads(text) | {"machine": {"cpu": "x", "load": 0.1, "cores": 4}}))
        try:
            render_changes(read_earlier(path), now)
        except BadData as error:
            said.append(str(error))
    assert len(said) > 50
    assert all(one.startswith(str(path)) for one in said)
