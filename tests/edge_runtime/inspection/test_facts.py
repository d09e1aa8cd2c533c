import json
from dataclasses import replace

import pytest

from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.inspection.facts import ModelFacts, NetworkFacts, OperatorFacts, TensorFacts
from edgecls.edge_runtime.models.builtin import builtin_paths
from edgecls.edge_runtime.models.card import DemoPicture, GoldenFrame, ModelCard, Provenance, Quantisation

NETWORK = NetworkFacts(
    made_with="schema 3",
    inputs=(TensorFacts("picture", "uint8", (None, 32, 32, 3), 1 / 255, 0),),
    outputs=(TensorFacts("a", "float32", (1, 10)), TensorFacts("b", "float32", None)),
    operators=(OperatorFacts("CONV_2D", 3), OperatorFacts("SOFTMAX", 1)),
    parameters=122_570,
    macs=4_548_608,
)
CARD = ModelCard(
    labels=("cat", "dog"),
    image=ImageRule(32, 24),
    provenance=Provenance("ab" * 32, "pets", "cd" * 32, {"epochs": 3, "seed": 0}, 0.8765, "test"),
    quantisation=Quantisation("int8", 512, "ef" * 32),
    threshold=0.75,
    temperature=1.5,
    golden=(GoldenFrame("", (), "cat", (1.0, 0.0)),),
)
FACTS = ModelFacts("pets.tflite", "tflite", 135_051, "01" * 32, "holds", NETWORK, CARD)


def test_the_text_has_a_line_for_everything():
    lines = FACTS.text.splitlines()
    assert "file                  pets.tflite" in lines
    assert "format                tflite (schema 3)" in lines
    assert "size                  135,051 bytes" in lines
    assert f"sha256                {'01' * 32}" in lines
    assert "seal                  intact; it says nothing of who made the file" in lines
    assert "input                 picture: uint8 [?, 32, 32, 3], scale 0.003921569, zero point 0" in lines
    assert "output                a: float32 [1, 10]" in lines
    assert "output                b: float32 [?]" in lines
    assert "operators             3 CONV_2D, 1 SOFTMAX" in lines
    assert "parameters            122,570" in lines
    assert "multiply-accumulates  4,548,608" in lines
    assert "card                  2 labels: cat, dog" in lines
    assert "  picture             24x32 px, crop center, area" in lines
    assert "  transparency        ignored" in lines
    assert "  16-bit pictures     65,535 is white" in lines
    assert "  input type          uint8" in lines
    assert "  output              probabilities" in lines
    assert "  trained on          pets, digest cdcdcdcdcdcd" in lines
    assert "  recipe              epochs 3, seed 0" in lines
    assert "  accuracy            87.65% on test" in lines
    assert "  weights from        .h5 abababababab" in lines
    assert "  quantised           int8, calibrated on 512 images, digest efefefefefef" in lines
    assert "  unknown below       0.75 at temperature 1.5" in lines
    assert "  golden frames       1" in lines
    assert len(lines) == 25


def test_what_a_card_may_add_is_shown_where_it_has_it():
    labels = tuple(f"thing {number}" for number in range(1000))
    demo = tuple(DemoPicture("", label) for label in ("cat", "dog"))
    card = replace(CARD, labels=labels, demo=demo, threshold_note="a fixed value")
    text = replace(FACTS, card=card).text
    assert "1,000 labels: thing 0, thing 1, " in text
    assert "thing 19 and 980 more; --json has all\n" in text
    assert "unknown below       0.75 at temperature 1.5 (a fixed value)\n" in text
    assert text.endswith("  demo pictures       cat, dog; none of 1,000 other classes")


def test_a_recipe_shows_what_was_chosen():
    recipe = {"arch": "nano", "depth": None, "augment": ["flip", "jpeg"], "teacher": None, "kinds": []}
    card = replace(CARD, provenance=replace(CARD.provenance, recipe=recipe))
    assert "  recipe              arch nano, augment flip+jpeg\n" in replace(FACTS, card=card).text


def test_a_built_in_model_is_named_without_its_folder():
    facts = replace(FACTS, file=str(builtin_paths("nano")[0]))
    assert "file                  built-in nano, nano_int8.tflite\n" in facts.text


@pytest.mark.parametrize(
    ("quantised", "text"),
    [
        (
            Quantisation("int8", 9, "ef" * 32, ranges="min-max"),
            "int8, min-max ranges, calibrated on 9 images,",
        ),
        (
            Quantisation("int8", 9, "ef" * 32, ranges="entropy", float_layers=("conv", "dense")),
            "int8, entropy ranges, conv and dense in float, calibrated on 9 images, digest efefefefefef",
        ),
        (Quantisation("float16", 0, ""), "float16\n"),
    ],
)
def test_the_choices_of_the_quantisation_are_shown(quantised, text):
    assert f"  quantised           {text}" in replace(FACTS, card=replace(CARD, quantisation=quantised)).text


def test_what_is_not_known_is_a_dash_with_its_reason():
    network = replace(NETWORK, macs=None, macs_unknown="not all shapes are fixed")
    text = replace(FACTS, network=network, card=None, seal="none").text
    assert "multiply-accumulates  - (not all shapes are fixed)" in text
    assert "card                  none" in text
    assert "seal                  none, not made by edgecls" in text


def test_a_card_that_says_little_has_dashes():
    text = replace(FACTS, card=ModelCard(("a", "b"), ImageRule(8, 8))).text
    assert "  trained on          -, digest -" in text
    assert "  recipe              -" in text
    assert "  accuracy            -" in text
    assert "  weights from        this file" in text
    assert "  quantised           no" in text


def test_a_name_in_the_file_cannot_write_to_the_terminal():
    network = replace(NETWORK, inputs=(TensorFacts("\x1b[2J\nseal  holds", "uint8", (1,)),))
    text = replace(FACTS, network=network).text
    assert r"\x1b[2J\nseal  holds" in text
    assert "\x1b" not in text


def test_json_has_the_same_in_one_object():
    values = json.loads(FACTS.to_json())
    assert values["sha256"] == "01" * 32
    assert values["macs"] == 4_548_608
    assert values["operators"][0] == {"name": "CONV_2D", "count": 3}
    assert values["inputs"][0]["shape"] == [None, 32, 32, 3]
    assert values["card"]["labels"] == ["cat", "dog"]
    assert "network" not in values


@pytest.mark.parametrize("network", [NETWORK, replace(NETWORK, inputs=(), operators=(), macs=None)])
def test_facts_come_back_from_json_as_they_were(network: NetworkFacts):
    assert NetworkFacts.from_json(json.loads(json.dumps(network.to_json()))) == network
