"""Files and folders of tools whose models edgecls does not run."""

import io
import pickle
import zipfile

import pytest

from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.models.find import any_model, choose_model
from edgecls.edge_runtime.models.model_file import ModelFormat, model_format, read_model
from edgecls.edge_runtime.models.other_formats import refuse_other_format


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name in names:
            written.writestr(name, b"x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "what", "way"),
    [
        ("saved_model.pb", b"\x08\x01\x12\x05abcde", "a graph of TensorFlow", "tf2onnx.convert --saved"),
        ("frozen.pb", b"\n\x05abcde", "a graph of TensorFlow", "tf2onnx.convert"),
        ("net.pbtxt", b"node {", "a graph of TensorFlow", "tf2onnx.convert"),
        ("pets.mlmodel", b"\x08\x04\x12\x05abcde", "a Core ML model", "take the ONNX"),
        ("pets.pt", archive("pets/data.pkl", "pets/version"), "a PyTorch file", "torch.onnx.export"),
        ("pets", archive("pets/data.pkl", "pets/version"), "a PyTorch file", "torch.onnx.export"),
        ("pets.pth", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.torch", "a PyTorch file", "torch.onnx.export"),
        ("pets.bin", pickle.dumps([1], 2), "a pickle", "skl2onnx"),
        ("pets.joblib", b"\x78\x9c", "a pickle", "skl2onnx"),
        (
            "pets.safetensors",
            b"\x40\0\0\0\0\0\0\0" + b'{"a":{"data_offsets":[0,1]}}',
            "weights without",
            "torch.onnx",
        ),
        ("pets.xml", b'<?xml version="1.0"?>\n<net name="a">', "an OpenVINO model", "take the ONNX"),
        (
            "model.json",
            b'{"format": "layers-model", "modelTopology": {}}',
            "TensorFlow.js",
            "tensorflowjs_converter",
        ),
        (
            "tm.zip",
            archive("keras_model.h5", "labels.txt"),
            "an archive",
            "edgecls export keras_model.h5 --labels",
        ),
        (
            "tm.zip",
            archive("model_unquant.tflite", "labels.txt"),
            "an archive",
            "name its model_unquant.tflite",
        ),
        ("tm.zip", archive("model.json", "metadata.json", "weights.bin"), "TensorFlow.js", "Keras or TFLite"),
        (
            "my net.keras",
            archive("config.json", "metadata.json", "model.weights.h5"),
            "a Keras model",
            "`edgecls export 'my net.keras' --labels",
        ),
        ("net.engine", b"ptrt", "compiled for another runtime", "take the ONNX"),
    ],
)
def test_each_is_named_with_the_way_on(name, content, what, way):
    with pytest.raises(BadModel) as raised:
        model_format(content, name)
    said = str(raised.value)
    assert said.startswith(f"{name}: ")
    assert what in said
    assert way in said
    assert ";" in said


def test_a_keras_archive_is_one_where_keras_is_taken():
    whole = archive("config.json", "metadata.json", "model.weights.h5")
    refuse_other_format(whole, "a.keras", takes_keras=True)


def test_what_edgecls_runs_is_known_by_its_content_whatever_its_suffix():
    assert model_format(b"\x1c\0\0\0TFL3" + bytes(100), "a.pb") is ModelFormat.TFLITE


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            ("saved_model.pb", "variables/variables.index"),
            "a SavedModel .*--saved-model .*pets --output pets.onnx",
        ),
        (("model.json", "group1-shard1of1.bin"), "TensorFlow.js"),
        (("config.json", "model.safetensors"), "Hugging Face; .*optimum-cli export onnx"),
        (("pets.xml", "pets.bin"), "an OpenVINO model"),
    ],
)
def test_a_folder_that_is_a_model_is_named(tmp_path, files, words):
    for file in files:
        path = tmp_path / "pets" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for find in (choose_model, any_model):
        with pytest.raises(BadModel, match=words):
            find(tmp_path / "pets")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "m.tflite",
            b"\x1c\0\0\0TFL3" + bytes(500),
            "made elsewhere; name its labels with --labels, .* adopt",
        ),
        ("m.onnx", b"\x08\x08\x12\x02ab", "made elsewhere; name its labels with --labels, .* adopt"),
        ("m.onnx", b"\x08\x08\x12\x09ab", "truncated or damaged: .*; copy it again"),
        (
            "m.h5",
            b"\x89HDF\r\n\x1a\n" + bytes(500),
            "without a model card; run `edgecls export .*m.h5 --labels",
        ),
    ],
)
def test_a_file_made_elsewhere_is_told_from_a_truncated_one(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadModel, match=words):
        read_model(path)
