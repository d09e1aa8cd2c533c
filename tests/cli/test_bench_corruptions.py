import json
import shutil

import pytest


@pytest.fixture
def folder(tiny, tmp_path):
    """The int8 files of the tiny model, without the report that names their data set."""
    folder = tmp_path / "models"
    folder.mkdir()
    for file in tiny.files[2:]:
        shutil.copy(file, folder)
    return folder


def test_tables_pictures_and_json_come_out_and_a_bound_is_kept(folder, run_here, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("COLUMNS", "120")
    options = ("--data", "digits", "--images", 100, "--json", "out.json", "--report", "out")
    done = run_here("bench", "--corruptions", *options, "--fail-over", "jpeg_drop_points=50", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| noise, std 10.2, 15.3, 20.4, 22.95, 25.5 of 255 |") == 2
    assert done.stdout.count("From JPEG quality 100 to 50 it loses ") == 2
    assert "digits, 100 of " in done.stdout
    for name in ("corruptions.png", "corrupted_images.png"):
        assert (folder / "out" / name).read_bytes().startswith(b"\x89PNG")
    document = json.loads((folder / "out.json").read_text())
    assert [file["error"] for file in document["files"]] == [None, None]
    assert all(file["accuracy"] > 0.5 for file in document["files"])


def test_a_bound_that_is_broken_ends_it_with_1(folder, run_here):
    options = ("image_classification_int8.tflite", "--data", "digits", "--images", 20)
    done = run_here("bench", *options, "--corruptions", "--fail-under", "accuracy=1.01", cwd=folder)
    assert done.returncode == 1
    assert "image_classification_int8.tflite: accuracy " in done.stderr
    assert "is under 1.01" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("--csv", "a.csv"), 2, "--csv: has no effect with --corruptions; leave it out"),
        (("--peers",), 2, "--peers: has no effect with --corruptions"),
        (("--scaling", "threads"), 2, "--corruptions: has no effect with --scaling; leave it out"),
        (("--scaling", "resolution"), 2, "--corruptions: has no effect with --scaling; leave it out"),
        (("--fail-over", "p99_ms=5"), 2, "no figure 'p99_ms'; use one of accuracy, mean_accuracy, drop_"),
        ((), 66, "or name the data set with --data"),
        (("nano",), 66, "nano comes without test images; name a data set of its classes with --data"),
        (("page.onnx", "--data", "digits"), 65, "page.onnx: not a TFLite, ONNX or HDF5 file"),
    ],
)
def test_wrong_inputs_are_one_line_each(folder, run_here, arguments, exit_code, message):
    (folder / "page.onnx").write_text("<html>")
    done = run_here("bench", "--corruptions", *arguments, cwd=folder)
    assert done.returncode == exit_code
    assert message in done.stderr
