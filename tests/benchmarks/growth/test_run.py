import json

import pytest
from edgecls.benchmarks.growth.render import render
from edgecls.benchmarks.growth.report import SweepLine, SweepPoint, SweepReport, SweepSettings
from edgecls.benchmarks.growth.resolution import SIZES
from edgecls.benchmarks.growth.run import sweep
from edgecls.benchmarks.growth.threads import thread_counts
from edgecls.benchmarks.machine import MachineState
from edgecls.benchmarks.pipeline.run import Pictures
from edgecls.benchmarks.report import Window

from ..test_report import REPORT

QUICK = SweepSettings(seconds=0.06, windows=3)


@pytest.fixture
def pictures(colours):
    return Pictures("colours", list(colours.images[::5, ..., ::-1]))


def point(value: int, *medians_ms: float, images: int = 1, cpu_ms: float = 1.0) -> SweepPoint:
    windows = tuple(Window(0, (round(ms * 1e6),) * 5, round(5e6 * cpu_ms)) for ms in medians_ms)
    return SweepPoint(value, str(value), windows, images)


def report(kind, *lines: SweepLine) -> SweepReport:
    return SweepReport(kind, "2025", REPORT.machine, MachineState(0.1), SweepSettings(), "pictures", lines)


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (16, (1, 2, 4, 8, 16))]
)
def test_threads_double_up_to_the_cores(cores, counts):
    assert thread_counts(cores) == counts


def test_a_batch_costs_each_image_its_share():
    eight = point(8, 4.0, images=8, cpu_ms=4.0)
    assert (eight.p50_ms, eight.p99_ms, eight.cpu_ms) == (0.5, 0.5, 0.5)
    assert eight.ratio(point(1, 1.0)) == 0.5


def test_a_drift_that_both_points_share_is_not_in_their_ratio():
    assert point(2, 2.0, 4.0, 20.0).ratio(point(1, 1.0, 2.0, 10.0)) == 2


@pytest.mark.parametrize("kind", ["threads", "batch"])
def test_a_network_is_swept_and_a_broken_file_is_a_line(kind, colour_model, pictures, tmp_path):
    page = tmp_path / "page.tflite"
    page.write_text("<html>")
    found = sweep(kind, [colour_model(batch="N"), page], pictures, QUICK)
    fine, broken = found.lines
    assert len(fine.points) > 1
    assert all(len(one.windows) == 3 and one.cpu_ms > 0 for one in fine.points)
    assert "not a TFLite" in broken.error
    assert broken.exit_code == 65
    assert "error: " in render(found)


def test_a_resolution_is_the_cameras_and_each_stage_has_its_time(tiny):
    pictures = Pictures("digits", list(tiny.dataset.test.images[:4, ..., ::-1]))
    found = sweep("resolution", [tiny.h5, tiny.files[2]], pictures, QUICK)
    (line,) = found.lines  # Keras reads no camera
    assert [one.name for one in line.points] == [size.name for size in SIZES]
    assert list(line.points[0].stages_ms) == ["decode", "resize", "engine", "rank"]
    assert line.points[-1].stages_ms["decode"] > 4 * line.points[0].stages_ms["decode"]
    assert "| decode | resize | engine |" in render(found)


def test_files_of_other_input_sizes_are_lines_of_one_sweep(colour_model, pictures):
    paths = [colour_model("small.onnx"), colour_model("large.onnx", side_px=256)]
    small, large = sweep("threads", paths, pictures, QUICK).lines
    assert large.points[0].p50_ms > 2 * small.points[0].p50_ms


def test_a_file_that_dies_takes_no_other_with_it(colour_model, pictures):
    psutil = pytest.importorskip("psutil")

    def kill(step: str) -> None:
        if step == "timing, window 2 of 3":
            for child in psutil.Process().children():
                if any(argument.endswith("doomed.onnx") for argument in child.cmdline()):
                    child.kill()

    doomed, fine = sweep(
        "batch", [colour_model("doomed.onnx"), colour_model("fine.onnx")], pictures, QUICK, kill
    ).lines
    assert "was ended by SIGKILL" in doomed.error
    assert len(fine.points[0].windows) == 3


def test_the_table_says_what_threads_bought_and_at_which_price():
    helped = SweepLine("m/a.tflite", "litert", (point(1, 2.0), point(2, 1.0, cpu_ms=3.0)))
    hurt = SweepLine("m/a.onnx", "onnxruntime", (point(1, 1.0), point(2, 1.5)))
    text = render(report("threads", helped, hurt))
    assert "tflite: best with 2 threads, p50 0.50, p99 0.50, CPU 3.00 times that of one" in text
    assert "onnx: more threads did not help" in text


def test_files_with_the_same_limit_share_their_note():
    note = "its graph fixes the batch at 1"
    lines = [SweepLine(f"m/a.{end}", "engine", (point(1, 1.0),), note) for end in ("onnx", "tflite")]
    assert f"note: a.onnx, a.tflite: {note}" in render(report("batch", *lines))


def test_json_is_one_line_with_every_sample():
    text = report("batch", SweepLine("a.onnx", "engine", (point(4, 2.0, images=4),))).to_json()
    assert text.count("\n") == 1
    (line,) = json.loads(text)["lines"]
    assert line["points"][0]["p50_ms"] == 0.5
    assert line["points"][0]["windows"][0]["samples_ns"] == [2_000_000] * 5


@pytest.mark.parametrize("kind", ["threads", "batch"])
def test_the_plot_is_a_png(kind):
    pytest.importorskip("matplotlib")
    from edgecls.benchmarks.growth.plot import sweep_png

    lone = SweepLine("b.onnx", "engine", (point(1, 2.0),))
    png = sweep_png(report(kind, SweepLine("a.onnx", "engine", (point(1, 1.0), point(2, 1.5))), lone))
    assert png.startswith(b"\x89PNG")
