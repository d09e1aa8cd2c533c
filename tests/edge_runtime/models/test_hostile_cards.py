"""Every field of a card, with what a stranger might write into it: refused in one line, by every command."""

import base64
import json
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from edgecls.cli.main import app
from edgecls.edge_runtime.engines.engine import check_against_card
from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.engines.tensors import TensorSpec
from edgecls.edge_runtime.errors import BadData, BadModel
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.builtin import builtin_paths
from edgecls.edge_runtime.models.card import (
    LARGEST_BYTES,
    DemoPicture,
    GoldenFrame,
    ModelCard,
    Provenance,
    Quantisation,
    check_labels,
    label_fault,
    pack_fingerprints,
)
from edgecls.edge_runtime.models.model_file import (
    CARD_NAME,
    ModelFile,
    ModelFormat,
    attach_to_tflite,
    find_tflite_card,
    read_model,
)

from ...fakes import FakeEngine
from ...hostile_values import HOSTILE, places, put, remove

WHOLE = ModelCard(
    labels=("cat", "größe", "日本"),
    image=ImageRule(32, 48),
    provenance=Provenance("a" * 64, "cifar10", "b" * 64, {"seed": 3, "augment": ["flip"]}, 0.72, "test", 100),
    quantisation=Quantisation(
        "int8", 1, "c" * 64, pack_fingerprints([np.zeros((8, 8, 3), np.uint8)]), "", ("a",)
    ),
    threshold=0.6,
    golden=(GoldenFrame("iVBORw==", (3, -4), "cat", (0.5, 0.25, 0.25)),),
    demo=(DemoPicture("UklGRg==", "größe"),),
    background="cat",
)
VALUES = json.loads(WHOLE.to_json())
TEXTS = {"a text", "nothing", "a number in quotes"}
UNSAFE = {
    "an escape sequence",
    "an end of a line",
    "a tab",
    "a C1 control",
    "a direction",
    "a lone surrogate",
}
ANYTHING = set(HOSTILE) - UNSAFE - {"a huge number", "NaN", "infinity", "a deep list"}
FINE = {  # what a field may well be
    "schema": set(),
    "io": set(),
    "scores": set(),
    "scale": {"a fraction"},
    "offset": {"minus one", "zero", "a fraction"},
    "threshold": {"zero", "a fraction"},
    "temperature": {"a fraction"},
    "threshold_note": TEXTS,
    "familiarity": {"true"},
    "background": {"null"},
    "golden": {"a list"},
    "demo": {"a list"},
    "quantisation": {"null"},
    "labels[2]": {"a text", "a number in quotes"},  # the others are the background and a demo picture's
    "golden[0].label": TEXTS - {"nothing"},
    "golden[0].picture": {"nothing", "a long text"},
    "golden[0].input_sketch[0]": {"minus one", "zero", "a large number"},
    "golden[0].input_sketch[1]": {"minus one", "zero", "a large number"},
    **{f"golden[0].probabilities[{index}]": {"zero", "a fraction"} for index in range(3)},
    "demo[0].picture": {"nothing", "a long text"},
    "provenance.accuracy": {"null", "zero", "a fraction"},
    "provenance.images": {"null", "zero"},
    "provenance": {"an object"},
    "provenance.recipe": {"an object"},
    "provenance.recipe.seed": {"zero", "a large number"},
    "provenance.recipe.augment": ANYTHING,
    "provenance.recipe.augment[0]": ANYTHING,
    **dict.fromkeys(("provenance.weights_sha256", "provenance.data", "provenance.data_sha256"), TEXTS),
    **dict.fromkeys(
        ("provenance.split", "provenance.backbone", "quantisation.scheme", "quantisation.ranges"), TEXTS
    ),
    **dict.fromkeys(("quantisation.calibration_sha256", "quantisation.float_layers[0]"), TEXTS),
    "quantisation.calibration_images": {"zero"},
    "quantisation.calibration_prints": {"nothing", "a long text"},
    "quantisation.float_layers": {"a list"},
}


def with_value(path: str, value: Any) -> dict[str, Any]:
    card = deepcopy(VALUES)
    put(card, path, value)
    return card


@pytest.mark.parametrize("path", list(places(VALUES)))
def test_a_field_takes_what_belongs_in_it_and_nothing_else(path: str):
    for kind, value in HOSTILE.items():
        text = json.dumps(with_value(path, value))
        if kind in FINE.get(path, set()):
            card = ModelCard.from_json(text, "m.tflite")
            assert ModelCard.from_json(card.to_json(), "m.tflite") == card
            continue
        try:
            ModelCard.from_json(text, "m.tflite")
        except BadModel as error:
            said = str(error)
        else:
            pytest.fail(f"{path} was taken as {kind}")
        assert said.startswith("m.tflite: its model card cannot be read: ") or path == "schema", said
        assert said.isprintable(), said
        assert len(said) < 300, said


def test_the_message_says_which_value_and_what_belongs_there():
    with pytest.raises(
        BadModel, match=r'read: image\.height_px: "32" is not a whole number from 1 to 16,384; export'
    ):
        ModelCard.from_json(json.dumps(with_value("image.height_px", "32")), "m.tflite")
    with pytest.raises(BadModel, match=r"read: golden\[0\]\.probabilities\[2\]: null is not a number from 0"):
        ModelCard.from_json(json.dumps(with_value("golden[0].probabilities[2]", None)), "m.tflite")


@pytest.mark.parametrize("path", list(places(VALUES)))
def test_a_field_that_is_missing_is_given_or_named(path: str):
    card = deepcopy(VALUES)
    remove(card, path)
    try:
        ModelCard.from_json(json.dumps(card), "m.tflite")
    except BadModel as error:
        said = str(error)
    else:
        said = ""
    assert said.isprintable() or not said


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"labels": ["cat", "dog", "cat"], "demo": []}, "labels 1 and 3 are both cat"),
        (
            {"labels": [str(number) for number in range(65_537)]},
            "labels: has 65,537 entries, not 1 to 65,536",
        ),
        ({"labels": ["cat", "größe"]}, "golden frame 1 has 3 probabilities for 2 labels"),
        ({"golden": [VALUES["golden"][0]] * 65}, "golden: has 65 entries"),
        ({"demo": [VALUES["demo"][0]] * 257}, "demo: has 257 entries"),
        (
            {"golden": [{**VALUES["golden"][0], "picture": "A" * 12_000_000}]},
            "picture: has 12,000,000 characters",
        ),
    ],
)
def test_too_many_and_contradictions_are_refused(values: dict[str, Any], why: str):
    with pytest.raises(BadModel, match=why.replace("[", r"\[")):
        ModelCard.from_json(json.dumps(VALUES | values), "m.tflite")


@pytest.mark.parametrize(
    "text",
    [
        b"\xff",
        b'{"schema": 1, "labels": ["\xed\xa0\x80"]}',
        '{"schema": ' + "1" * 5000 + "}",
        '{"a":' * 5000,
        b" " * (LARGEST_BYTES + 1),
        json.dumps(VALUES)[:-1] + ', "threshold": NaN}',
        json.dumps(VALUES)[:-1] + ', "threshold": 1e999}',
    ],
    ids=["not UTF-8", "half a pair", "a long number", "deep", "too large", "NaN", "infinite"],
)
def test_what_is_no_json_of_a_card_is_one_line(text: str | bytes):
    with pytest.raises(BadModel, match=r"^m: its model card cannot be read: .*; export it again$") as refused:
        ModelCard.from_json(text, "m")
    assert str(refused.value).isprintable()


# What is never written


@pytest.mark.parametrize(
    "label", ["", "a\tb", "a\nb", "\x1b[2J", "a\u202eb", "\udc80", "x" * 1025], ids=ascii
)
def test_no_card_is_written_that_would_be_refused(label: str):
    assert label_fault(label)
    with pytest.raises(ValueError, match=r"^labels\[1\]: "):
        check_labels(["cat", label])
    with pytest.raises(BadData, match=r"the model's card cannot be written: labels\[1\]: "):
        ModelCard(("cat", label), ImageRule(8, 8)).to_json()


@pytest.mark.parametrize(
    "label", ["größe", "日本", "👩\u200d🚀", "\u0645\u06cc\u200c\u062e", " a b ", 'a "b" \\', "x" * 1024]
)
def test_a_label_may_be_any_line_of_text(label: str):
    assert label_fault(label) == ""
    card = ModelCard(("cat", label), ImageRule(8, 8))
    assert ModelCard.from_json(card.to_json(), "m") == card


# The network's own type


@pytest.mark.parametrize("io", ["float32", "int8"])
@pytest.mark.parametrize("engine", ["litert", "onnxruntime"])
def test_a_card_that_names_another_type_than_the_network_is_refused(engine, io):
    model = read_model(builtin_paths("nano", engine)[0])
    lies = replace(model, card=replace(model.card, io=io))
    with pytest.raises(
        BadModel, match=rf"its card says an input of {io}, the network takes uint8; export it again"
    ):
        open_engine(lies)
    open_engine(model).close()


@pytest.mark.parametrize("change", [{"scale": 2 / 255}, {"offset": -1.0}, {"scale": 1.0}])
def test_a_card_that_scales_otherwise_than_the_networks_quantised_input_is_refused(change):
    model = read_model(builtin_paths("nano", "litert")[0])
    with pytest.raises(
        BadModel, match=r"its card scales pixels by .* and adds .*, the network by 0\.00392157 and 0;"
    ):
        open_engine(replace(model, card=replace(model.card, **change)))


@pytest.mark.parametrize(
    ("io", "zero_point", "takes"),
    [
        ("uint8", 127, True),
        ("uint8", 128, True),
        ("int8", 0, True),
        ("int8", -1, True),
        ("uint8", 129, False),
    ],
)
def test_a_byte_may_be_the_value_beside_its_own(io: Literal["uint8", "int8"], zero_point: int, takes: bool):
    card = ModelCard(("a", "b"), ImageRule(8, 8), 2 / 255, -1.0, io)
    dtype = np.uint8 if io == "uint8" else np.int8
    model = ModelFile(Path("m.tflite"), ModelFormat.TFLITE, b"", card)
    engine = FakeEngine((0.5, 0.5), input_size_px=(8, 8))
    engine.takes = TensorSpec(dtype, (1, 8, 8, 3), 2 / 255, zero_point)  # pyright: ignore[reportAttributeAccessIssue]
    with nullcontext() if takes else pytest.raises(BadModel, match="its card scales pixels by"):
        check_against_card(engine, model)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("scale", "offset", "tensor_scale", "takes"),
    [
        (1 / 255, 0.0, 1 / 255, True),
        (1 / 255, 0.0, 1.1 / 255, True),  # its range was measured on pictures
        (2 / 255, -1.0, 1 / 255, False),
        (1.0, 0.0, 1 / 255, False),
        (1.0, 0.0, 0.0, True),  # bytes go in as they are
        (1 / 255, 0.0, 0.0, False),
        ((0.02, 0.02, 0.02), (-2.1, -2.0, -1.8), 4.9 / 255, False),
    ],
)
def test_an_adopted_card_whose_scale_does_not_fit_the_input_is_refused(scale, offset, tensor_scale, takes):
    adopted = Provenance(recipe={"adopted_from": "their.tflite"})
    card = ModelCard(("a", "b"), ImageRule(8, 8), scale, offset, "uint8", provenance=adopted)
    model = ModelFile(Path("m.tflite"), ModelFormat.TFLITE, b"", card)
    engine = FakeEngine((0.5, 0.5), input_size_px=(8, 8))
    engine.takes = TensorSpec(np.uint8, (1, 8, 8, 3), tensor_scale)  # pyright: ignore[reportAttributeAccessIssue]
    with nullcontext() if takes else pytest.raises(BadModel, match=r"its card says pixels of .*; adopt"):
        check_against_card(engine, model)  # pyright: ignore[reportArgumentType]


# Every command


@pytest.fixture(scope="module")
def nano() -> tuple[bytes, dict[str, Any]]:
    """The bare FlatBuffer of a built-in model, and its card's values."""
    path = builtin_paths("nano", "litert")[0]
    content = path.read_bytes()
    card = find_tflite_card(content)
    assert card
    return content[: content.rindex(b"edgecls-sha256:")], json.loads(card)


class RawCard:
    """What `attach_to_tflite` takes for a card, with any text in it."""

    labels = ("x",)

    def __init__(self, text: str) -> None:
        self._text = text

    def to_json(self) -> str:
        return self._text


def run(*arguments: object) -> str:
    """What the command line raises, as the one line that a user would see."""
    with pytest.raises(BadModel) as refused:
        app([str(argument) for argument in arguments], standalone_mode=False)
    said = str(refused.value)
    assert said.isprintable()
    return said


PICTURE = Path(__file__).parents[2] / "photographs" / "hen.jpg"


@pytest.mark.parametrize(
    "command",
    [
        ("predict", PICTURE, "--model"),
        ("camera", "--headless", "--once", "--source", PICTURE, "--model"),
        ("service", "install", "--print", "--source", "csi", "--model"),
        ("inspect",),
        ("verify",),
    ],
    ids=lambda command: command[0],
)
def test_every_command_says_it_in_one_line(nano, tmp_path: Path, command):
    network, card = nano
    for number, values in enumerate(
        ({"labels": ["\x1b[2J"] * 10}, {"scale": None}, {"golden": [{"picture": "x"}]})
    ):
        path = tmp_path / f"{number}.tflite"
        path.write_bytes(attach_to_tflite(network, RawCard(json.dumps(card | values))))  # pyright: ignore[reportArgumentType]
        assert CARD_NAME.encode() in path.read_bytes()
        said = run(*command, path)
        assert f"{path}: its model card cannot be read: {next(iter(values))}" in said


@pytest.mark.parametrize("content", [b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_golden_picture_that_is_none_is_named_with_its_file(nano, tmp_path: Path, content: bytes):
    network, card = nano
    card = deepcopy(card)
    card["golden"][1]["picture"] = base64.b64encode(content).decode()
    path = tmp_path / "m.tflite"
    path.write_bytes(attach_to_tflite(network, RawCard(json.dumps(card))))  # pyright: ignore[reportArgumentType]
    assert run("verify", path).startswith(f"{path}: golden frame 2: ")
