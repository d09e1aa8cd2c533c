"""How a model is found: by `--model`, in a folder, or without either."""

import os
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import BadModel, MissingInput
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.builtin import builtin_name
from edgecls.edge_runtime.models.card import ModelCard, Quantisation
from edgecls.edge_runtime.models.find import any_model, choose_model, exported_files, find_model
from edgecls.edge_runtime.models.model_file import content_sha256
from edgecls.edge_runtime.models.passed import remember

INT8 = Quantisation("int8", 10, "0" * 64)
ALL = ("float.tflite", "int8.tflite", "float.onnx", "int8.onnx")


def write(folder: Path, *names: str) -> None:
    """Files with real cards and seals around a network of a few bytes, which pass for run on this machine."""
    for name in names:
        card = ModelCard(("cat", "dog"), ImageRule(32, 32), quantisation=INT8 if "int8" in name else None)
        if name.endswith(".tflite"):
            content = model_file.attach_to_tflite(b"\x1c\0\0\0TFL3" + bytes(64), card)
        else:
            content = model_file.attach_to_onnx(b"\x08\x08", card)
        (folder / name).write_bytes(content)
        remember(content_sha256(content), "run")


@pytest.mark.parametrize(
    ("there", "best"),
    [
        (ALL, "int8.tflite"),
        (("float.tflite", "float.onnx", "int8.onnx"), "float.tflite"),
        (("float.onnx", "int8.onnx"), "int8.onnx"),
        (("float.onnx",), "float.onnx"),
    ],
)
def test_tflite_comes_before_onnx_and_int8_before_float(tmp_path: Path, there, best):
    write(tmp_path, *there)
    for name in there:  # what is best is so whichever was exported last
        at_s = 2000 if "float" in name else 1000
        os.utime(tmp_path / name, (at_s, at_s))
    assert find_model(tmp_path).path == tmp_path / best


@pytest.mark.parametrize(("engine", "best"), [("litert", "int8.tflite"), ("onnxruntime", "int8.onnx")])
def test_an_engine_that_was_asked_for_limits_the_choice(tmp_path: Path, engine, best):
    write(tmp_path, *ALL)
    assert find_model(tmp_path, engine).path == tmp_path / best


def test_what_is_not_a_readable_model_is_passed_over(tmp_path: Path):
    write(tmp_path, "float.onnx", "int8.tflite")
    whole = (tmp_path / "int8.tflite").read_bytes()
    (tmp_path / "int8.tflite").write_bytes(whole[:100])
    (tmp_path / "page.tflite").write_text("<html>not found</html>")
    (tmp_path / "empty.tflite").touch()
    (tmp_path / "folder.tflite").mkdir()
    assert find_model(tmp_path).path == tmp_path / "float.onnx"


def test_a_file_named_for_another_format_is_not_taken_for_it(tmp_path: Path):
    write(tmp_path, "float.onnx", "int8.onnx")
    (tmp_path / "int8.onnx").rename(tmp_path / "int8.tflite")
    assert find_model(tmp_path).path == tmp_path / "float.onnx"


def test_of_two_that_are_equal_the_newest_is_taken(tmp_path: Path):
    write(tmp_path, "a_int8.tflite", "b_int8.tflite", "c_int8.tflite")
    for name, at_s in {"a": 1000, "b": 3000, "c": 2000}.items():
        os.utime(tmp_path / f"{name}_int8.tflite", (at_s, at_s))
    assert find_model(tmp_path).path == tmp_path / "b_int8.tflite"


def test_an_empty_folder_says_what_to_do(tmp_path: Path):
    with pytest.raises(MissingInput, match="run `edgecls train`, then `edgecls export --int8`") as raised:
        find_model(tmp_path)
    assert raised.value.exit_code == 66
    assert str(tmp_path) in str(raised.value)


def test_this_folder_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingInput, match=r"^no model in this folder; run"):
        find_model(Path())


def test_a_folder_with_broken_files_only_says_what_is_wrong_with_one(tmp_path: Path):
    (tmp_path / "page.tflite").write_text("<html>not found</html>")
    with pytest.raises(
        MissingInput,
        match=r"^no usable model in .*page\.tflite: not a TFLite, ONNX or HDF5 file.*edgecls export",
    ):
        find_model(tmp_path)


def test_a_folder_of_files_made_elsewhere_says_how_one_is_used(tmp_path: Path):
    (tmp_path / "a b.onnx").write_bytes(b"\x08\x08\x10\x01")
    (tmp_path / "cut.onnx").write_bytes(b"\x08\x08\x10")
    adopt = r"`edgecls adopt '.*/a b\.onnx' --labels labels\.txt --data FOLDER`$"
    with pytest.raises(MissingInput, match=rf"made elsewhere\); .*`--model .*{adopt}"):
        find_model(tmp_path)


def test_the_keras_file_alone_is_not_for_a_device(tmp_path: Path):
    (tmp_path / "image_classification.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(MissingInput):
        find_model(tmp_path)


def test_exported_files_are_listed_by_name(tmp_path: Path):
    write(tmp_path, *ALL)
    (tmp_path / "image_classification.h5").touch()
    assert [path.name for path in exported_files(tmp_path)] == sorted(ALL)


def test_without_exported_files_there_is_no_list(tmp_path: Path):
    with pytest.raises(MissingInput, match=r"^no \.tflite or .*edgecls export.*, or name a file"):
        exported_files(tmp_path)


# What --model means


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_in_an_empty_folder_the_default_builtin_model_is_used(here: Path):
    (here / "notes.txt").touch()
    assert builtin_name(choose_model(None).path) == "imagenet"
    assert builtin_name(choose_model(None, "onnxruntime").path) == "nano"


def test_a_builtin_model_without_a_file_for_an_engine_names_one_that_has():
    with pytest.raises(MissingInput, match=r"^imagenet: has no file for onnxruntime; .* or use nano$"):
        choose_model(Path("imagenet"), "onnxruntime")


@pytest.mark.parametrize("name", ALL)
def test_an_exported_file_in_this_folder_goes_before_the_builtin_models(here: Path, name: str):
    write(here, name)
    assert choose_model(None).path == Path(name)


def test_a_damaged_file_in_this_folder_is_reported_and_not_replaced(here: Path):
    write(here, "int8.tflite")
    (here / "int8.tflite").write_bytes((here / "int8.tflite").read_bytes()[:-9])
    with pytest.raises(
        MissingInput, match=r"^no usable model in this folder \(int8\.tflite: .*edgecls models"
    ):
        choose_model(None)


def test_a_model_that_was_not_exported_yet_is_not_replaced_either(here: Path):
    (here / "my pets.h5").touch()
    with pytest.raises(
        MissingInput,
        match=r"^no exported model in this folder; run `edgecls export 'my pets\.h5' --int8`, copy",
    ):
        choose_model(None)


@pytest.mark.parametrize("name", ["nano", "edge"])
@pytest.mark.parametrize(("engine", "suffix"), [("litert", ".tflite"), ("onnxruntime", ".onnx")])
def test_a_builtin_model_goes_by_its_name(here: Path, name, engine, suffix):
    write(here, *ALL)
    found = choose_model(Path(name), engine)
    assert (builtin_name(found.path), found.path.suffix) == (name, suffix)


def test_a_folder_of_models_or_a_file_of_that_name_goes_before_the_builtin_models(here: Path):
    (here / "nano").mkdir()
    (here / "nano" / "curves.png").touch()  # as `edgecls train --output nano.h5` leaves it
    assert builtin_name(choose_model(Path("nano")).path) == "nano"
    write(here / "nano", "int8.onnx")
    assert choose_model(Path("nano")).path == Path("nano/int8.onnx")
    (here / "edge").write_text("<html>")
    with pytest.raises(BadModel):
        choose_model(Path("edge"))


@pytest.mark.parametrize("name", ["nanno", "models/nano", "nano.tflite"])
def test_other_names_are_files(here: Path, name: str):
    with pytest.raises(MissingInput, match=f"{name}: no such file") as raised:
        choose_model(Path(name))
    assert ("imagenet, nano or edge" in str(raised.value)) == (not name.endswith(".tflite"))


@pytest.mark.parametrize(
    ("there", "others", "shown"),
    [
        (("float.tflite", "int8.onnx"), ("newer.h5",), "float.tflite"),
        ((), ("older.h5", "newer.h5"), "newer.h5"),
        ((), ("older.h5", "theirs.onnx"), "theirs.onnx"),
        ((), ("theirs.keras",), "theirs.keras"),
    ],
)
def test_to_be_looked_at_any_model_of_a_folder_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there, others, shown
):
    write(tmp_path, *there)
    for at_s, name in enumerate(others, 1):
        (tmp_path / name).write_bytes(b"not one of ours")
        os.utime(tmp_path / name, (at_s, at_s))
    assert any_model(tmp_path) == tmp_path / shown
    monkeypatch.chdir(tmp_path)
    assert any_model(None) == Path(shown)
    assert any_model(Path(others[0])) == Path(others[0])


def test_where_there_is_none_to_look_at_the_built_in_one_is_shown(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert builtin_name(any_model(None)) == "imagenet"
    with pytest.raises(MissingInput, match=r"no \.tflite or \.onnx file in "):
        any_model(tmp_path)
