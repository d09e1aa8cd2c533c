import pytest
from edgecls.benchmarks.corruptions.render import render


def test_a_row_has_its_parameter_its_levels_and_what_is_lost(report):
    pytest.importorskip("scipy")
    lines = render(report).splitlines()
    assert "models/a.tflite: 80.00 ±30.98 % top-1 of the images as they are" in lines
    cells = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines if " | " in line}
    jpeg = [cell.strip(" |") for cell in cells["JPEG, quality 100, 90, 70, 50, 30"]]
    assert jpeg[:6] == ["80.00", "80.00", "70.00", "50.00", "40.00", "64.00"]
    assert jpeg[6].startswith("16.00 ±")
    assert "blur, sigma 0.8, 1.2, 1.4, 1.6, 2 px" in cells  # of 64x96 px
    assert cells["mean"][5].strip() == "68.80"


def test_jpegs_loss_is_a_line(report):
    assert "From JPEG quality 100 to 50 it loses 30.00" in render(report)


def test_what_was_asked_and_what_failed_is_told(report):
    text = render(report)
    assert "pets, 10 of 20 test images, 64x96 px, 2 classes" in text
    assert text.splitlines()[-1] == "error: b.onnx: the file is empty"
