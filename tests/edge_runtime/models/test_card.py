import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadData, BadModel
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import (
    SCHEMA_VERSION,
    DemoPicture,
    GoldenFrame,
    ModelCard,
    Provenance,
    Quantisation,
    fingerprint,
    pack_fingerprints,
    unpack_fingerprints,
)

CARD = ModelCard(
    labels=("cat", "größe", "日本"),
    image=ImageRule(32, 48, crop="stretch", interpolation="linear"),
    io="int8",
    provenance=Provenance("a" * 64, "cifar10", "b" * 64, {"epochs": 10}, 0.72, "test"),
    quantisation=Quantisation("int8", 512, "c" * 64, ranges="entropy", float_layers=("conv2d", "größe")),
    threshold=0.6,
    temperature=1.3,
    threshold_note="a fixed value",
    golden=(GoldenFrame("iVBORw==", (3, -4), "cat", (0.5, 0.25, 0.25)),),
    demo=(DemoPicture("UklGRg==", "größe"),),
)


def changed(**values) -> str:
    return json.dumps(json.loads(CARD.to_json()) | values)


@pytest.mark.parametrize("card", [CARD, ModelCard(("a", "b"), ImageRule(8, 8))])
def test_a_card_comes_back_as_it_was(card: ModelCard):
    assert ModelCard.from_json(card.to_json(), "m.tflite") == card
    assert ModelCard.from_json(card.to_json().encode(), "m.tflite") == card


def test_the_same_card_gives_the_same_bytes():
    assert CARD.to_json() == replace(CARD).to_json()


def test_labels_are_readable_in_the_file():
    assert "größe" in CARD.to_json()


def test_fields_of_a_later_version_are_passed_over():
    text = changed(colour="blue", image={"height_px": 32, "width_px": 48, "denoise": True})
    assert ModelCard.from_json(text, "m").image == ImageRule(32, 48)


def test_fields_of_a_later_version_may_be_missing():
    values = json.loads(CARD.to_json())
    for later in ("quantisation", "threshold", "threshold_note", "temperature", "golden", "demo"):
        del values[later]
    assert ModelCard.from_json(json.dumps(values), "m").threshold == 0.0


def test_the_quantisation_of_a_card_from_before_the_ladder_was_recorded_is_read():
    old = {"scheme": "int8", "calibration_images": 512, "calibration_sha256": "c" * 64}
    card = ModelCard.from_json(changed(quantisation=old), "m")
    assert card.quantisation == Quantisation("int8", 512, "c" * 64)
    assert (card.quantisation.ranges, card.quantisation.float_layers) == ("", ())


def test_what_an_old_card_does_not_say_has_the_meaning_that_it_had_then():
    says_little = json.dumps(
        {"schema": 1, "labels": ["a", "b"], "image": {"height_px": 8, "width_px": 8}, "provenance": {}}
    )
    card = asdict(ModelCard.from_json(says_little, "m"))
    assert card == {
        "labels": ("a", "b"),
        "scale": 1 / 255,
        "offset": 0.0,
        "io": "uint8",
        "scores": "probabilities",
        "output": "",
        "quantisation": None,
        "threshold": 0.0,
        "threshold_note": "",
        "temperature": 1.0,
        "golden": (),
        "demo": (),
        "background": None,
        "familiarity": False,
        "image": {
            "height_px": 8,
            "width_px": 8,
            "crop": "center",
            "interpolation": "area",
            "transparent": "ignored",
            "bits": 16,
            "decode": "whole",
            "channels": "rgb",
            "resize_to_px": 0,
        },
        "provenance": {
            "weights_sha256": "",
            "data": "",
            "data_sha256": "",
            "recipe": {},
            "accuracy": None,
            "split": "",
            "images": None,
            "backbone": "",
        },
    }
    assert Provenance().seed == 0


@pytest.mark.parametrize(
    ("place", "low", "high"),
    [
        ("threshold", 0.0, 1.0),
        ("temperature", 0.001, 1000.0),
        ("scale", 1e-9, 1e9),
        ("offset", -1e9, 1e9),
        ("provenance.accuracy", 0.0, 1.0),
        ("provenance.images", 0, 10**12),
        ("provenance.recipe.seed", 0, 2**63 - 1),
        ("quantisation.calibration_images", 0, 10**12),
        ("image.height_px", 1, 16_384),
        ("image.width_px", 1, 16_384),
        ("image.bits", 8, 16),
        ("golden.0.input_sketch.0", -(2**53), 2**53),
        ("golden.0.probabilities.0", 0.0, 1.001),
    ],
)
def test_a_number_may_be_at_the_ends_of_its_range_and_not_beyond(place: str, low: float, high: float):
    def with_number(number: float) -> str:
        values = inner = json.loads(CARD.to_json())
        *path, last = [int(part) if part.isdecimal() else part for part in place.split(".")]
        for key in path:
            inner = inner[key]
        inner[last] = number
        return json.dumps(values)

    beyond = low - 1, high + 1
    if isinstance(low, float):
        beyond = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
    for number in (low, high):
        ModelCard.from_json(with_number(number), "m")
    for number in beyond:
        with pytest.raises(BadModel):
            ModelCard.from_json(with_number(number), "m")


def test_a_card_of_more_than_16_mb_is_not_parsed():
    ModelCard.from_json(CARD.to_json().ljust(16_000_000), "m")
    with pytest.raises(BadModel, match="16,000,001 bytes, the limit is 16,000,000"):
        ModelCard.from_json(CARD.to_json().ljust(16_000_001), "m")


def test_a_newer_schema_says_to_upgrade():
    with pytest.raises(BadModel, match=r"^m\.onnx: its model card has schema 3, .*pip install -U edgecls"):
        ModelCard.from_json(changed(schema=SCHEMA_VERSION + 1), "m.onnx")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "3",
        "{",
        "{}",
        b"\xff\xfe",
        "[" * 100_000,
        changed(schema="one"),
        changed(schema=None),
        changed(labels=None),
        changed(labels=[]),
        changed(labels=["cat", 3]),
        changed(labels=["cat", ""]),
        changed(labels=["cat", "\x1b[2J"]),
        changed(labels=["cat", "two\nlines"]),
        changed(image=None),
        changed(image={"height_px": 32}),
        changed(image={"height_px": 0, "width_px": 32}),
        changed(image={"height_px": "32", "width_px": 32}),
        changed(provenance=[]),
        changed(quantisation={"scheme": "int8"}),
        changed(threshold=1.5),
        changed(threshold=float("nan")),
        changed(threshold=None),
        changed(temperature=0),
        changed(temperature=float("inf")),
        changed(golden=[{"picture": "x"}]),
        changed(demo=[{"picture": "x", "label": "horse"}]),
    ],
)
def test_a_card_that_makes_no_sense_is_refused_with_the_files_name(text):
    with pytest.raises(BadModel, match=r"^m\.tflite: its model card cannot be read: .*; export it again$"):
        ModelCard.from_json(text, "m.tflite")


def test_a_card_from_before_there_was_a_background_has_none():
    values = json.loads(CARD.to_json())
    del values["background"]
    assert ModelCard.from_json(json.dumps(values), "m.tflite").background is None


def test_a_background_is_one_of_the_labels():
    assert ModelCard.from_json(changed(background="cat"), "m.tflite").background == "cat"
    with pytest.raises(BadModel, match="background is not one of its labels"):
        ModelCard.from_json(changed(background="sofa"), "m.tflite")


IMAGES = np.random.default_rng(0).integers(0, 256, (512, 8, 8, 3), np.uint8)


def test_every_image_is_found_again_and_another_is_not():
    known = unpack_fingerprints(pack_fingerprints(IMAGES))
    assert len(known) == 512
    assert all(fingerprint(image) in known for image in IMAGES)
    assert fingerprint(255 - IMAGES[0]) not in known


def test_the_text_is_small_and_does_not_tell_the_order():
    assert len(pack_fingerprints(IMAGES)) < 3500
    assert pack_fingerprints(IMAGES) == pack_fingerprints(IMAGES[::-1])


def test_no_images_are_an_empty_text():
    assert pack_fingerprints([]) == ""
    assert unpack_fingerprints("") == frozenset()


def test_anything_else_is_refused():
    with pytest.raises(ValueError, match=r"base64|padding"):
        unpack_fingerprints("not base64!")


@pytest.mark.parametrize("scores", ["binary", "binary-logits", "independent"])
def test_scores_that_an_older_reader_would_misread_need_a_newer_one(scores):
    card = replace(
        CARD, labels=("a", "b"), golden=(), demo=(), background=None, temperature=1.0, scores=scores
    )
    assert json.loads(card.to_json())["schema"] == 2
    assert ModelCard.from_json(card.to_json(), "m") == card
    assert json.loads(replace(card, scores="logits").to_json())["schema"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"scores": "binary", "labels": ("a", "b", "c")},
        {"scores": "independent", "temperature": 2.0},
        {"scores": "independent", "familiarity": True},
    ],
)
def test_scores_that_do_not_fit_the_rest_of_a_card_are_refused(changes):
    with pytest.raises(BadData, match=r"its (network gives one|scores are independent)"):
        replace(CARD, **{"golden": (), "demo": (), "temperature": 1.0} | changes).to_json()


# Pictures that an older reader would prepare otherwise


@pytest.mark.parametrize(
    "card",
    [
        replace(CARD, image=replace(CARD.image, channels="bgr")),
        replace(CARD, image=replace(CARD.image, channels="grey")),
        replace(CARD, image=ImageRule(32, 48, resize_to_px=56)),
        replace(CARD, scale=(0.1, 0.2, 0.3)),
        replace(CARD, offset=(-2.1, -2.0, -1.8)),
    ],
)
def test_a_card_that_an_older_reader_would_misread_has_schema_2(card: ModelCard):
    assert json.loads(card.to_json())["schema"] == 2
    assert ModelCard.from_json(card.to_json(), "m") == card


def test_any_other_card_has_the_bytes_that_it_always_had():
    text = CARD.to_json()
    assert text.startswith('{"schema":1,')
    assert "channels" not in text
    assert "resize_to_px" not in text


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"image": {"height_px": 32, "width_px": 48, "resize_to_px": 40}}, "resized to 40 px before a crop"),
        (
            {"image": {"height_px": 32, "width_px": 32, "resize_to_px": 40, "crop": "stretch"}},
            "resized to 40 px before a crop",
        ),
        ({"image": {"height_px": 8, "width_px": 8, "channels": "gray"}}, '"gray" is not rgb or bgr or grey'),
        (
            {"image": {"height_px": 8, "width_px": 8, "channels": "grey"}, "scale": [1, 1, 1]},
            "a scale for each of three",
        ),
        ({"scale": [1, 1]}, "scale: "),
        ({"scale": [1, 0, 1]}, "scale: "),
        ({"offset": [0, float("nan"), 0]}, "offset: "),
    ],
)
def test_a_preparation_that_contradicts_itself_is_refused(values: dict[str, object], why: str):
    with pytest.raises(BadModel, match=why):
        ModelCard.from_json(changed(**values), "m")


def test_what_is_exported_has_one_scale_for_all_channels():
    assert CARD.one_scaling == (1 / 255, 0.0)
    with pytest.raises(ValueError, match="each channel"):
        _ = replace(CARD, offset=(0.0, 0.0, 1.0)).one_scaling
