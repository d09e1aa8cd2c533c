"""`edgecls verify` as a user runs it, on good files and on files with planted faults."""

import json
import shutil
from dataclasses import replace

import pytest

from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.model_file import ModelFormat, read_model
from tests.strangers import tflite_network

ATTACH = {ModelFormat.TFLITE: model_file.attach_to_tflite, ModelFormat.ONNX: model_file.attach_to_onnx}


def test_every_exported_file_of_the_folder_passes(tiny, run_here):
    done = run_here("verify", cwd=tiny.folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": pass (") == 4
    assert "frame 1: " in done.stdout


def test_files_made_elsewhere_in_a_folder_do_not_stop_the_others(tiny, tmp_path, run_here):
    theirs = tmp_path / "a_stranger.tflite"
    theirs.write_bytes(tflite_network())
    assert run_here("verify", cwd=tmp_path).returncode == 65  # there is no other
    shutil.copy(tiny.files[2], tmp_path)
    done = run_here("verify", cwd=tmp_path)
    assert (done.returncode, done.stdout.count(": pass (")) == (0, 1), done.stderr
    assert (
        "a_stranger.tflite: a TFLite file without a model card: made elsewhere; not verified" in done.stderr
    )
    assert run_here("verify", theirs, cwd=tmp_path).returncode == 65


def test_json_says_it_frame_by_frame(tiny, run_here):
    done = run_here("verify", tiny.files[2], "--json", cwd=tiny.folder)
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert result["holds"] is True
    assert result["engine"].startswith("litert")
    assert len(result["frames"]) >= 3
    assert all(frame["input_difference"] == 0 and frame["holds"] for frame in result["frames"])


@pytest.mark.parametrize("index", range(4))
def test_a_swapped_label_fails_with_exit_1_and_says_so(tiny, tmp_path, run_here, index):
    model = read_model(tiny.files[index])
    card = replace(model.card, labels=("1", "0", *model.card.labels[2:]))
    path = tmp_path / model.path.name
    path.write_bytes(ATTACH[model.format](network_of(model), card))
    done = run_here("verify", path, cwd=tmp_path)
    assert done.returncode == 1
    assert "FAIL" in done.stdout
    assert "the labels were changed" in done.stdout
    assert done.stderr.startswith("edgecls: error: ")
    assert "answers differently from the one that exported" in done.stderr


def network_of(model) -> bytes:
    """The file's bytes without card and seal: all before the seal, which comes first of what was added."""
    if model.format is ModelFormat.TFLITE:
        return model.content[: model.content.rfind(b"edgecls-sha256:")]
    return model.content[: -len(model_file.attach_to_onnx(b"", model.card))]


def test_a_missing_file_and_an_empty_folder(tmp_path, run_here):
    done = run_here("verify", "nothing.tflite", cwd=tmp_path)
    assert done.returncode == 66
    done = run_here("verify", cwd=tmp_path)
    assert done.returncode == 66
    assert "edgecls export" in done.stderr
    assert "--model" not in done.stderr  # an option of other commands


def test_a_damaged_copy_is_bad_data_and_not_a_difference(tiny, tmp_path, run_here):
    path = tmp_path / "m.tflite"
    shutil.copy(tiny.files[0], path)
    content = bytearray(path.read_bytes())
    content[1000] ^= 4
    path.write_bytes(content)
    done = run_here("verify", path, cwd=tmp_path)
    assert done.returncode == 65
    assert "checksum" in done.stderr
