"""What a file made elsewhere says of its own pixels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgecls.edge_runtime.images.picture_options import PictureOptions
from edgecls.edge_runtime.inspection.first_operators import Quantised, Start
from edgecls.edge_runtime.inspection.stated import NetworkInput, Stated, of_quantised, of_start, stated
from edgecls.edge_runtime.models.label_file import parse_labels
from edgecls.edge_runtime.models.model_file import ModelFormat
from tests.strangers import metadata, onnx_network, tflite_network

FLOAT = NetworkInput(3, is_float=True)
IMAGENET = PictureOptions(mean="imagenet")


def of_integers(scale: float, zero_point: int, dtype: str = "uint8", channels: int = 3) -> Stated:
    return of_quantised(Quantised(scale, zero_point, dtype), channels, "its input")


@pytest.mark.parametrize(
    ("scale", "zero_point", "dtype", "options"),
    [
        (1.0, 0, "uint8", PictureOptions("0..255")),
        (1.0, -128, "int8", PictureOptions("0..255")),
        (1 / 255, 0, "uint8", PictureOptions("0..1")),
        (0.003921568859368563, -128, "int8", PictureOptions("0..1")),
        (1 / 127.5, 127, "uint8", PictureOptions("-1..1")),
        (1 / 127.5, -1, "int8", PictureOptions("-1..1")),
        (1 / 128, 128, "uint8", PictureOptions("-1..1")),
        (1 / 255, 0, "int8", PictureOptions(mean=0.5)),
        (1.0, 0, "int8", PictureOptions("0..255", mean=128)),
        (0.0186585, 114, "uint8", IMAGENET),
        (0.0186585, -14, "int8", IMAGENET),
        (0.8 / 255, 0, "uint8", PictureOptions("0..1")),  # it was measured on pictures without white
        (1.8 / 255, 128, "uint8", PictureOptions("-1..1")),
    ],
)
def test_the_range_of_a_quantised_input_says_how_pixels_are_scaled(scale, zero_point, dtype, options):
    assert of_integers(scale, zero_point, dtype).options == options


@pytest.mark.parametrize(
    ("scale", "zero_point"),
    [
        (0.5 / 255, 0),
        (0.7 / 255, 0),
        (1.4 / 255, 128),
        (1.1 / 255, 0),
        (4.0 / 255, 128),
        (2.2 / 255, 100),
        (300 / 255, 0),
    ],
)
def test_what_fits_no_usual_range_closely_is_not_guessed(scale, zero_point):
    found = of_integers(scale, zero_point)
    assert found.options is None
    assert "none of the usual ranges" in found.unclear


def test_caffes_range_is_named_and_not_taken_as_nobody_knows_its_colours():
    found = of_integers(274.741 / 255, 115)
    assert found.options is None
    assert "--scale 0..255 --mean 103.939,116.779,123.68 --channels bgr" in found.unclear


def test_a_grey_network_has_no_colours_of_imagenet():
    assert of_integers(0.0186585, 114, channels=1).options is None
    assert of_integers(3.245 / 255, 33, channels=1).options == PictureOptions(mean=0.1307, std=0.3081)


@pytest.mark.parametrize(
    ("mean", "std", "options"),
    [
        ((127.5,), (127.5,), PictureOptions("-1..1")),
        ((0.0,), (255.0,), PictureOptions("0..1")),
        ((0.0,), (1.0,), PictureOptions("0..255")),
        ((127.0,), (128.0,), PictureOptions("0..255", mean=127.0, std=128.0)),
        ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), PictureOptions("-1..1")),
        (
            (123.675, 116.28, 103.53),
            (58.395, 57.12, 57.375),
            PictureOptions("0..255", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
        ),
    ],
)
def test_metadata_says_mean_and_deviation(mean, std, options):
    found = stated(tflite_network(metadata=metadata(mean, std)), ModelFormat.TFLITE, FLOAT, "m")
    assert found.by == "its TFLite metadata"
    assert found.options
    assert found.options.scaling
    for one, other in zip(found.options.scaling, options.scaling, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((0.5,), (0.5,)),  # of pixels of 0..1, which the standard does not mean
        ((127.5,), (0.0,)),
        ((127.5,), (-1.0,)),
        ((float("nan"),), (1.0,)),
        ((0.0, 0.0), (1.0,)),
    ],
)
def test_metadata_that_cannot_be_meant_is_said_and_not_used(mean, std):
    found = stated(tflite_network(metadata=metadata(mean, std)), ModelFormat.TFLITE, FLOAT, "m")
    assert found.options is None
    assert "its TFLite metadata says a mean of" in found.unclear


def test_integers_that_go_in_unchanged_are_meant_by_their_own_scale():
    takes = NetworkInput(3, is_float=False, quantised=Quantised(1 / 127.5, 127, "uint8"))
    content = tflite_network("uint8", quantised=(1 / 127.5, 127), metadata=metadata((0.0,), (1.0,)))
    assert stated(content, ModelFormat.TFLITE, takes, "m").options == PictureOptions("-1..1")


def test_metadata_and_a_quantised_input_that_contradict_each_other_are_both_named():
    takes = NetworkInput(3, is_float=False, quantised=Quantised(1.0, 0, "uint8"))
    content = tflite_network("uint8", quantised=(1.0, 0), metadata=metadata((127.5,), (127.5,)))
    found = stated(content, ModelFormat.TFLITE, takes, "m")
    assert found.options is None
    assert "a mean of 127.5" in found.unclear
    assert "goes from 0 to 255" in found.unclear


def test_metadata_names_a_label_file_in_the_zip():
    content = tflite_network(metadata=metadata(None, label_file="l.txt"), files={"l.txt": "a\nb\nc\n"})
    found = stated(content, ModelFormat.TFLITE, FLOAT, "m")
    assert (found.labels, found.label_file, found.options) == (b"a\nb\nc\n", "l.txt", None)


def test_damaged_metadata_is_one_line_wherever_it_is_damaged():
    whole = metadata((127.5,), (127.5,), "l.txt")
    random = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(0, len(damaged), 4):
            damaged[place] = random.integers(0, 256)
        content = tflite_network(metadata=bytes(damaged), files={"l.txt": "a\nb\nc\n"})
        found = stated(content, ModelFormat.TFLITE, FLOAT, "m")
        assert "\n" not in found.unclear


def test_what_it_says_survives_the_way_out_of_its_process():
    content = tflite_network(metadata=metadata((127.5,), (127.5,), "l"), files={"l": "größe\nb\nc"})
    found = stated(content, ModelFormat.TFLITE, FLOAT, "m")
    assert Stated.from_json(json.loads(json.dumps(found.to_json()))) == found


STEPS: list[tuple[Any, PictureOptions | None]] = [
    ((), None),
    ([("MUL", [1 / 255])], PictureOptions("0..255")),
    ([("DIV", [255.0])], PictureOptions("0..255")),
    ([("MUL", [1 / 127.5]), ("ADD", [-1.0])], PictureOptions("0..255")),
    ([("SUB", [127.5]), ("DIV", [127.5])], PictureOptions("0..255")),
    ([("SUB", [123.7, 116.3, 103.5]), ("MUL", [0.0171, 0.0175, 0.0174])], PictureOptions("0..255")),
    ([("SUB", [0.485, 0.456, 0.406]), ("DIV", [0.229, 0.224, 0.225])], PictureOptions("0..1")),
    ([("MUL", [2.0]), ("SUB", [1.0])], PictureOptions("0..1")),
    ([("MUL", [0.5]), ("ADD", [0.5])], PictureOptions("-1..1")),
    ([("MUL", [1.0])], None),
    ([("MUL", [40.0])], None),
]


@pytest.mark.parametrize(("steps", "options"), STEPS)
def test_the_first_operators_say_which_pixels_they_take(steps, options):
    for content, format_ in (
        (tflite_network(steps=steps), ModelFormat.TFLITE),
        (onnx_network(steps=steps), ModelFormat.ONNX),
    ):
        found = stated(content, format_, FLOAT, "m")
        assert found.options == options
        assert not found.unclear


def test_a_step_that_quantises_float_pixels_says_their_range():
    for content, format_ in (
        (tflite_network(quantised=(1 / 127.5, -1)), ModelFormat.TFLITE),
        (onnx_network(quantised=(1 / 127.5, -1)), ModelFormat.ONNX),
    ):
        assert stated(content, format_, FLOAT, "m").options == PictureOptions("-1..1")


def test_bytes_without_a_scale_go_in_as_they_are():
    content = onnx_network("uint8", steps=[("MUL", [1 / 255])])
    assert stated(content, ModelFormat.ONNX, NetworkInput(3, is_float=False), "m").takes_bytes


def test_a_constant_that_the_picture_is_subtracted_from_is_understood():
    start = Start().then("Sub", (1.0,), constant_first=True)
    assert start == Start((-1.0,), (1.0,), has_arithmetic=True)
    assert Start().then("Div", (1.0,), constant_first=True) is None
    assert Start().then("Div", (0.0,), constant_first=False) is None
    assert of_start(Start((1 / 255,) * 2, (0.0,), has_arithmetic=True), 3).options is None


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ("{0: 'cat', 1: 'dog', 2: 'bird'}", ("cat", "dog", "bird")),
        ("['cat', 'dog', 'bird']", ("cat", "dog", "bird")),
        ("cat,dog,bird", None),
    ],
)
def test_names_in_onnx_metadata_are_labels(names, labels):
    network = onnx.load_model_from_string(onnx_network())
    network.metadata_props.add(key="imgsz", value="[64, 64]")
    network.metadata_props.add(key="names", value=names)
    said = stated(network.SerializeToString(), ModelFormat.ONNX, NetworkInput(3, is_float=True), "their.onnx")
    assert bool(said.label_file) == (labels is not None)
    if labels:
        assert parse_labels(said.labels, Path(said.label_file)) == labels
