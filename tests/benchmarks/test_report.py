import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from edgecls.benchmarks.accuracy import AccuracyReport, PairedReport
from edgecls.benchmarks.file_report import (
    Answers,
    BenchSettings,
    ColdStart,
    DataReport,
    FileReport,
    LatencyReport,
    LoadReport,
    Window,
    to_answers,
    to_probabilities,
)
from edgecls.benchmarks.machine import Machine
from edgecls.benchmarks.report import BenchReport, choose, errors, notes, why_train_again

FILE = FileReport(
    path="models/a.tflite",
    format="TFLite",
    size_bytes=1234,
    load=LoadReport("litert 2.3.0", 2.5, 0.7),
    accuracy=AccuracyReport(correct=3, images=4, paired=PairedReport(-25.0, None, None, 0.75, (), (2,))),
    latency=LatencyReport((Window(9_000_000, (1_000_000, 2_000_000)), Window(8_000_000, (3_000_000,)))),
    cold_starts=(ColdStart("cat", 0.2, 50), ColdStart("cat", 0.9, 60), ColdStart("cat", 0.3, 55)),
)
BROKEN = FileReport(path="b.onnx", format="", error="b.onnx: the file is empty", exit_code=65)
REPORT = BenchReport(
    created_at="2025-01-02T03:04:05+00:00",
    machine=Machine("CPU", 2, None, 0.1, "Linux", "3.11"),
    data=DataReport("pets", "ab" * 32, images=4, available=4, classes=2, height_px=32, width_px=32),
    settings=BenchSettings(),
    files=(FILE, BROKEN),
)


def test_percentiles_count_every_sample_and_no_wake():
    latency = LatencyReport((Window(10**9, (1_000_000,) * 98), Window(10**9, (50_000_000, 70_000_000))))
    assert len(latency.samples_ms) == 100
    assert latency.percentile_ms(50) == 1
    assert latency.percentile_ms(100) == 70
    assert latency.percentile_ms(99) == pytest.approx(50.2)


def windows(*medians_ms: float) -> LatencyReport:
    return LatencyReport(tuple(Window(0, (round(ms * 1e6),) * 5, cpu_ns=5_000_000) for ms in medians_ms))


def test_the_median_of_windows_is_quoted_so_that_a_disturbed_one_counts_for_one():
    disturbed = LatencyReport(
        (Window(0, (1_000_000,)), Window(0, (1_100_000,)), Window(0, (9_000_000,) * 50))
    )
    assert disturbed.p50_ms == 1.1
    assert disturbed.percentile_ms(99) == 9  # and nothing is trimmed


def test_processor_time_is_told_for_each_inference():
    assert windows(1, 2, 3).cpu_ms == pytest.approx(1)
    assert LatencyReport((Window(0, (1,)),)).cpu_ms is None  # a report of an earlier version


def test_a_file_that_is_slower_in_its_second_half_is_noticed():
    assert windows(1.0, 1.1, 1.0, 1.5, 1.6, 1.7).slowdown == pytest.approx(1.6)


@pytest.mark.parametrize(
    "medians_ms",
    [
        (1.0, 1.1, 1.0, 1.15, 1.1, 1.2),  # no more than any machine does
        (1.0, 2.0, 1.0, 1.5, 1.6, 1.7),  # as slow once before
        (1.7, 1.6, 1.5, 1.0, 1.0, 1.0),  # faster
        (1.0, 2.0),  # too few to tell
    ],
)
def test_what_may_be_chance_is_not(medians_ms):
    assert windows(*medians_ms).slowdown is None


def test_cold_starts_are_reported_by_their_median_and_their_highest_peak():
    assert FILE.figures["first_label_s"] == 0.3
    assert FILE.figures["peak_memory_bytes"] == 60


def test_a_system_that_does_not_say_memory_leaves_it_open():
    file = FileReport("a.onnx", "ONNX", cold_starts=(ColdStart("cat", 0.2, None),))
    assert file.figures["peak_memory_bytes"] is None


def test_json_holds_every_single_inference():
    document = json.loads(REPORT.to_json())
    assert document["schema"] == 1
    assert document["machine"]["cores"] == 2
    assert document["data"]["sha256"] == "ab" * 32
    assert document["settings"]["threads"] == 1
    first, second = document["files"]
    assert [window["samples_ns"] for window in first["windows"]] == [[1_000_000, 2_000_000], [3_000_000]]
    assert [window["wake_ns"] for window in first["windows"]] == [9_000_000, 8_000_000]
    assert [start["first_label_s"] for start in first["cold_starts"]] == [0.2, 0.9, 0.3]
    assert (first["accuracy"], first["p50_ms"], first["inferences"]) == (0.75, 2.25, 3)
    assert second["error"] == "b.onnx: the file is empty"
    assert second["p50_ms"] is None


def test_json_is_one_line():
    assert REPORT.to_json().count("\n") == 1


def test_csv_has_one_line_for_each_file_and_the_units_in_its_header():
    rows = list(csv.DictReader(io.StringIO(REPORT.to_csv())))
    assert [row["path"] for row in rows] == ["models/a.tflite", "b.onnx"]
    assert rows[0]["engine"] == "litert 2.3.0"
    assert float(rows[0]["difference_points"]) == -25
    assert rows[1]["accuracy"] == ""
    assert rows[1]["error"] == "b.onnx: the file is empty"


def test_labels_and_confidences_come_back():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(300), 50).astype(np.float32)
    again = to_probabilities(to_answers(probabilities), 300)
    assert (again.argmax(1) == probabilities.argmax(1)).all()
    assert np.abs(again.max(1) - probabilities.max(1)).max() <= 0.5 / 255


def test_an_answer_of_hardly_any_probability_is_still_an_answer():
    flat = np.full((1, 1000), 1e-3, np.float32)
    flat[0, 700] += 1e-6
    assert to_probabilities(to_answers(flat), 1000).argmax() == 700


def test_ten_thousand_answers_are_forty_kilobytes():
    answers = to_answers(np.eye(10, dtype=np.float32)[np.zeros(10_000, int)])
    assert len(answers.labels) + len(answers.confidences) < 41_000


@pytest.mark.parametrize("labels", ["", "AAAA", "BQA=", "not base64!"])
def test_other_text_is_refused(labels):
    with pytest.raises(ValueError, match=r"."):
        to_probabilities(Answers(labels, "/w=="), 3)


def file(format_: str, correct: int, latency_ns: int, error: str | None = None) -> FileReport:
    return FileReport(
        path=f"{format_}.file",
        format=format_,
        accuracy=AccuracyReport(correct, 1000),
        latency=LatencyReport((Window(0, (latency_ns,)),)),
        error=error,
    )


def report(*files: FileReport) -> BenchReport:
    data = DataReport("d", "", 1000, 1000, 2, 8, 8)
    return BenchReport("", Machine("", 1, None, 0, "", ""), data, BenchSettings(), files)


KERAS = file("Keras", 900, 500)


@pytest.mark.parametrize(
    ("files", "best", "why"),
    [
        ((KERAS, file("TFLite", 900, 50), file("ONNX", 895, 40)), "ONNX", "within 0.5 points of Keras"),
        ((KERAS, file("TFLite", 900, 50), file("ONNX", 894, 40)), "TFLite", "within 0.5 points of Keras"),
        ((file("TFLite", 900, 50), file("ONNX", 895, 40)), "ONNX", "of the most accurate file"),
        ((KERAS, file("TFLite", 700, 50), file("ONNX", 600, 4)), "TFLite", "of the most accurate file"),
        ((KERAS, file("TFLite", 900, 50), file("ONNX", 900, 4, "it died")), "TFLite", "of Keras"),
    ],
)
def test_the_fastest_of_the_accurate_files_is_chosen(files, best, why):
    chosen = choose(report(*files))
    assert chosen is not None
    assert chosen[0].format == best
    assert why in chosen[1]


def test_a_file_whose_answers_are_worth_nothing_is_no_choice():
    chance = replace(file("TFLite", 500, 5), useless="is no better than chance")
    fine = file("ONNX", 900, 50)
    chosen = choose(report(KERAS, chance, fine))
    assert chosen
    assert chosen[0] is fine
    assert why_train_again(report(KERAS, chance, fine)) == ""
    assert choose(report(KERAS, chance)) is None
    assert why_train_again(report(KERAS, chance)) == "is no better than chance"


def test_what_several_files_share_is_said_once():
    one, two = (
        FileReport(name, "ONNX", error=f"{name}: its labels differ; bench it by itself", notes=("was slow",))
        for name in ("a.onnx", "b.onnx")
    )
    assert errors((one, BROKEN, two)) == [
        "a.onnx, b.onnx: their labels differ; bench each by itself",
        "b.onnx: the file is empty",
    ]
    assert list(notes((one, two), ["a", "b"])) == ["a, b: were slow"]


def test_keras_alone_is_no_choice():
    assert choose(report(KERAS)) is None
