import json
from dataclasses import replace

import numpy as np
import pytest
from edgecls.benchmarks.machine import Machine
from edgecls.edge_runtime.opencv import cv2
from edgecls.sweep.grid import Grid, Point
from edgecls.sweep.plot import pareto_png
from edgecls.sweep.rank import Limits
from edgecls.sweep.report import Failure, Measured, SweepReport, render
from edgecls.sweep.trial_record import FileRecord, TrialRecord

MACHINE = Machine("a processor", 2, None, 0.1, "Linux", "3.11")


def measured(point: Point, val_accuracy: float, p50_ms: float, size_kb: float) -> Measured:
    file = FileRecord(f"{point.name}_int8.tflite", val_accuracy, val_accuracy - 0.01)
    trial = TrialRecord(point, ("edgecls train",), "fast", 9.0, 3, "d", 2500, 10_000, {}, (file,))
    path = f"sweep/trials/{point.name}/{file.file}"
    return Measured(path, trial, file, round(1000 * size_kb), p50_ms, 1.2 * p50_ms, 2 * p50_ms)


REPORT = SweepReport(
    "2026-01-01T00:00:00+00:00",
    "digits",
    MACHINE,
    ("the machine was busy",),
    Limits(200, 5),
    (
        measured(Point("cnn", 32, 0), 0.70, 0.02, 170),
        measured(Point("nano", 32, 0), 0.87, 0.04, 98),
        measured(Point("nano", 32, 1), 0.86, 0.05, 98),
        measured(Point("edge", 32, 0), 0.90, 0.30, 580),
    ),
)


def test_the_table_ranks_by_validation_and_marks_the_front():
    lines = [line for line in render(REPORT).splitlines() if "_int8" in line]
    assert [line.split("-")[0].strip("| ") for line in lines] == ["edge", "nano", "nano", "cnn"]
    assert ["*" in line for line in lines] == [True, True, False, True]
    assert "90.00 ±1.2" in lines[0]
    assert "warning: the machine was busy" in render(REPORT)


def test_what_chance_alone_may_have_ranked_is_said():
    near = replace(REPORT, files=(*REPORT.files, measured(Point("edge", 32, 1), 0.899, 0.3, 580)))
    assert "on 2,500 images; 1 of the 4 files after the first are within its 95 % interval" in render(near)


def test_a_long_table_shows_the_best_and_all_of_the_front():
    points = Grid(("cnn",), (32,), tuple(range(40))).points()
    slow = tuple(measured(point, 0.95 - point.seed / 1000, 9.0, 900) for point in points)
    text = render(replace(REPORT, files=(*REPORT.files[1:], *slow)))
    assert "nano-32px-seed0" in text
    assert "and 11 more; they are all in results.json" in text


def test_the_json_holds_what_is_needed_to_choose_again():
    document = json.loads(replace(REPORT, failures=(Failure("x", "no", 65),)).to_json())
    assert document["best"] == "sweep/trials/nano-32px-seed0/nano-32px-seed0_int8.tflite"
    first = document["files"][0]
    assert (first["network"], first["val_accuracy"], first["on_front"]) == ("edge-32px", 0.90, True)
    assert first["point"] == {
        "arch": "edge", "size_px": 32, "seed": 0, "recipe": None, "width": None, "depth": None
    }  # fmt: skip
    assert document["failures"] == [{"name": "x", "text": "no", "exit_code": 65}]
    assert "test_accuracy" not in json.dumps(document["files"])


@pytest.mark.parametrize("limits", [Limits(), Limits(200, 5), Limits(max_kb=1)])
def test_the_plot_can_be_drawn_and_shows_something(limits):
    png = pareto_png(replace(REPORT, limits=limits))
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100
