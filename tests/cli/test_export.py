import json
import shutil

import pytest


@pytest.fixture
def folder(tiny, tmp_path):
    """A folder as `edgecls train` leaves it."""
    shutil.copy(tiny.h5, tmp_path)
    shutil.copytree(tiny.folder / tiny.h5.stem, tmp_path / tiny.h5.stem)
    return tmp_path


def test_without_a_flag_it_makes_the_float_files_and_names_the_next_command(folder, run_edgecls):
    done = run_edgecls("export", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.glob("*.*")} == {
        "image_classification.h5", "image_classification.tflite", "image_classification.onnx",
    }  # fmt: skip
    assert "top-1 agreement" in done.stdout
    assert done.stdout.count("100.00%") >= 2
    assert done.stdout.splitlines()[-1] == "next: edgecls bench"


def test_int8_and_json(folder, run_edgecls):
    done = run_edgecls("export", "--int8", "--calibration-images", 40, "--json", "parity.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    reports = json.loads((folder / "parity.json").read_text())
    assert [report["parity"]["file"].removeprefix("image_classification") for report in reports] == [
        ".tflite", ".onnx", "_int8.tflite", "_int8.onnx",
    ]  # fmt: skip
    assert all(0.9 < report["parity"]["top1_agreement"] <= 1 for report in reports)
    from edgecls.edge_runtime.model_file import read_model

    card = read_model(folder / "image_classification_int8.onnx").card
    assert card.quantisation is not None
    assert card.quantisation.calibration_images == 40


def test_a_named_model_and_named_data(folder, tmp_path_factory, run_edgecls):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copy(folder / "image_classification.h5", elsewhere / "digits.h5")
    done = run_edgecls("export", elsewhere / "digits.h5", cwd=folder)
    assert done.returncode == 66
    assert "name the data set with --data" in done.stderr
    done = run_edgecls("export", elsewhere / "digits.h5", "--data", "digits", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (elsewhere / "digits.tflite").exists()


def test_a_missing_model_says_how_to_make_one(tmp_path, run_edgecls):
    done = run_edgecls("export", cwd=tmp_path)
    assert done.returncode == 66
    assert done.stderr.startswith("edgecls: error: image_classification.h5: no such file")
    assert "edgecls train" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html><body>404", "it starts with '<html>"),
        (b"\x89HDF\r\n\x1a\n" + b"x" * 99, "HDF5"),
    ],
)
def test_a_file_that_is_no_model_is_bad_data(folder, run_edgecls, content, reason):
    (folder / "image_classification.h5").write_bytes(content)
    done = run_edgecls("export", cwd=folder)
    assert done.returncode == 65
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_flipped_bit_is_seen_before_keras_is_loaded(folder, run_edgecls):
    path = folder / "image_classification.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    done = run_edgecls("export", cwd=folder)
    assert done.returncode == 65
    assert "does not match its own checksum" in done.stderr


def test_a_read_only_folder_is_named(folder, read_only, run_edgecls):
    done = run_edgecls("export", read_only(folder) / "image_classification.h5", cwd=folder)
    assert done.returncode == 77
    assert "image_classification.tflite: read-only file system" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("edgecls: error: cannot write")


def test_a_full_disk_keeps_the_old_file_and_leaves_no_part(folder, small_disk, run_edgecls):
    model = shutil.copy(folder / "image_classification.h5", small_disk)
    shutil.copytree(folder / "image_classification", small_disk / "image_classification")
    old = small_disk / "image_classification.tflite"
    old.write_bytes(b"the old file")
    (small_disk / "filler").write_bytes(bytes(small_disk_free(small_disk) - 100_000))
    done = run_edgecls("export", model, cwd=folder)
    assert done.returncode == 74
    assert "image_classification.tflite: no space left on device" in done.stderr
    assert old.read_bytes() == b"the old file"
    assert {path.name for path in small_disk.glob(".*")} == set()


def small_disk_free(path):
    return shutil.disk_usage(path).free
