import json
from dataclasses import replace

import numpy as np
import pytest

from edgecls.benchmarks.machine import Machine
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.sweep.grid import Grid, GridPoint
from edgecls.sweep.plot import pareto_png
from edgecls.sweep.report import (
    Candidate,
    Failure,
    Limits,
    SweepReport,
    TimedFile,
    best_within,
    nearest_to,
    pareto_front,
    ranked,
    render,
    with_shared_costs,
)
from edgecls.sweep.trial import FileRecord, TrialRecord

MACHINE = Machine("a processor", 2, None, 0.1, "Linux", "3.11")


def measured(point: GridPoint, val_accuracy: float, p50_ms: float, size_kb: float) -> TimedFile:
    file = FileRecord(f"{point.name}_int8.tflite", val_accuracy, val_accuracy - 0.01)
    trial = TrialRecord(point, ("edgecls train",), "fast", 9.0, 3, "d", 2500, 10_000, {}, (file,))
    path = f"sweep/trials/{point.name}/{file.file}"
    return TimedFile(path, trial, file, round(1000 * size_kb), p50_ms, 1.2 * p50_ms, 2 * p50_ms)


REPORT = SweepReport(
    "2026-01-01T00:00:00+00:00",
    "digits",
    MACHINE,
    ("the machine was busy",),
    Limits(200, 5),
    (
        measured(GridPoint("cnn", 32, 0), 0.70, 0.02, 170),
        measured(GridPoint("nano", 32, 0), 0.87, 0.04, 98),
        measured(GridPoint("nano", 32, 1), 0.86, 0.05, 98),
        measured(GridPoint("edge", 32, 0), 0.90, 0.30, 580),
    ),
)


def test_the_table_ranks_by_validation_and_marks_the_front():
    lines = [line for line in render(REPORT).splitlines() if "_int8" in line]
    assert [line.split("-")[0].strip("| ") for line in lines] == ["edge", "nano", "nano", "cnn"]
    assert ["*" in line for line in lines] == [True, True, False, True]
    assert "90.00 (88.8-91.1)" in lines[0]
    assert "warning: the machine was busy" in render(REPORT)


def test_what_chance_alone_may_have_ranked_is_said():
    near = replace(REPORT, files=(*REPORT.files, measured(GridPoint("edge", 32, 1), 0.899, 0.3, 580)))
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


def candidate(name, val_accuracy, p50_ms, size_kb, network="", kind="TFLite"):
    return Candidate(name, kind, network or name, val_accuracy, round(size_kb * 1000), p50_ms)


SMALL = candidate("small", 0.70, 0.02, 90)
BEST = candidate("best", 0.90, 0.30, 580)
MIDDLE = candidate("middle", 0.86, 0.04, 98)
BEATEN = candidate("beaten", 0.85, 0.05, 98)
ALL = (BEATEN, SMALL, BEST, MIDDLE)


def test_the_ranking_is_by_accuracy_then_time_then_size():
    slower, larger = candidate("slower", 0.70, 0.03, 90), candidate("larger", 0.70, 0.02, 91)
    order = ranked([slower, larger, *ALL])
    assert [one.path for one in order] == ["best", "middle", "beaten", "small", "larger", "slower"]


def test_the_front_holds_what_no_other_file_beats():
    assert pareto_front(ALL) == (BEST, MIDDLE, SMALL)


def test_a_file_that_is_best_in_one_thing_alone_is_on_the_front():
    tiny = candidate("tiny", 0.10, 9.0, 1)
    assert tiny in pareto_front([*ALL, tiny])


def test_equal_files_do_not_beat_each_other():
    twin = candidate("twin", 0.86, 0.04, 98)
    assert {MIDDLE, twin} <= set(pareto_front([*ALL, twin]))


def test_noise_in_the_times_of_one_network_puts_none_of_its_files_on_the_front():
    good, bad = candidate("good", 0.87, 0.041, 98, "nano"), candidate("bad", 0.85, 0.039, 98.4, "nano")
    assert bad in pareto_front([good, bad])
    shared = with_shared_costs([good, bad])
    assert [one.path for one in pareto_front(shared)] == ["good"]
    assert [one.p50_ms for one in shared] == pytest.approx([0.040, 0.040])


def test_a_longer_card_puts_no_file_of_a_network_on_the_front_and_the_size_stays_its_own():
    good, bad = candidate("good", 0.87, 0.04, 98.01, "nano"), candidate("bad", 0.85, 0.04, 97.99, "nano")
    shared = with_shared_costs([good, bad])
    assert [one.path for one in pareto_front(shared)] == ["good"]
    assert [one.size_bytes for one in shared] == [98_010, 97_990]


def test_formats_of_one_network_keep_their_own_times():
    onnx = candidate("onnx", 0.87, 0.06, 98, "nano", "ONNX")
    tflite = candidate("tflite", 0.87, 0.04, 98, "nano")
    assert [one.p50_ms for one in with_shared_costs([onnx, tflite])] == [0.06, 0.04]


@pytest.mark.parametrize(
    ("limits", "best"),
    [
        (Limits(), BEST),
        (Limits(max_kb=200), MIDDLE),
        (Limits(max_ms=0.03), SMALL),
        (Limits(max_kb=98, max_ms=0.04), MIDDLE),
        (Limits(max_kb=97.9, max_ms=5), SMALL),
        (Limits(max_kb=50), None),
    ],
)
def test_the_best_file_is_the_most_accurate_within_both_limits(limits, best):
    assert best_within(ALL, limits) == best


def test_where_none_fits_the_nearest_is_the_one_least_beyond_its_worst_limit():
    assert nearest_to(ALL, Limits(max_kb=80, max_ms=0.01)) == SMALL
    assert nearest_to(ALL, Limits(max_ms=0.001)) == SMALL
    assert nearest_to([BEST, MIDDLE], Limits(max_kb=90)) == MIDDLE


@pytest.mark.parametrize(
    ("limits", "text"),
    [(Limits(200, 5), "200 kB and 5 ms"), (Limits(max_ms=0.5), "0.5 ms"), (Limits(), "")],
)
def test_limits_read_like_the_options(limits, text):
    assert limits.text == text
