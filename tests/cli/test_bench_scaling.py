import json
import shutil

import pytest

from ..edge_runtime.test_imports import WORKSTATION, without
from .test_bench import rows

QUICK = ("--seconds", 0.12)


@pytest.fixture
def folder(tiny, tmp_path):
    """One file of each engine, and no data set."""
    folder = tmp_path / "models"
    folder.mkdir()
    for file in (tiny.files[2], tiny.files[1]):
        shutil.copy(file, folder)
    return folder


@pytest.mark.parametrize("kind", ["threads", "resolution"])
def test_a_scaling_is_a_table_a_plot_and_json(folder, run_here, kind):
    pytest.importorskip("matplotlib")
    done = run_here("bench", "--scaling", kind, *QUICK, "--json", "scaling.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert set(rows(done.stdout)) == {"onnx", "int8.tflite"}
    assert done.stdout.splitlines()[-1] == f"plot: scaling_{kind}.png"
    assert (folder / f"scaling_{kind}.png").read_bytes().startswith(b"\x89PNG")
    document = json.loads((folder / "scaling.json").read_text())
    assert document["scaling"] == kind
    assert [line["error"] for line in document["lines"]] == ["", ""]


def test_without_matplotlib_there_is_the_table_alone(folder, tmp_path, run_edgecls):
    done = run_edgecls(
        "bench", "--scaling", "threads", *QUICK, cwd=folder, env=without(tmp_path, *WORKSTATION)
    )
    assert done.returncode == 0, done.stderr
    assert len(rows(done.stdout)) >= 2
    assert done.stdout.splitlines()[-1].startswith("no plot: No module named 'matplotlib'; run `pip install ")
    assert not (folder / "scaling_threads.png").exists()


def test_the_plot_goes_to_the_folder_of_the_report(folder, run_here):
    pytest.importorskip("matplotlib")
    done = run_here("bench", "--scaling", "threads", *QUICK, "--report", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "out" / "scaling_threads.png").exists()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("--scaling", "colour"), 2, "'colour' is not one of 'threads', 'resolution'"),
        (("--scaling", "threads", "--csv", "a.csv"), 2, "--csv: has no effect with --scaling; leave it out"),
        (("--scaling", "threads", "--threads", 2), 2, "--threads is varied by --scaling threads"),
        (("--scaling", "threads", "--images", 5), 2, "--images: has no effect with --scaling"),
        (("--scaling", "threads", "--fail-over", "p99_ms=5"), 2, "--fail-over: has no effect with --scaling"),
        (("page.onnx", "--scaling", "threads"), 65, "page.onnx: not a TFLite, ONNX or HDF5 file"),
    ],
)
def test_wrong_inputs_are_one_line_each(folder, run_here, arguments, exit_code, message):
    (folder / "page.onnx").write_text("<html>")
    done = run_here("bench", *arguments, cwd=folder)
    assert done.returncode == exit_code
    assert message in done.stderr
    assert [line for line in done.stderr.splitlines() if "error" in line][1:] == []


def test_keras_alone_has_no_resolution_to_measure(tiny, folder, run_here):
    shutil.copy(tiny.h5, folder)
    done = run_here(
        "bench", "image_classification.h5", "--scaling", "resolution", "--data", "digits", cwd=folder
    )
    assert done.returncode == 66
    assert "no exported file to measure; run `edgecls export" in done.stderr
