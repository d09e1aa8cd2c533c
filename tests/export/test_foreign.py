"""Keras models made elsewhere."""

import keras
import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadModel, UsageError
from edgecls.edge_runtime.images.picture_options import PictureOptions
from edgecls.export.keras_file import KerasEngine, load_again, load_foreign

LABELS = ("left", "right", "none")


def network(activation: str | None):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            layers.Conv2D(4, 3, strides=2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation=activation),
        ]
    )


IMAGES = np.random.default_rng(0).integers(0, 256, (6, 24, 24, 3), np.uint8)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A network with probabilities, in files of both kinds; each is tried out in a process once."""
    folder, model = tmp_path_factory.mktemp("theirs"), network("softmax")
    for suffix in ("h5", "keras"):
        model.save(folder / f"theirs.{suffix}")
    return folder, model


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize(
    ("scaling", "scaled"), [("0..1", IMAGES / 255), ("-1..1", IMAGES / 127.5 - 1), ("0..255", IMAGES)]
)
def test_it_sees_the_pixels_that_it_was_trained_on(saved, suffix, scaling, scaled):
    folder, model = saved
    loaded = load_foreign(folder / f"theirs.{suffix}", LABELS, PictureOptions(scaling))
    expected = model(scaled.astype(np.float32))
    np.testing.assert_allclose(KerasEngine(loaded).predict_batch(IMAGES), expected, atol=1e-5)
    if (suffix, scaling) == ("keras", "-1..1"):
        again = load_again(loaded[1])  # as `bench` does, with the card of a file that was exported from it
        np.testing.assert_allclose(KerasEngine(again).predict_batch(IMAGES), expected, atol=1e-5)


@pytest.mark.parametrize("as_names", [True, False])
def test_of_several_outputs_the_one_with_the_scores_is_exported(tmp_path, as_names: bool):
    layers, path, notes = keras.layers, tmp_path / "theirs.keras", []
    image = keras.Input((None, None, 3))
    pooled = layers.GlobalAveragePooling2D()(image)
    scores, size = layers.Dense(3, "softmax", name="scores")(pooled), layers.Dense(2, name="a")(pooled)
    model = keras.Model(image, {"z": scores, "b": size} if as_names else [size, scores])
    model.save(path)
    network, file = load_foreign(path, LABELS, PictureOptions("0..1", imgsz=24), notes.append)
    pictures = np.random.default_rng(0).random((2, 24, 24, 3), np.float32)
    expected = model(pictures)
    expected = expected["z"] if as_names else expected[1]
    assert np.allclose(network(pictures), expected, atol=1e-6)
    assert (file.card.image.height_px, network.input_shape) == (24, (None, 24, 24, 3))
    assert notes[0] == f"{path}: reads the output scores, the only one with 3 scores"


def test_an_input_of_bytes_takes_bytes(tmp_path):
    image = keras.Input((24, 24, 3), dtype="uint8")
    pooled = keras.layers.GlobalAveragePooling2D()(keras.ops.cast(image, "float32") / 255.0)
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax")(pooled))
    path = tmp_path / "theirs.keras"
    model.save(path)
    loaded = load_foreign(path, LABELS, PictureOptions())
    np.testing.assert_allclose(KerasEngine(loaded).predict_batch(IMAGES), model(IMAGES), atol=1e-5)
    with pytest.raises(UsageError, match=r"takes pixels of 0\.\.255 \(uint8\); leave --scale"):
        load_foreign(path, LABELS, PictureOptions("-1..1"))


def test_logits_become_probabilities(tmp_path):
    model = network(None)
    model.save(tmp_path / "theirs.keras")
    answers = KerasEngine(
        load_foreign(tmp_path / "theirs.keras", LABELS, PictureOptions("0..1"))
    ).predict_batch(IMAGES)
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-5)
    expected = keras.ops.softmax(model(IMAGES.astype(np.float32) / 255))
    np.testing.assert_allclose(answers, expected, atol=1e-5)


def test_the_number_of_labels_must_be_the_networks(saved):
    folder, _ = saved
    with pytest.raises(BadModel, match="there are 2 labels"):
        load_foreign(folder / "theirs.h5", ("a", "b"), PictureOptions("0..1"))


def test_our_own_files_keep_their_labels_and_exports_are_no_originals(tiny):
    with pytest.raises(UsageError, match="carries its own labels"):
        load_foreign(tiny.h5, LABELS, PictureOptions("0..1"))
    with pytest.raises(UsageError, match="is an export already"):
        load_foreign(tiny.files[0], LABELS, PictureOptions("0..1"))
