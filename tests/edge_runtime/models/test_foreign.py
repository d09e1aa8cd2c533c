"""Files that edgecls did not make, as other people's scripts make them from the tiny model's network."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.errors import BadModel, UsageError
from edgecls.edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from edgecls.edge_runtime.models.foreign import read_foreign

LABELS = tuple("0123456789")
KINDS = (
    "float.tflite", "int8.tflite", "uint8.tflite", "dynamic.tflite", "logits.tflite",
    "float.onnx", "nchw.onnx",
)  # fmt: skip


@pytest.fixture(scope="module")
def foreign(tiny, tmp_path_factory) -> Path:
    """The usual converter calls on a Keras model, without any of edgecls's own code."""
    keras = pytest.importorskip("keras", reason="needs edgecls[train]")
    import tensorflow as tf
    import tf2onnx

    folder = tmp_path_factory.mktemp("foreign")
    network = keras.models.load_model(tiny.h5, compile=False)
    pictures = tiny.dataset.train.images[:100].astype(np.float32) / 255

    def convert(name, model=network, io=None, optimise=False):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if optimise or io:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if io:
            converter.representative_dataset = lambda: ([picture[None]] for picture in pictures)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = io
        (folder / name).write_bytes(converter.convert())

    convert("float.tflite")
    convert("int8.tflite", io=tf.int8)
    convert("uint8.tflite", io=tf.uint8)
    convert("dynamic.tflite", optimise=True)
    raw = keras.models.clone_model(network)
    raw.set_weights(network.get_weights())
    raw.layers[-1].activation = keras.activations.linear
    convert("logits.tflite", raw)
    signature = [tf.TensorSpec([None, 32, 32, 3], tf.float32, name="x")]
    for name, inputs in (("float.onnx", None), ("nchw.onnx", ["x"])):
        tf2onnx.convert.from_function(
            tf.function(network),
            signature,
            opset=15,
            inputs_as_nchw=inputs,
            output_path=folder / name,
        )
    return folder


def predict_all(model, images):
    with closing(open_engine(model)) as engine:
        return np.stack([engine.probabilities(image) for image in images])


@pytest.mark.parametrize("name", KINDS)
def test_it_answers_as_the_keras_original_does(foreign, tiny, name):
    keras_engine = pytest.importorskip("edgecls.export.keras_file").KerasEngine(tiny.h5)
    images = tiny.dataset.test.images[:60]
    expected = keras_engine.predict_batch(images)
    options = AS_THE_FILE_SAYS if "int8" in name else PictureOptions("0..1")
    answers = predict_all(read_foreign(foreign / name, LABELS, options), images)
    exact = name.startswith(("float", "nchw", "logits"))
    np.testing.assert_allclose(answers, expected, atol=1e-5 if exact else 0.15)
    assert (answers.argmax(1) == expected.argmax(1)).mean() >= (1 if exact else 0.95)


def test_another_scaling_is_another_answer(foreign, tiny):
    as_trained, *others = (
        predict_all(
            read_foreign(foreign / "float.tflite", LABELS, PictureOptions(scaling)),
            tiny.dataset.test.images[:40],
        )
        for scaling in ("0..1", "0..255", "-1..1")
    )
    assert all(np.abs(other - as_trained).max() > 0.1 for other in others)


def test_the_number_of_labels_must_be_the_networks_and_both_are_named(foreign):
    with pytest.raises(BadModel, match="the network has 10 classes, but there are 3 labels"):
        read_foreign(foreign / "float.onnx", ("a", "b", "c"))


def test_a_file_of_ours_keeps_its_own_labels(tiny):
    with pytest.raises(UsageError, match="carries its own labels"):
        read_foreign(tiny.files[0], LABELS)


@pytest.mark.parametrize("name", ["float.tflite", "float.onnx"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_cut_file_is_an_error_and_never_a_crash(foreign, tmp_path, name, share):
    content = (foreign / name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadModel, match=name):
        read_foreign(cut, LABELS)
