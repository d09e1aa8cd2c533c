import json

import pytest

from edgecls.benchmarks.file_report import Window
from edgecls.benchmarks.frames import Pictures
from edgecls.benchmarks.machine import MachineState
from edgecls.benchmarks.scaling.report import (
    ScalingLine,
    ScalingPoint,
    ScalingReport,
    ScalingSettings,
    render_scaling,
)
from edgecls.benchmarks.scaling.run import SIZES, measure_scaling, thread_counts
from tests.benchmarks.test_report import REPORT

QUICK = ScalingSettings(seconds=0.06, windows=3)


@pytest.fixture
def pictures(colours):
    return Pictures("colours", list(colours.images[::5, ..., ::-1]))


def point(value: int, *medians_ms: float, cpu_ms: float = 1.0) -> ScalingPoint:
    windows = tuple(Window(0, (round(ms * 1e6),) * 5, round(5e6 * cpu_ms)) for ms in medians_ms)
    return ScalingPoint(value, str(value), windows)


def report(kind, *lines: ScalingLine) -> ScalingReport:
    return ScalingReport(
        kind, "2025", REPORT.machine, MachineState(0.1), ScalingSettings(), "pictures", lines
    )


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (16, (1, 2, 4, 8, 16))]
)
def test_threads_double_up_to_the_cores(cores, counts):
    assert thread_counts(cores) == counts


def test_a_drift_that_both_points_share_is_not_in_their_ratio():
    assert point(2, 2.0, 4.0, 20.0).ratio(point(1, 1.0, 2.0, 10.0)) == 2


@pytest.mark.parametrize("kind", ["threads"])
def test_a_network_is_swept_and_a_broken_file_is_a_line(kind, colour_model, pictures, tmp_path):
    page = tmp_path / "page.tflite"
    page.write_text("<html>")
    found = measure_scaling(kind, [colour_model(), page], pictures, QUICK)
    fine, broken = found.lines
    assert len(fine.points) > 1
    assert all(len(one.windows) == 3 and one.cpu_ms > 0 for one in fine.points)
    assert "not a TFLite" in broken.error
    assert broken.exit_code == 65
    assert "error: " in render_scaling(found)


def test_a_resolution_is_the_cameras_and_each_stage_has_its_time(tiny):
    pictures = Pictures("digits", list(tiny.dataset.test.images[:4, ..., ::-1]))
    found = measure_scaling("resolution", [tiny.h5, tiny.files[2]], pictures, QUICK)
    (line,) = found.lines  # Keras reads no camera
    assert [one.name for one in line.points] == [size.name for size in SIZES]
    assert list(line.points[0].stages_ms) == ["decode", "resize", "engine", "rank"]
    assert "| decode | resize | engine |" in render_scaling(found)


@pytest.mark.timing
def test_a_larger_picture_takes_longer_to_decode(tiny):
    pictures = Pictures("digits", list(tiny.dataset.test.images[:4, ..., ::-1]))
    (line,) = measure_scaling("resolution", [tiny.files[2]], pictures, QUICK).lines
    assert line.points[-1].stages_ms["decode"] > 4 * line.points[0].stages_ms["decode"]


def test_files_of_other_input_sizes_are_lines_of_one_sweep(colour_model, pictures):
    paths = [colour_model("small.onnx"), colour_model("large.onnx", side_px=256)]
    lines = measure_scaling("threads", paths, pictures, QUICK).lines
    assert [(bool(line.points), line.error) for line in lines] == [(True, "")] * 2


@pytest.mark.timing
def test_a_larger_input_takes_longer(colour_model, pictures):
    paths = [colour_model("small.onnx"), colour_model("large.onnx", side_px=256)]
    small, large = measure_scaling("threads", paths, pictures, QUICK).lines
    assert large.points[0].p50_ms > 2 * small.points[0].p50_ms


def test_a_file_that_dies_takes_no_other_with_it(colour_model, pictures):
    psutil = pytest.importorskip("psutil")

    def kill(step: str) -> None:
        if step == "timing: window 2 of 3":
            for child in psutil.Process().children():
                if any(argument.endswith("doomed.onnx") for argument in child.cmdline()):
                    child.kill()

    doomed, fine = measure_scaling(
        "threads", [colour_model("doomed.onnx"), colour_model("fine.onnx")], pictures, QUICK, kill
    ).lines
    assert "was ended by SIGKILL" in doomed.error
    assert len(fine.points[0].windows) == 3


def test_the_table_says_what_threads_bought_and_at_which_price():
    helped = ScalingLine("m/a.tflite", "litert", (point(1, 2.0), point(2, 1.0, cpu_ms=3.0)))
    hurt = ScalingLine("m/a.onnx", "onnxruntime", (point(1, 1.0), point(2, 1.5)))
    text = render_scaling(report("threads", helped, hurt))
    assert "tflite: best with 2 threads, p50 0.50, p99 0.50, CPU 3.00 times that of one" in text
    assert "onnx: more threads did not help" in text


def test_files_with_the_same_limit_share_their_note():
    note = "its graph fixes the batch at 1"
    lines = [ScalingLine(f"m/a.{end}", "engine", (point(1, 1.0),), note) for end in ("onnx", "tflite")]
    assert f"note: a.onnx, a.tflite: {note}" in render_scaling(report("threads", *lines))


def test_json_is_one_line_with_every_sample():
    text = report("threads", ScalingLine("a.onnx", "engine", (point(4, 2.0),))).to_json()
    assert text.count("\n") == 1
    (line,) = json.loads(text)["lines"]
    assert line["points"][0]["p50_ms"] == 2.0
    assert line["points"][0]["windows"][0]["samples_ns"] == [2_000_000] * 5


@pytest.mark.parametrize("kind", ["threads"])
def test_the_plot_is_a_png(kind):
    pytest.importorskip("matplotlib")
    from edgecls.benchmarks.scaling.plot import scaling_png

    lone = ScalingLine("b.onnx", "engine", (point(1, 2.0),))
    png = scaling_png(report(kind, ScalingLine("a.onnx", "engine", (point(1, 1.0), point(2, 1.5))), lone))
    assert png.startswith(b"\x89PNG")
