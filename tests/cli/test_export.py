import json
import os
import shutil
from dataclasses import replace

import cv2
import pytest

from edgecls.data.model_data import training_data
from edgecls.edge_runtime.models.model_file import read_model

export_model = pytest.importorskip("edgecls.export.export", reason="needs edgecls[train]").export_model


@pytest.fixture
def folder(tiny, tmp_path):
    """A folder as `edgecls train` leaves it."""
    shutil.copy(tiny.h5, tmp_path)
    shutil.copytree(tiny.folder / tiny.h5.stem, tmp_path / tiny.h5.stem)
    return tmp_path


def test_without_a_flag_it_makes_the_float_files_and_names_the_next_command(folder, run_here):
    done = run_here("export", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.glob("*.*")} == {
        "image_classification.h5", "image_classification.tflite", "image_classification.onnx",
    }  # fmt: skip
    assert "agreement" in done.stdout
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert max(map(len, table)) <= 80
    assert "rejected as unknown: noise " in done.stdout
    assert "of pictures that show none of the classes: random noise, single colours, " in done.stdout
    said = done.stderr.splitlines()
    assert said[:3] == [
        "edgecls: reading the data set ...",
        "edgecls: loading TensorFlow ...",
        "edgecls: converting the network to ONNX ...",
    ]
    assert said[3].startswith("edgecls: file 1 of 2: converting to image_classification.tflite, ")
    assert said[4].startswith("edgecls: file 2 of 2: converting to image_classification.onnx, ")
    assert said[4].endswith(" left ...")
    assert done.stdout.count("100.00%") >= 2
    assert done.stdout.splitlines()[-1] == "next: edgecls bench"


def test_every_kind_at_once_with_its_options_and_the_other_spelling_of_int8(folder, run_here):
    options = ("--quantize", 8, "--float16", "--dynamic", "--max-drop", 20)
    done = run_here("export", *options, "--calibration-images", 40, "--json", "parity.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    reports = json.loads((folder / "parity.json").read_text())
    kinds = ("", "_int8", "_float16", "_dynamic")
    names = [f"image_classification{kind}.{format_}" for kind in kinds for format_ in ("tflite", "onnx")]
    assert [report["parity"]["file"] for report in reports] == names
    assert all(0.9 < report["parity"]["top1_agreement"] <= 1 for report in reports)
    assert "image_classification_int8.tflite: int8, min-max ranges: validation accuracy " in done.stdout
    card = read_model(folder / "image_classification_int8.onnx").card
    assert card.quantisation is not None
    assert card.quantisation.calibration_images == 40
    assert run_here("verify", *names, cwd=folder).returncode == 0


def test_a_named_model_and_named_data(folder, tmp_path_factory, run_here):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copy(folder / "image_classification.h5", elsewhere / "digits.h5")
    done = run_here("export", elsewhere / "digits.h5", cwd=folder)
    assert done.returncode == 66
    assert "name the data set with --data" in done.stderr
    done = run_here("export", elsewhere / "digits.h5", "--data", "digits", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (elsewhere / "digits.tflite").exists()


def test_another_data_set_than_the_training_s_is_a_warning(tiny):
    card = read_model(tiny.h5).card
    other = replace(card, provenance=replace(card.provenance, data_sha256="0" * 64))
    assert training_data(tiny.h5, card, "digits").warnings == ()
    warning = "digits is not the data set that the model was trained on"
    assert training_data(tiny.h5, other, "digits").warnings == (warning,)


def test_without_a_name_it_is_the_model_that_was_trained_last(folder, run_here):
    other = folder / "later.h5"
    shutil.copy(folder / "image_classification.h5", other)
    shutil.copytree(folder / "image_classification", folder / "later")
    os.utime(other, (2**31 - 1,) * 2)
    done = run_here("export", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert {path.stem for path in (*folder.glob("*.tflite"), *folder.glob("*.onnx"))} == {"later"}


def test_data_that_were_moved_since_are_asked_for_with_their_old_place(folder, run_here):
    report = folder / "image_classification" / "report.json"
    report.write_text(report.read_text().replace('"data": "digits"', '"data": "/moved/digits"'))
    done = run_here("export", cwd=folder)
    assert done.returncode == 66
    gone = "/moved/digits: no such file or folder, but image_classification.h5 was trained on it"
    assert done.stderr.endswith(f"{gone}; name its new place with --data\n")


def test_a_missing_model_says_how_to_make_one(tmp_path, run_here):
    done = run_here("export", cwd=tmp_path)
    assert done.returncode == 66
    assert done.stderr.startswith("edgecls: error: image_classification.h5: no such file")
    assert "edgecls train" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html><body>404", "it starts with '<html>"),
        (b"\x89HDF\r\n\x1a\n" + b"x" * 99, "a Keras file without a model card"),
    ],
)
def test_a_file_that_is_no_model_is_bad_data(folder, run_here, content, reason):
    (folder / "image_classification.h5").write_bytes(content)
    done = run_here("export", cwd=folder)
    assert done.returncode == 65
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_flipped_bit_is_seen_before_keras_is_loaded(folder, run_here):
    path = folder / "image_classification.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    done = run_here("export", cwd=folder)
    assert done.returncode == 65
    assert "does not match its own checksum" in done.stderr


def test_a_read_only_folder_is_named(folder, read_only, run_here):
    done = run_here("export", read_only(folder) / "image_classification.h5", cwd=folder)
    assert done.returncode == 77
    assert "image_classification.tflite: read-only file system" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("edgecls: error: cannot write")
    assert "converting" not in done.stderr  # which may take minutes


def test_a_full_disk_keeps_the_old_file_and_leaves_no_part(folder, small_disk, run_here):
    model = shutil.copy(folder / "image_classification.h5", small_disk)
    shutil.copytree(folder / "image_classification", small_disk / "image_classification")
    old = small_disk / "image_classification.tflite"
    old.write_bytes(b"the old file")
    (small_disk / "filler").write_bytes(bytes(small_disk_free(small_disk) - 100_000))
    done = run_here("export", model, cwd=folder)
    assert done.returncode == 2
    assert "image_classification.tflite: exists, and edgecls did not export it; move it away" in done.stderr
    done = run_here("export", model, "--force", cwd=folder)
    assert done.returncode == 74
    assert "image_classification.tflite: no space left on device" in done.stderr
    assert old.read_bytes() == b"the old file"
    assert {path.name for path in small_disk.glob(".*")} == set()


def small_disk_free(path):
    return shutil.disk_usage(path).free


@pytest.fixture
def foreign(tiny, tmp_path):
    """A model made elsewhere: pixels -1..1, logits, and pictures in a folder without classes."""
    keras = pytest.importorskip("keras", reason="needs edgecls[train]")
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            layers.Conv2D(8, 3, strides=2, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.DepthwiseConv2D(3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    network.save(tmp_path / "theirs.keras")
    (tmp_path / "labels.txt").write_text("left\nright\nnone\n")
    (tmp_path / "pictures").mkdir()
    for index, image in enumerate(tiny.dataset.train.images[:30]):
        cv2.imwrite(str(tmp_path / "pictures" / f"{index}.png"), image)
    return tmp_path


def test_a_model_made_elsewhere_is_exported_with_its_labels_and_scaling(foreign, run_edgecls, run_here):
    options = ("--labels", "labels.txt", "--scale", "-1..1", "--calibration", "pictures", "--int8")
    done = run_here("export", "theirs.keras", *options, cwd=foreign)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("100.00%") >= 2  # top-1 agreement of the float files
    answered = run_edgecls("predict", "pictures/0.png", "--model", "theirs_int8.tflite", cwd=foreign)
    assert answered.returncode == 0, answered.stderr
    assert any(label in answered.stdout for label in ("left", "right", "none"))
    assert run_here("verify", cwd=foreign).returncode == 0


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--labels", "labels.txt"), 2, "give --data"),
        (("--scale", "0..1"), 2, "name its --labels"),
        (("--labels", "two.txt", "--calibration", "pictures", "--scale", "0..1"), 65, "there are 2 labels"),
        (("--labels", "labels.txt", "--calibration", "pictures"), 2, "does not say which pixels"),
        (("--labels", "nothing.txt", "--calibration", "pictures"), 66, "nothing.txt: no such file"),
        (("--labels", "labels.txt", "--calibration", "nowhere"), 66, "nowhere: no such folder"),
    ],
)
def test_what_a_model_made_elsewhere_needs_is_said_in_one_line(foreign, run_here, options, code, words):
    (foreign / "two.txt").write_text("a\nb\n")
    done = run_here("export", "theirs.keras", *options, cwd=foreign)
    assert done.returncode == code, done.stderr
    *steps, error = done.stderr.splitlines()
    assert words in error
    assert error.startswith("edgecls: error: ")
    assert all(step.endswith(" ...") for step in steps)


def test_the_old_name_of_the_target_precision_is_understood_and_not_shown(tiny, folder, run_here):
    def threshold(*options: object) -> float | None:
        done = run_here("export", *options, cwd=folder)
        assert done.returncode == 0, done.stderr
        return read_model(folder / "image_classification.tflite").card.threshold

    strict = threshold("--target-precision", 1)
    assert strict > read_model(tiny.files[0]).card.threshold
    assert threshold("--precision", 1) == strict
    assert threshold("--precision", 0.5) < strict
    shown = run_here("export", "--help", cwd=folder).stdout
    assert "--target-precision" in shown
    assert "  --precision" not in shown


def test_ten_lines_of_python_export_as_the_command_does(folder, tiny):
    steps = []
    report = export_model(folder / "image_classification.h5", int8=True, on_step=steps.append)
    assert [file.parity.file for file in report.files] == [
        f"image_classification{kind}.{suffix}" for kind in ("", "_int8") for suffix in ("tflite", "onnx")
    ]
    last = [step for step in steps if step.startswith("file ")][-1]
    assert "file 4 of 4: converting to image_classification_int8.onnx" in last
    assert report.to_json() == tiny.parity
    assert [(folder / path.name).read_bytes() for path in tiny.files] == [
        path.read_bytes() for path in tiny.files
    ]
    assert "accuracy change" in report.text
