from dataclasses import replace

import numpy as np
import pytest
from edgecls.benchmarks.corruptions.run import bench_corruptions


@pytest.fixture
def dim(colours):
    """Colours so dark that any darkening makes them black, which the network takes for red."""
    images = np.zeros_like(colours.images)
    images[np.arange(30), :, :, colours.truth] = 5
    return replace(colours, images=images)


def test_a_file_is_asked_corrupted_images(colour_model, dim):
    (file,) = bench_corruptions([colour_model()], dim).files
    assert file.error is None
    assert file.engine.startswith("onnxruntime ")
    assert file.scores.accuracy == 1
    assert file.scores.accuracies("brightness") == pytest.approx([1 / 3] * 5)
    assert file.scores.accuracies("contrast") == (1, 1, 1, 1, 1)  # of flat colours there is none to lose


def test_every_file_is_asked_the_same_images(colour_model, dim):
    twins = bench_corruptions([colour_model("a.onnx"), colour_model("b.onnx")], dim).files
    for name, recognised in twins[0].scores.corrupted.items():
        assert np.array_equal(recognised, twins[1].scores.corrupted[name])
    assert 1 / 3 < twins[0].scores.accuracies("noise")[-1] < 1


def test_files_that_fail_are_lines_and_the_others_go_on(colour_model, colours, tmp_path):
    page = tmp_path / "page.tflite"
    page.write_text("<html>")
    broken = colour_model("nan.onnx", gains=(1, 1, float("nan")))
    other = colour_model("other.onnx", labels=("a", "b", "c"))
    files = bench_corruptions([page, broken, other, colour_model("fine.onnx")], colours).files
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
    doomed, fine = bench_corruptions(paths, colours, on_step=kill).files
    assert "was ended by SIGKILL" in doomed.error
    assert doomed.scores is None
    assert fine.error is None
