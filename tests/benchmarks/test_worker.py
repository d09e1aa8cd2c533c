import os
import signal

import numpy as np
import pytest

from edgecls.benchmarks.worker import measure_cold_start, timed_file
from edgecls.edge_runtime.errors import BadModel, MissingInput


@pytest.fixture
def files(colours, tmp_path):
    return colours.write(tmp_path)


def test_a_process_opens_scores_and_times_a_file(colour_model, colours, files):
    with timed_file(colour_model(), files.images, threads=1) as process:
        load = process.opened()
        probabilities = process.score(30, files.answers)
        window = process.time_window(0.05)
    assert load.engine.startswith("onnxruntime ")
    assert load.load_ms > 0
    assert load.first_inference_ms > 0
    assert probabilities.dtype == np.float32
    assert probabilities.argmax(1).tolist() == colours.truth.tolist()
    assert 0 < sum(window.samples_ns) <= 0.05e9 + max(window.samples_ns)
    assert window.wake_ns > 0


def test_a_window_of_no_time_still_times_one_inference(colour_model, files):
    with timed_file(colour_model(), files.images, threads=1) as process:
        process.opened()
        assert len(process.time_window(0).samples_ns) == 1


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [("page.tflite", BadModel, "it starts with '<html>'"), ("gone.onnx", MissingInput, "no such file")],
)
def test_the_error_of_the_process_is_the_error_of_the_caller(tmp_path, files, name, kind, reason):
    (tmp_path / "page.tflite").write_text("<html>")
    with (
        timed_file(tmp_path / name, files.images, threads=1) as process,
        pytest.raises(kind, match=reason),
    ):
        process.opened()


def test_a_crash_is_an_error_that_names_the_signal(colour_model, files):
    with timed_file(colour_model(), files.images, threads=1) as process:
        process.opened()
        os.kill(process.worker.process_id, signal.SIGSEGV)
        with pytest.raises(BadModel, match=r"colours\.onnx: its process was ended by SIGSEGV"):
            process.time_window(0.01)


def test_a_process_that_fails_in_python_is_quoted(colour_model, tmp_path):
    with (
        timed_file(colour_model(), tmp_path / "no.npy", threads=1) as process,
        pytest.raises(BadModel, match=r"exit code 1 \(FileNotFoundError.*no\.npy"),
    ):
        process.opened()


def test_a_process_that_hangs_is_ended(colour_model, files):
    with timed_file(colour_model(), files.images, threads=1, limit_s=0.3) as process:
        os.kill(process.worker.process_id, signal.SIGSTOP)
        with pytest.raises(BadModel, match=r"gave no answer in 0\.3 s"):
            process.opened()


def test_a_folder_numpy_where_the_user_stands_is_not_imported(colour_model, files, tmp_path, monkeypatch):
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").write_text("raise ImportError('a foreign numpy')")
    model = colour_model()
    monkeypatch.chdir(tmp_path)
    with timed_file(model, files.images, threads=1) as process:
        assert process.opened().engine


@pytest.mark.parametrize("stopped", [False, True])
def test_no_process_outlives_its_block(colour_model, files, stopped):
    with timed_file(colour_model(), files.images, threads=1) as process:
        process.opened()
        if stopped:
            os.kill(process.worker.process_id, signal.SIGSTOP)
    with pytest.raises(ProcessLookupError):
        os.kill(process.worker.process_id, 0)


def test_other_images_can_be_asked_than_those_at_the_start(colour_model, colours, files, tmp_path):
    others = tmp_path / "others.npy"
    np.save(others, colours.images[20:])
    with timed_file(colour_model(), files.images, threads=1) as process:
        process.opened()
        assert process.score(10, files.answers, others).argmax(1).tolist() == [2] * 10
        assert len(process.score(30, files.answers)) == 30


@pytest.fixture
def still(colours, tmp_path):
    return colours.write(tmp_path).still


def test_a_new_process_names_the_picture(colour_model, still):
    cold = measure_cold_start(colour_model(), still, threads=1)
    assert cold.label == "red"
    assert 0.01 < cold.first_label_s < 10


def test_memory_is_that_of_the_process_and_not_of_its_parent(colour_model, still):
    ballast = np.ones(500_000_000, np.uint8)
    cold = measure_cold_start(colour_model(), still, threads=1)
    if cold.peak_memory_bytes is None:
        pytest.skip("this system does not say how much memory a process held")
    assert 20e6 < cold.peak_memory_bytes < ballast.nbytes / 2


def test_a_file_that_fails_is_an_error_with_its_reason(tmp_path, still):
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(BadModel, match="the file is empty"):
        measure_cold_start(tmp_path / "empty.onnx", still, threads=1)
