"""What a Keras network's first layers say of the pixels that it takes."""

from typing import Any

import keras
import numpy as np
import pytest

from edgecls.data.keras_files.content import scales_pixels
from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.images.picture_options import PictureOptions
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.inspection.stated import of_start
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.export.inputs import read_inputs
from edgecls.export.keras_file import KerasEngine, load_foreign, with_scaling_layer
from edgecls.export.keras_start import keras_start

layers: Any = keras.layers
LABELS = ("a", "b", "c")
BYTES, UNIT = PictureOptions("0..255"), PictureOptions("0..1")


def network(*first: Any, channels: int = 3) -> Any:
    last = (layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax"))
    return keras.Sequential([keras.Input((12, 12, channels)), *first, *last])


def preprocessed() -> Any:
    """As keras.applications has it: operations on tensors, and a network inside."""
    picture: Any = keras.Input((12, 12, 3))
    return keras.Model(picture, network()(picture / 127.5 - 1.0))


@pytest.mark.parametrize(
    ("made", "options"),
    [
        (network(), None),
        (network(layers.Rescaling(1 / 255)), BYTES),
        (network(layers.Rescaling(1 / 127.5, -1)), BYTES),
        (network(layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.05, 0.05, 0.05])), UNIT),
        (network(layers.Normalization(mean=[123.7, 116.3, 103.5], variance=[3400.0] * 3)), BYTES),
        (network(layers.RandomFlip(), layers.RandomRotation(0.1), layers.Rescaling(1 / 255)), BYTES),
        (network(keras.Sequential([layers.RandomFlip()]), layers.Rescaling(1 / 255)), BYTES),
        (network(layers.Resizing(10, 10), layers.Rescaling(1 / 255)), BYTES),
        (network(keras.Sequential([keras.Input((12, 12, 3)), layers.Rescaling(1 / 255)])), BYTES),
        (preprocessed(), BYTES),
        (network(layers.ReLU()), None),
        (network(layers.Conv2D(3, 1)), None),
        (network(layers.BatchNormalization()), None),
    ],
    ids=range(13),
)
def test_whatever_multiplies_and_adds_first_says_which_pixels_it_takes(made, options):
    assert of_start(keras_start(made), 3).options == options


IMAGES = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3), np.uint8)


def test_a_grey_network_that_scales_its_pixels_itself_needs_no_option(tmp_path):
    path, notes = tmp_path / "theirs.keras", list[str]()
    made = network(layers.Rescaling(1 / 255), channels=1)
    made.save(path)
    loaded = load_foreign(path, LABELS, on_note=notes.append)
    grey = IMAGES[..., :1]
    np.testing.assert_allclose(
        KerasEngine(loaded).predict_batch(grey), made(grey.astype(np.float32)), atol=1e-5
    )
    assert loaded[1].card.image.channels == "grey"
    assert "takes --scale 0..255, by its first operators" in notes[0]


@pytest.mark.parametrize(
    ("options", "network_input"),
    [
        (PictureOptions(mean="imagenet"), (IMAGES / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
        (PictureOptions("0..255", mean=(103.9, 116.8, 123.7)), IMAGES - [103.9, 116.8, 123.7]),
    ],
)
def test_a_scale_for_each_channel_becomes_a_layer(options, network_input):
    made, (scale, offset) = network(), options.scaling
    card = ModelCard(LABELS, ImageRule(12, 12), scale, offset, io="float32")
    scaled, changed = with_scaling_layer(made, card)
    assert changed.one_scaling == (1 / 255, 0.0)
    np.testing.assert_allclose(
        scaled(IMAGES.astype(np.float32) / 255), made(network_input.astype(np.float32)), atol=1e-4
    )


def test_a_scale_for_all_channels_needs_no_layer():
    card = ModelCard(LABELS, ImageRule(12, 12), io="float32")
    assert with_scaling_layer("network", card) == ("network", card)


@pytest.mark.parametrize(
    ("first", "scales"),
    [
        ((), False),
        ((layers.Rescaling(1 / 255),), True),
        ((layers.RandomFlip(), layers.Rescaling(1 / 255)), True),
        ((layers.RandomFlip(),), False),
        ((layers.BatchNormalization(),), True),  # it has to be run to know
    ],
    ids=range(5),
)
def test_a_network_that_begins_by_looking_scales_no_pixels(tmp_path, first, scales):
    path = tmp_path / "theirs.keras"
    network(*first).save(path)
    assert scales_pixels(path.read_bytes(), str(path)) == scales
    if not scales:
        (tmp_path / "labels.txt").write_text("a\nb\nc\n")
        (tmp_path / "pictures").mkdir()
        with pytest.raises(UsageError, match=r"does not say which pixels it was trained on; add --scale"):
            read_inputs(path, labels=tmp_path / "labels.txt", calibration=tmp_path / "pictures")
