import pytest
from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.model import check_model, exported_models


@pytest.mark.parametrize(("suffix", "engine"), [(".tflite", "litert"), (".onnx", "onnxruntime")])
def test_a_model_that_the_engine_reads_is_fine(tiny, suffix, engine):
    path = next(path for path in tiny.files if path.suffix == suffix)

    found = check_model(path)

    assert found.level is Level.OK
    assert f"{path}: {engine} " in found.what


def test_a_model_that_was_cut_short_is_a_problem_with_what_to_do(tiny, tmp_path):
    path = tmp_path / "cut.tflite"
    path.write_bytes(tiny.files[0].read_bytes()[:5000])

    found = check_model(path)

    assert found.level is Level.PROBLEM
    assert found.what.startswith(f"{path}: truncated at 5,000 of ")
    assert found.advice == "copy it again"


def test_a_model_whose_engine_is_not_installed(tiny, tmp_path, monkeypatch):
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('No module named onnxruntime')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = next(path for path in tiny.files if path.suffix == ".onnx")

    found = check_model(path)

    assert found.level is Level.PROBLEM
    assert found.what == "onnxruntime cannot be loaded: No module named onnxruntime"
    assert "pip install onnxruntime" in found.advice


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"<html>404", "not a TFLite, ONNX or HDF5 file: it starts with '<html"), (b"", "the file is empty")],
)
def test_what_is_no_model(tmp_path, content, what):
    path = tmp_path / "image_classification.tflite"
    path.write_bytes(content)

    assert what in check_model(path).what


def test_a_model_that_is_not_there(tmp_path):
    assert check_model(tmp_path / "none.tflite").what == f"{tmp_path}/none.tflite: no such file"


def test_the_exported_files_of_a_folder_are_tried(tmp_path):
    for name in ("b.onnx", "a.tflite", "a.h5", "notes.txt"):
        (tmp_path / name).touch()

    assert [path.name for path in exported_models(tmp_path)] == ["a.tflite", "b.onnx"]
