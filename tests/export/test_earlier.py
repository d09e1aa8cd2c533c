"""Files beside the original: what an export may overwrite, and what is out of date after it."""

import hashlib
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.models.model_file import attach_to_tflite, read_model
from edgecls.export.earlier import check_earlier, planned_kinds, set_aside_outdated
from edgecls.export.inputs import check_judged, read_formats

INT8 = planned_kinds(("int8",), "uint8")


def copied(tiny, folder: Path, names: str = "original") -> Path:
    """The exported files of a model, and as their original a file of other content: it was trained again."""
    for path in tiny.files:
        (folder / path.name).write_bytes(path.read_bytes())
    original = folder / tiny.h5.name
    original.write_bytes(tiny.h5.read_bytes() if names == "original" else b"trained again")
    return original


def test_earlier_exports_of_the_same_name_are_overwritten(tiny, tmp_path):
    check_earlier(copied(tiny, tmp_path, "trained again"), INT8, ())


def test_a_file_made_elsewhere_is_not_overwritten(tiny, tmp_path):
    original = copied(tiny, tmp_path)
    theirs = tmp_path / tiny.files[2].name
    theirs.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(100))
    with pytest.raises(UsageError, match=r"_int8\.tflite: exists, and edgecls did not export it; .* --force"):
        check_earlier(original, INT8, ())
    check_earlier(original, planned_kinds((), "uint8"), ())  # which leaves it alone


def test_a_file_that_was_adopted_is_not_overwritten(tiny, tmp_path):
    original = copied(tiny, tmp_path)
    adopted = read_model(tiny.h5).card  # of no .h5
    content = attach_to_tflite(b"\x1c\x00\x00\x00TFL3" + bytes(100), adopted)
    (tmp_path / tiny.files[0].name).write_bytes(content)
    with pytest.raises(UsageError, match="edgecls did not export it"):
        check_earlier(original, INT8, ())


def test_the_export_of_another_original_of_the_same_name_is_not_overwritten(tiny, tmp_path):
    h5 = copied(tiny, tmp_path)
    keras = h5.with_suffix(".keras")
    keras.write_bytes(b"another")
    with pytest.raises(UsageError, match=rf"exists, and it was exported from .*{h5.name}"):
        check_earlier(keras, INT8, ())
    assert not list(set_aside_outdated(keras, [], hashlib.sha256(b"another").hexdigest()))


def test_files_of_other_weights_are_renamed_and_told(tiny, tmp_path):
    original = copied(tiny, tmp_path, "trained again")
    written = [tmp_path / path.name for path in tiny.files[:2]]
    lines = list(set_aside_outdated(original, written, hashlib.sha256(b"trained again").hexdigest()))
    assert lines == [
        f"{path.name} was exported from other weights; it is {path.name}.old now" for path in tiny.files[2:]
    ]
    assert original.read_bytes() == b"trained again"
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        original.name,
        *(path.name for path in written),
        *(f"{p.name}.old" for p in tiny.files[2:]),
    }


def test_files_of_the_same_weights_stay(tiny, tmp_path):
    original = copied(tiny, tmp_path)
    assert not list(set_aside_outdated(original, [], hashlib.sha256(original.read_bytes()).hexdigest()))
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize(
    ("kinds", "max_drop", "precision", "calibration", "words"),
    [
        ((), 1.0, None, None, "add --int8"),
        (("int8",), 1.0, None, Path("photos"), "--max-drop: needs pictures of known classes; give --data"),
        ((), None, 0.9, Path("photos"), "--target-precision: needs pictures of known classes"),
    ],
)
def test_options_that_cannot_be_honoured_are_refused(kinds, max_drop, precision, calibration, words):
    with pytest.raises(UsageError, match=words):
        check_judged(kinds, max_drop, precision, calibration)
    check_judged(("int8",), 1.0, 0.9, None)


def test_formats_are_read_from_a_list():
    assert read_formats("ONNX, .tflite") == ("onnx", "tflite")
    assert read_formats(None) == ()
    with pytest.raises(UsageError, match="--format onxx: give tflite, onnx"):
        read_formats("tflite,onxx")
