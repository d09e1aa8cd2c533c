"""Whatever Keras computes with: a process of its own, because Keras takes its backend when it is imported."""

import json
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgecls.cli.main import app
from edgecls.data.backend import hidden
from edgecls.trainer.enough.examine import FEWEST_EXAMINED

NO_TENSORFLOW = "raise ImportError(\"No module named 'tensorflow'\")"


def train(folder: Path, *arguments: str, backend: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `edgecls train` where TensorFlow cannot be imported."""
    hidden = folder / "hidden" / "tensorflow"
    hidden.mkdir(parents=True, exist_ok=True)
    (hidden / "__init__.py").write_text(NO_TENSORFLOW)
    env = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    env |= {"PYTHONPATH": str(hidden.parent)} | ({"KERAS_BACKEND": backend} if backend else {})
    return subprocess.run(
        [sys.executable, "-m", "edgecls.cli", "train", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module", params=["jax", "torch"])
def backend(request) -> str:
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed: pip install {request.param}")
    return request.param


def train_on_pets(folder: Path, write_images, backend: str, pictures: int) -> Path:
    for label in ("cat", "dog"):
        write_images(folder / "pets" / label, pictures, side_px=18)
    options = ("--arch", "cnn", "--epochs", "1", "--size", "18", "--batch-size", "5")
    done = train(
        folder, "--data", "pets", *options, "--augment", "all", "--optimizer", "muon", backend=backend
    )
    assert done.returncode == 0, done.stderr
    return folder / "image_classification.h5"


@pytest.fixture(scope="module")
def trained(backend, tmp_path_factory, write_images) -> Path:
    """Of so few pictures that none is examined: the network for that takes JAX half a minute to build."""
    few = FEWEST_EXAMINED // 2 - 1
    return train_on_pets(tmp_path_factory.mktemp(backend), write_images, backend, few)


def test_another_backend_trains_where_there_is_no_tensorflow(backend, trained):
    report = json.loads(trained.with_suffix("").joinpath("report.json").read_text())
    assert report["epochs_done"] == 1
    assert backend in report["versions"]
    assert "tensorflow" not in report["versions"]


@pytest.mark.slow
def test_another_backend_examines_the_pictures(backend, tmp_path, write_images):
    model = train_on_pets(tmp_path, write_images, backend, FEWEST_EXAMINED)
    assert (model.with_suffix("") / "report.html").exists()


def test_what_it_trained_exports_here(trained):
    """`export` compares each file with the Keras original, in TensorFlow, and fails where they differ."""
    app(["export", str(trained)], standalone_mode=False)  # in this process, which has TensorFlow
    assert trained.with_suffix(".tflite").exists()
    assert trained.with_suffix(".onnx").exists()


@pytest.mark.parametrize(
    ("backend", "exit_code", "message"),
    [
        (None, 69, "training needs Keras and tensorflow (No module named 'tensorflow'); run `pip install "),
        ("abacus", 78, "KERAS_BACKEND=abacus: Keras has no such backend; use tensorflow, jax or torch"),
    ],
)
def test_a_backend_that_is_not_there_is_named(tmp_path, backend, exit_code, message):
    done = train(tmp_path, "--data", "digits", backend=backend)
    assert done.returncode == exit_code
    loading, error = done.stderr.splitlines()
    assert loading.startswith("edgecls: loading ")
    assert error.startswith(f"edgecls: error: {message}")


def test_what_is_hidden_while_keras_loads_can_be_imported_afterwards(monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with hidden({"this", "json"}):
        assert json.loads("1") == 1  # what was imported before stays
        assert sys.modules["json"] is json
        with pytest.raises(ImportError):
            import_module("this")
    assert "this" not in sys.modules
    assert find_spec("this")


def test_functions_that_tensorflow_generates_leave_nothing_in_the_temporary_folder(tmp_path, monkeypatch):
    tf = import_module("edgecls.data.backend").tf
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    @tf.function
    def doubled_until_it_is_large(number):
        while number < 100:  # of a tensor, so that AutoGraph has to write the function anew
            number = number * 2
        return number

    assert doubled_until_it_is_large(tf.constant(3)).numpy() == 192
    assert not list(tmp_path.iterdir())
