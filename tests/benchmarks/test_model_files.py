from pathlib import Path

import h5py
import onnx
import pytest

from edgecls.benchmarks.model_files import find_model_files, first_readable, read_strangers
from edgecls.edge_runtime.errors import BadModel, MissingInput, UsageError
from edgecls.edge_runtime.images.picture_options import PictureOptions
from edgecls.edge_runtime.models.builtin import builtin_paths
from edgecls.edge_runtime.models.model_file import content_sha256, read_model


@pytest.fixture
def folder(tmp_path):
    for name in ("a_int8.onnx", "a.onnx", "a_int8.tflite", "a.tflite", "a.h5", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.onnx").mkdir()
    return tmp_path


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_a_folder_stands_for_its_models_with_keras_first(folder):
    expected = ["a.h5", "a.tflite", "a_int8.tflite", "a.onnx", "a_int8.onnx"]
    assert names(find_model_files([], folder)) == expected
    assert names(find_model_files([folder])) == expected


def test_named_files_keep_their_order_behind_keras(folder):
    named = [folder / name for name in ("a.onnx", "a.tflite", "a.h5", "a.onnx")]
    assert names(find_model_files(named)) == ["a.h5", "a.onnx", "a.tflite"]


def test_a_file_that_is_not_there_is_named(folder):
    with pytest.raises(MissingInput, match=r"b\.onnx: no such file"):
        find_model_files([folder / "a.onnx", folder / "b.onnx"])


def test_the_name_of_a_model_in_the_box_stands_for_its_files(folder, monkeypatch):
    monkeypatch.chdir(folder)
    found = find_model_files([Path("edge"), Path("a.h5"), Path("nano")])
    assert list(found) == [Path("a.h5"), *builtin_paths("edge"), *builtin_paths("nano")]


def test_a_folder_without_models_says_what_to_do(tmp_path):
    with pytest.raises(MissingInput, match="run `edgecls train`"):
        find_model_files([], tmp_path)


def test_the_first_readable_file_is_found_behind_a_broken_one(tmp_path, colour_model):
    broken = tmp_path / "broken.tflite"
    broken.write_text("<html>")
    assert first_readable([broken, colour_model()]).path.name == "colours.onnx"


def test_when_no_file_is_readable_the_first_error_is_told(tmp_path):
    (tmp_path / "one.tflite").write_text("<html>")
    (tmp_path / "two.tflite").touch()
    with pytest.raises(BadModel, match=r"one\.tflite: not a TFLite"):
        first_readable([tmp_path / "one.tflite", tmp_path / "two.tflite"])


def test_a_keras_model_made_elsewhere_takes_the_card_of_what_was_exported_from_it(tmp_path, colour_model):
    for name in ("theirs.h5", "other.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            file.attrs["keras_version"] = name
    sha256 = content_sha256((tmp_path / "theirs.h5").read_bytes())
    export = read_model(colour_model(weights_sha256=sha256))
    files = find_model_files([], tmp_path)
    original = files.read(tmp_path / "theirs.h5")
    assert original.is_foreign
    assert (original.card.labels, original.card.io) == (export.card.labels, "float32")
    with pytest.raises(BadModel, match=r"other\.h5: made elsewhere, and none of the files here was exported"):
        files.read(tmp_path / "other.h5")


def test_a_file_made_elsewhere_is_read_with_the_labels_and_options_of_the_user(tmp_path, colour_model):
    labels = tmp_path / "labels.txt"
    labels.write_text("cat\ndog\nbird\n")
    ours, theirs = colour_model(), tmp_path / "theirs.onnx"
    network = onnx.load(ours)
    del network.metadata_props[:]
    onnx.save(network, theirs)
    with pytest.raises(BadModel):
        find_model_files([theirs]).read(theirs)
    files = find_model_files([theirs, ours], strangers=read_strangers(labels, PictureOptions(crop="stretch")))
    assert files.read(theirs).card.labels == ("cat", "dog", "bird")
    assert files.read(theirs).card.image.crop == "stretch"
    assert files.read(ours).card == read_model(ours).card
    with pytest.raises(UsageError, match="--crop stretch: for files made elsewhere; name their --labels"):
        read_strangers(None, PictureOptions(crop="stretch"))
