"""What one format cannot express blocks only that format, unless it was asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat
from edgecls.export.conversion import EvaluationImages, Export, ExportOptions
from edgecls.export.inexpressible import inexpressible
from edgecls.export.keras_file import KerasEngine

CARD = ModelCard(tuple("abc"), ImageRule(8, 8))
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
PICTURES = EvaluationImages(IMAGES, None)


def export(path: Path, *options: Any, dtype: str = "float32", activation: str = "relu") -> Export:
    """Of a network that TFLite cannot express in bfloat16; erfinv is what ONNX cannot."""
    keras.utils.clear_session()  # names begin anew
    image = keras.Input((8, 8, 3))
    x: Any = keras.layers.Conv2D(4, 3, activation="relu", dtype=dtype)(image)
    if activation == "erfinv":
        x = keras.ops.erfinv(x)
    dense = keras.layers.Dense(3, activation="softmax")
    network = keras.Model(image, dense(keras.layers.Flatten()(x)))
    file = ModelFile(path, ModelFormat.H5, b"", CARD)
    return Export(KerasEngine((network, file)), path, PICTURES, PICTURES, options=ExportOptions(*options))


def test_the_other_format_is_written_with_a_warning(tmp_path, capfd):
    export_ = export(tmp_path / "m.keras", dtype="mixed_float16")
    (report,) = export_.run()
    assert [path.name for path in tmp_path.iterdir()] == [report.parity.file] == ["m.onnx"]
    (line,) = export_.left_out
    assert line.startswith("m.tflite: not written: TFLite cannot express this network: it has no ")
    assert line.endswith("(layer conv2d); use the files of the other format")
    assert capfd.readouterr() == ("", "")  # nor what MLIR has to say


def test_a_format_that_was_asked_for_is_refused(tmp_path):
    options = ((), "uint8", None, (ModelFormat.ONNX,))
    with pytest.raises(
        BadModel, match=r"ONNX cannot .* it has no Erfinv.*; replace that layer, or leave --f"
    ):
        export(tmp_path / "m.keras", *options, activation="erfinv").run()
    assert not list(tmp_path.iterdir())


def test_a_format_that_was_not_asked_for_is_not_tried(tmp_path):
    options = ((), "uint8", None, (ModelFormat.ONNX,))
    export_ = export(tmp_path / "m.keras", *options, dtype="mixed_float16")
    assert [report.parity.file for report in export_.run()] == ["m.onnx"]
    assert not export_.left_out


def test_a_network_for_neither_format_is_refused_for_both_reasons(tmp_path):
    with pytest.raises(
        BadModel, match=r"TFLite cannot express .*; ONNX cannot express .*; replace what they lack$"
    ):
        export(tmp_path / "m.keras", dtype="mixed_float16", activation="erfinv").run()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "No Op registered for Erfinv with domain_version of 15\n==> Context: Bad node spec for node. "
            "Name: edgecls_1/functional._1/activation._1/Erfinv OpType: Erfinv",
            "it has no Erfinv (layer activation)",
        ),
        (
            'Could not translate MLIR to FlatBuffer.<unknown>:0: error: loc(callsite(fused["Conv2D:", '
            '"edgecls_1/functional._1/conv2d._1/convolution@__inference_1"] at x))): error: '
            "'tf.Conv2D' op is neither a custom op nor a flex op\nTF Select ops: Conv2D, MatMul",
            "it has no Conv2D, MatMul (layer conv2d)",
        ),
        ("something else\n happened", "something else happened"),
        ("", "ValueError"),
    ],
)
def test_the_operator_and_the_layer_are_named(text, reason):
    assert str(inexpressible("TFLite", ValueError(text))) == f"TFLite cannot express this network: {reason}"
