import numpy as np
import pytest
from edgecls.benchmarks.growth.batch_engine import open_batches
from edgecls.edge_runtime.errors import BadModel

BATCHES = [1, 2, 8]


def test_an_onnx_of_any_batch_answers_each_image_of_it(colour_model, colours):
    images = colours.images[[0, 10, 20]]
    engine = open_batches(colour_model(batch="N"), images, BATCHES, threads=1)
    assert engine.calls[8]().argmax(1).tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert list(engine.calls) == BATCHES
    assert engine.note == ""


def test_an_exported_onnx_has_a_batch_of_one_and_says_so(colour_model, colours):
    engine = open_batches(colour_model(), colours.images, BATCHES, threads=1)
    assert list(engine.calls) == [1]
    assert engine.note == "its graph fixes the batch at 1"


def test_a_tflite_is_resized_or_says_why_not(tiny):
    images = tiny.dataset.test.images[:3]
    engine = open_batches(tiny.files[0], images, BATCHES, threads=1)
    assert 1 in engine.calls
    assert list(engine.calls) == BATCHES or "LiteRT cannot resize it to a batch of 2" in engine.note


@pytest.mark.parametrize("inference_type", ["float32", "int8"])
def test_a_tflite_without_a_flatten_takes_any_batch(tmp_path, inference_type):
    """Global pooling in place of Flatten, whose shape the converter writes into the file."""
    tf = pytest.importorskip("tensorflow")
    from edgecls.edge_runtime import card_tflite
    from edgecls.edge_runtime.card import ModelCard
    from edgecls.edge_runtime.image import ImageRule

    layers = tf.keras.layers
    network = tf.keras.Sequential(
        [
            layers.Input((8, 8, 3), batch_size=1, dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3),
            layers.GlobalAveragePooling2D(),
            layers.Softmax(),
        ]
    )
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), np.uint8)
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if inference_type == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in images)
    path = tmp_path / "any.tflite"
    card = ModelCard(tuple("abcd"), ImageRule(8, 8))
    path.write_bytes(card_tflite.attach(converter.convert(), card))
    engine = open_batches(path, images, BATCHES, threads=1)
    assert list(engine.calls) == BATCHES, engine.note
    assert engine.calls[8]().shape == (8, 4)


def test_a_broken_file_is_refused(tmp_path, colours):
    (tmp_path / "page.onnx").write_text("<html>")
    with pytest.raises(BadModel, match="not a TFLite"):
        open_batches(tmp_path / "page.onnx", colours.images, BATCHES, threads=1)
