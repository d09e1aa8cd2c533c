import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

WORKSTATION = ("tensorflow", "keras", "onnx", "tf2onnx", "matplotlib", "sklearn", "h5py", "PIL")


def their_onnx(*, external: bool = False) -> bytes:
    weights = numpy_helper.from_array(np.ones((7, 4), np.float32), "w")
    if external:
        onnx.external_data_helper.set_external_data(weights, "../../etc/passwd")
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
    x, y = (helper.make_tensor_value_info(*end) for end in (("x", 1, [1, 7]), ("y", 1, [1, 4])))
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [weights])
    opset = [helper.make_opsetid("", 15)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def their_h5(layer: dict, fill=lambda _: None) -> bytes:
    first = {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 7]}}
    file = io.BytesIO()
    with h5py.File(file, "w") as h5_file:
        config = {"class_name": "Sequential", "config": {"name": "s", "layers": [first, layer]}}
        h5_file.attrs["model_config"] = json.dumps(config)
        h5_file.attrs["keras_version"] = "2.15.0"
        fill(h5_file)
    return file.getvalue()


DENSE = {"class_name": "Dense", "config": {"name": "d", "units": 4}}


def test_a_file_of_ours_shows_all_of_it_and_the_next_command(tiny, run_here):
    done = run_here("inspect", cwd=tiny.folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert "format                tflite (schema 3, MLIR Converted.)" in lines
    assert "seal                  intact; it says nothing of who made the file" in lines
    assert "parameters            122,570" in lines
    assert "multiply-accumulates  4,548,608" in lines
    assert "card                  10 labels: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in lines
    assert "  quantised           int8, min-max ranges, calibrated on 512 images, digest " in done.stdout
    assert lines[-1] == "next: edgecls verify image_classification_int8.tflite"


@pytest.mark.parametrize("suffix", [".h5", ".tflite", ".onnx", "_int8.tflite", "_int8.onnx"])
def test_json_is_one_object_on_stdout(tiny, run_here, suffix: str):
    done = run_here("inspect", "--json", f"image_classification{suffix}", cwd=tiny.folder)
    values = json.loads(done.stdout)
    assert values["format"] == suffix.split(".")[1]
    assert values["seal"] == "holds"
    assert (values["parameters"], values["macs"]) == (122_570, 4_548_608)
    assert values["card"]["labels"] == list("0123456789")
    assert values["size_bytes"] == (tiny.folder / f"image_classification{suffix}").stat().st_size


def test_the_original_leads_to_its_export(tiny, run_here):
    done = run_here("inspect", tiny.h5, cwd=tiny.folder)
    assert done.stdout.splitlines()[-1] == f"next: edgecls export {tiny.h5}"


def test_a_foreign_onnx_is_shown_too(tmp_path: Path, run_here):
    (tmp_path / "their model.onnx").write_bytes(their_onnx())
    done = run_here("inspect", "their model.onnx", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "seal                  none, not made by edgecls" in lines
    assert "multiply-accumulates  28" in lines
    assert "card                  none" in lines
    assert lines[-1] == "card                  none"  # and no command, as none takes it
    assert "no command takes it: it takes " in done.stderr


def test_a_foreign_keras_model_is_shown_too(tmp_path: Path, run_here):
    def fill(file) -> None:
        file["model_weights/d/kernel"] = np.zeros((7, 4), np.float32)

    (tmp_path / "old.h5").write_bytes(their_h5(DENSE, fill))
    done = run_here("inspect", "old.h5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "format                h5 (Keras 2.15.0)" in done.stdout
    assert "input                 i: float32 [?, 7]" in done.stdout
    assert "parameters            28" in done.stdout
    assert done.stdout.splitlines()[-1] == "card                  none"  # and no command: it takes no picture
    assert "no command takes it: it takes i: float32 [?, 7]" in done.stderr


def code_layer() -> dict:
    return {"class_name": "Lambda", "config": {"name": "l", "function": "..."}}


def escaping_link(file) -> None:
    file["\x1b[2J\n"] = h5py.SoftLink("/")


def never_written(file) -> None:
    file.create_dataset("model_weights/w", (2**20, 2**20), "f4", chunks=(2**10, 2**10))


def link(file) -> None:
    file["model_weights"] = h5py.ExternalLink("/etc/passwd", "/")


def their_keras(config: bytes) -> bytes:
    file, weights = io.BytesIO(), io.BytesIO()
    h5py.File(weights, "w").close()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
        for name, part in {"config": config, "metadata": b"{}"}.items():
            zipped.writestr(f"{name}.json", part)
        zipped.writestr("model.weights.h5", weights.getvalue())
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html><body>404", "not a TFLite, ONNX or HDF5 file: it starts with '<html>"),
        (their_onnx()[:50], "not a valid ONNX model"),
        (their_onnx(external=True), "has its weights at '../../etc/passwd', in no .data file beside it"),
        (their_h5(code_layer()), "refused: a Lambda layer can run code"),
        (their_h5(DENSE, link), "refused: model_weights is a link to another place"),
        (their_h5(DENSE, escaping_link), r"refused: \x1b[2J\n is a link"),
        (b"\x1c\0\0\0TFL3" + b"\x1b[2J" * 30, "not a valid TFLite model"),
        (their_keras(b"[" * 99), "its description of the layers is damaged"),
    ],
    ids=["empty", "page", "cut", "external", "lambda", "link", "escape", "nonsense", "zip"],
)
def test_what_cannot_be_shown_is_one_line_and_65(tmp_path: Path, run_here, content: bytes, reason: str):
    (tmp_path / "theirs.bin").write_bytes(content)
    done = run_here("inspect", "theirs.bin", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr.startswith("edgecls: error: theirs.bin: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_file_and_a_folder_without_models(tmp_path: Path, run_here):
    done = run_here("inspect", "nothing.h5", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (66, 1)
    done = run_here("inspect", ".", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (66, 1)


def test_a_flipped_bit_is_seen_before_any_parser(tiny, tmp_path: Path, run_here):
    for original in (tiny.h5, *tiny.files):
        content = bytearray(original.read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / original.name).write_bytes(content)
        done = run_here("inspect", original.name, cwd=tmp_path)
        assert done.returncode == 65
        assert "does not match its own checksum; copy it again or export it again" in done.stderr


PEAK = """
import resource, subprocess, sys
command = [sys.executable, "-m", "edgecls.cli", "inspect", sys.argv[1]]
code = subprocess.run(command, stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""  # of all descendants, the largest; started from a small process, whose own size they inherit


@pytest.mark.parametrize(
    "content",
    [
        lambda: their_h5({"class_name": "Dense", "config": {"name": "d", "units": 10**9}}),
        lambda: their_h5(DENSE, never_written),
        lambda: their_h5(DENSE, link),
        lambda: their_keras(bytes(2**30)),  # seconds, which are not for every worker's collection
        lambda: their_keras(b"[0," * 2**24),
        lambda: their_keras(b"[" + b"[]," * 2**24),
    ],
    ids=["units", "array", "link", "zip", "text", "lists"],
)
def test_a_bomb_takes_at_most_300_mb(tmp_path: Path, content: Callable[[], bytes]):
    """Row 31."""
    (tmp_path / "bomb").write_bytes(content())
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "bomb"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    code, peak_mb = map(int, done.stdout.split())
    assert code == 65
    assert peak_mb <= 300


def test_a_device_reads_its_own_formats_with_its_own_packages(tiny, tmp_path: Path, run_edgecls):
    blocker = (
        "import sys\n"
        f"for name in {WORKSTATION!r}:\n"
        "    sys.modules[name] = None\n"  # importing it raises ImportError
    )
    (tmp_path / "sitecustomize.py").write_text(blocker)
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    for path in tiny.files:
        done = run_edgecls("inspect", path, cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
        assert "multiply-accumulates  4,548,608" in done.stdout
    done = run_edgecls("inspect", tiny.h5, cwd=tmp_path, env=env)
    assert done.returncode == 69
    assert 'needs h5py; run `pip install "edgecls[train]"`' in done.stderr
