"""What a user says of the pictures that a model made elsewhere wants."""

import numpy as np
import pytest

from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.images.picture_options import (
    AS_THE_FILE_SAYS,
    IMAGENET_MEAN,
    IMAGENET_STD,
    PictureOptions,
)
from edgecls.edge_runtime.images.rule import ImageRule

MEAN, STD = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
PIXEL = np.array([10.0, 100.0, 250.0])


def network_input(options: PictureOptions) -> np.ndarray:
    assert options.scaling
    scale, offset = options.scaling
    return PIXEL * scale + offset


def test_nothing_said_is_nothing_known():
    assert AS_THE_FILE_SAYS.is_empty
    assert AS_THE_FILE_SAYS.scaling is None
    assert PictureOptions(crop="stretch").scaling is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (PictureOptions("0..255"), PIXEL),
        (PictureOptions("0..1"), PIXEL / 255),
        (PictureOptions("-1..1"), PIXEL / 127.5 - 1),
        (PictureOptions(mean="imagenet"), (PIXEL / 255 - MEAN) / STD),
        (PictureOptions("0..255", mean="imagenet"), (PIXEL / 255 - MEAN) / STD),
        (PictureOptions("0..255", mean="imagenet", std="1"), PIXEL - MEAN * 255),
        (PictureOptions(std="imagenet"), PIXEL / 255 / STD),
        (PictureOptions(mean="imagenet", channels="bgr"), (PIXEL / 255 - MEAN[::-1]) / STD[::-1]),
        (PictureOptions(mean="0.5", std="0.5"), PIXEL / 127.5 - 1),
        (PictureOptions("0..255", mean="127", std="128"), (PIXEL - 127) / 128),
        (PictureOptions("0..255", mean="103.939,116.779,123.68"), PIXEL - [103.939, 116.779, 123.68]),
        (PictureOptions(mean=(0.1, 0.2, 0.3), std=0.5), (PIXEL / 255 - [0.1, 0.2, 0.3]) / 0.5),
        (PictureOptions("-1..1", mean="0.1"), PIXEL / 127.5 - 1.1),
    ],
    ids=lambda value: value.text if isinstance(value, PictureOptions) else "",
)
def test_the_network_gets_the_pixel_less_the_mean_by_the_deviation(
    options: PictureOptions, expected: np.ndarray
):
    np.testing.assert_allclose(network_input(options), expected, atol=1e-9)


def test_one_number_for_all_channels_stays_one():
    assert PictureOptions(mean="0.5,0.5,0.5", std="0.5").scaling == (2 / 255, -1.0)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"std": "0"}, "--std 0: write numbers from 0.001"),
        ({"std": "-1"}, "--std -1: write numbers"),
        ({"std": "nan"}, "--std nan: write numbers"),
        ({"mean": "inf"}, "--mean inf: write numbers"),
        ({"mean": "1e999"}, "--mean 1e999: write numbers"),
        ({"mean": "0.4,0.5"}, "--mean 0.4,0.5: 2 numbers; write one for all channels, or three"),
        ({"mean": ""}, "--mean : not a number"),
        ({"mean": "0.4,,0.5"}, "not a number"),
        ({"mean": "imagnet"}, "--mean imagnet: not a number; write one, three with commas"),
        ({"mean": "123.7"}, "too large for pixels of 0..1; .* add --scale 0..255"),
        ({"mean": "imagenet", "std": "58.4"}, "--std 58.4: too large for pixels of 0..1"),
        ({"scale": "-1..1", "mean": "127.5"}, "too large for pixels of -1..1"),
        (
            {"scale": "0..255", "mean": "0.485,0.456,0.406"},
            "too small for pixels of 0..255; .* leave --scale",
        ),
        ({"scale": "0..255", "mean": "imagenet", "std": "0.2"}, "--std 0.2: too small"),
        ({"scale": "-1..1", "mean": "imagenet"}, "not with ImageNet's mean"),
        ({"scale": "0..2"}, "--scale 0..2: not a range of pixels"),
        ({"resize_to": 256, "crop": "stretch"}, "--resize-to is for a crop from the centre"),
        ({"resize_to": 0}, "--resize-to 0: write a number of pixels"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, object], why: str):
    with pytest.raises(UsageError, match=why):
        PictureOptions(**values)  # pyright: ignore[reportArgumentType]


def test_options_are_shown_as_they_are_typed():
    options = PictureOptions("0..255", (103.9, 116.8, 123.7), channels="bgr", resize_to=256)
    assert options.text == "--scale 0..255 --mean 103.9,116.8,123.7 --channels bgr --resize-to 256"
    assert options.scaling_text == "--scale 0..255 --mean 103.9,116.8,123.7"


def test_a_rule_says_what_the_options_do():
    options = PictureOptions(channels="bgr", resize_to=256)
    assert options.rule(224, 224, 3, "m") == ImageRule(224, 224, channels="bgr", resize_to_px=256)
    assert AS_THE_FILE_SAYS.rule(8, 9, 1, "m") == ImageRule(8, 9, channels="grey")
    assert PictureOptions(crop="stretch").rule(8, 9, 3, "m") == ImageRule(8, 9, crop="stretch")


@pytest.mark.parametrize(
    ("options", "channels", "why"),
    [
        (PictureOptions(channels="grey"), 3, "--channels grey: m takes three channels; write rgb or bgr"),
        (PictureOptions(channels="bgr"), 1, "--channels bgr: m takes one channel; write grey"),
        (PictureOptions(mean="imagenet"), 1, "m takes grey pictures; write one number"),
        (PictureOptions(resize_to=200), 3, "--resize-to 200: m takes 224x224 px; write the size before"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(options: PictureOptions, channels: int, why: str):
    with pytest.raises(UsageError, match=why):
        options.rule(224, 224, channels, "m")


def test_a_mean_without_a_deviation_is_told_how_it_is_taken():
    rule = ImageRule(8, 8)
    assert "taken as --std 1 --channels" in PictureOptions("0..255", mean=(104, 117, 123)).assumption(rule)
    for options in (PictureOptions(mean="imagenet"), PictureOptions(mean=0.5, std=0.5), AS_THE_FILE_SAYS):
        assert "--std" not in options.assumption(rule)
