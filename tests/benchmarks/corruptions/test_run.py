import json
from dataclasses import replace

import numpy as np
import pytest

from edgecls.benchmarks.corruptions.report import CORRUPTION_FIGURES, Drop, Scores, render_corruptions
from edgecls.benchmarks.corruptions.run import measure_corruptions
from edgecls.data.intervals import Interval


@pytest.fixture
def dim(colours):
    """Colours so dark that any darkening makes them black, which the network takes for red."""
    images = np.zeros_like(colours.images)
    images[np.arange(30), :, :, colours.truth] = 5
    return replace(colours, images=images)


def test_a_file_is_asked_corrupted_images(colour_model, dim):
    (file,) = measure_corruptions([colour_model()], dim).files
    assert file.error is None
    assert file.engine.startswith("onnxruntime ")
    assert file.scores.accuracy == 1
    assert file.scores.accuracies("brightness") == pytest.approx([1 / 3] * 5)
    assert file.scores.accuracies("contrast") == (1, 1, 1, 1, 1)  # of flat colours there is none to lose


def test_every_file_is_asked_the_same_images(colour_model, dim):
    twins = measure_corruptions([colour_model("a.onnx"), colour_model("b.onnx")], dim).files
    for name, recognised in twins[0].scores.corrupted.items():
        assert np.array_equal(recognised, twins[1].scores.corrupted[name])
    assert 1 / 3 < twins[0].scores.accuracies("noise")[-1] < 1


def test_files_that_fail_are_lines_and_the_others_go_on(colour_model, colours, tmp_path):
    page = tmp_path / "page.tflite"
    page.write_text("<html>")
    broken = colour_model("nan.onnx", gains=(1, 1, float("nan")))
    other = colour_model("other.onnx", labels=("a", "b", "c"))
    files = measure_corruptions([page, broken, other, colour_model("fine.onnx")], colours).files
    assert [file.exit_code for file in files] == [65, 1, 65, 0]
    assert "nan.onnx: gave NaN or infinity for 30 of 30 images" in files[1].error
    assert "its labels (a, b, c) are not those of colours" in files[2].error
    assert files[3].scores.accuracy == 1


def test_a_file_that_dies_on_the_way_takes_no_other_with_it(colour_model, colours):
    psutil = pytest.importorskip("psutil")

    def kill(step: str) -> None:
        if step == "noise images: noise, std 15.3 of 255, doomed.onnx":
            for child in psutil.Process().children():
                if any(argument.endswith("doomed.onnx") for argument in child.cmdline()):
                    child.kill()

    paths = [colour_model("doomed.onnx"), colour_model("fine.onnx")]
    doomed, fine = measure_corruptions(paths, colours, on_step=kill).files
    assert "was ended by SIGKILL" in doomed.error
    assert doomed.scores is None
    assert fine.error is None


def test_a_row_has_its_parameter_its_levels_and_what_is_lost(report):
    pytest.importorskip("scipy")
    lines = render_corruptions(report).splitlines()
    assert "models/a.tflite: 80.00 (49.0-94.3) % top-1 accuracy on the original images" in lines
    cells = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines if " | " in line}
    jpeg = [cell.strip(" |") for cell in cells["JPEG, quality 100, 90, 70, 50, 30"]]
    assert jpeg[:6] == ["80.00", "80.00", "70.00", "50.00", "40.00", "64.00"]
    assert jpeg[6].startswith("16.00 ±")
    assert "blur, sigma 0.8, 1.2, 1.4, 1.6, 2 px" in cells  # of 64x96 px
    assert cells["mean"][5].strip() == "68.80"


def test_jpegs_loss_is_a_line(report):
    assert "From JPEG quality 100 to 50 it loses 30.00" in render_corruptions(report)


def test_what_was_asked_and_what_failed_is_told(report):
    text = render_corruptions(report)
    assert "pets, 10 of 20 test images, 64x96 px, 2 classes" in text
    assert text.splitlines()[-1] == "error: b.onnx: the file is empty"


def test_json_is_one_line_with_every_level(report):
    text = report.to_json()
    assert text.count("\n") == 1
    document = json.loads(text)
    assert document["kind"] == "corruptions"
    fine, broken = document["files"]
    assert fine["jpeg_drop_points"] == 30
    assert [level["value"] for level in fine["corruptions"][1]["levels"]] == [0.8, 1.2, 1.4, 1.6, 2.0]
    assert [level["accuracy"] for level in fine["corruptions"][0]["levels"]] == [0.8, 0.8, 0.7, 0.5, 0.4]
    assert broken["error"] == "b.onnx: the file is empty"
    assert broken["corruptions"] == []


def test_every_figure_is_a_number_or_was_not_measured(report):
    fine, broken = (file.figures for file in report.files)
    assert list(fine) == list(broken) == list(CORRUPTION_FIGURES)
    assert all(isinstance(value, float) for value in fine.values())
    assert set(broken.values()) == {None}


def test_accuracies_are_shares_of_the_images(scores):
    assert scores.accuracy == 0.8
    assert scores.accuracies("jpeg") == (0.8, 0.8, 0.7, 0.5, 0.4)
    assert scores.mean_accuracies == pytest.approx((0.72, 0.72, 0.7, 0.66, 0.64))
    assert scores.mean_accuracy == pytest.approx(0.688)


def test_drops_are_points_lost_from_the_images_as_they_are(scores):
    assert scores.drop.points == pytest.approx(11.2)
    assert scores.drop_under("jpeg").points == pytest.approx(16)
    assert scores.drop_under("blur").points == pytest.approx(10)
    assert scores.drop_at("jpeg", 3).points == pytest.approx(30)


def test_jpegs_loss_is_from_quality_100_to_50(scores):
    assert scores.jpeg_drop.points == pytest.approx(30)


def test_nothing_lost_is_certain():
    same = Scores(np.array([True, False]), {"jpeg": np.array([[True, False]] * 5)})
    assert same.drop == Drop(0.0, Interval(0.0, 0.0))


def test_a_drop_of_one_level_has_its_exact_paired_interval():
    pytest.importorskip("scipy")
    from edgecls.data.intervals import paired_difference

    before, after = np.arange(100) < 80, (np.arange(100) < 60) | (np.arange(100) >= 95)
    found = Scores(before, {"jpeg": np.stack([after] * 5)}).drop_at("jpeg", 0)
    expected = paired_difference(20, 5, 100)
    assert found.points == 15
    assert found.interval_points == Interval(100 * expected.low, 100 * expected.high)
