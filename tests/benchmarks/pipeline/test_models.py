import pytest
from edgecls.benchmarks.pipeline.models import choose_models
from edgecls.edge_runtime.card import Quantisation
from edgecls.edge_runtime.errors import BadModel, MissingInput

INT8 = Quantisation("int8", 100, "0" * 64)


def test_of_an_export_the_int8_tflite_is_the_fast_one_and_the_float_onnx_the_naive_one(tiny):
    models = choose_models([tiny.h5, *tiny.files])
    assert models.fast.path.name == "image_classification_int8.tflite"
    assert models.naive.path.name == "image_classification.onnx"
    assert models.notes == ()


def test_without_an_int8_tflite_the_best_other_file_is_measured_and_that_is_said(tiny):
    models = choose_models([path for path in tiny.files if path.suffix == ".onnx"])
    assert models.fast.path.name == "image_classification_int8.onnx"
    assert models.naive.path.name == "image_classification.onnx"
    assert "no int8 .tflite among the files" in models.notes[0]


@pytest.mark.parametrize(
    "other", [{"weights_sha256": "f" * 64}, {"quantisation": INT8}, {"labels": ("blue", "green", "red")}]
)
def test_a_naive_way_with_another_network_would_compare_nothing_and_is_left_out(colour_model, other):
    fast = colour_model("fast.onnx", weights_sha256="a" * 64, quantisation=INT8)
    models = choose_models([fast, colour_model("other.onnx", **{"weights_sha256": "a" * 64} | other)])
    assert models.naive is None
    assert any("the naive way was left out" in note for note in models.notes)


def test_a_damaged_file_is_passed_over(colour_model, tmp_path):
    (tmp_path / "page.tflite").write_text("<html>")
    models = choose_models([tmp_path / "page.tflite", colour_model("fine.onnx")])
    assert models.fast.path.name == "fine.onnx"


def test_a_damaged_file_alone_is_the_error(tmp_path):
    (tmp_path / "page.tflite").write_text("<html>")
    with pytest.raises(BadModel, match="it starts with '<html>'"):
        choose_models([tmp_path / "page.tflite"])


def test_a_keras_file_alone_has_to_be_exported_first(tiny):
    with pytest.raises(MissingInput, match="edgecls export --int8"):
        choose_models([tiny.h5])
