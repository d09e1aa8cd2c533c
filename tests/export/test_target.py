from pathlib import Path

import pytest
from edgecls.edge_runtime.errors import UsageError
from edgecls.export.target import targets


def names(*args) -> list[str]:
    return [target.path_for(Path("pets.h5")).name for target in targets(*args)]


def test_an_export_makes_float32_files_and_what_else_is_asked_for():
    assert names(()) == ["pets.tflite", "pets.onnx"]
    assert names(("int8",)) == ["pets.tflite", "pets.onnx", "pets_int8.tflite", "pets_int8.onnx"]
    assert names(("float16", "dynamic"))[2:] == [
        "pets_float16.tflite", "pets_float16.onnx", "pets_dynamic.tflite", "pets_dynamic.onnx",
    ]  # fmt: skip


def test_integers_in_and_out_are_for_int8_files_alone():
    assert names(("int8",), "int8") == ["pets_int8.tflite", "pets_int8.onnx"]
    with pytest.raises(UsageError, match="add --int8"):
        targets((), "int8")
