import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edgecls.edge_runtime.camera.demo_scene import DRAWINGS, Scene, demo_scenes, read_scenes
from edgecls.edge_runtime.card import GoldenFrame, ModelCard
from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.image import ImageRule, decode, prepare
from edgecls.edge_runtime.opencv import cv2


def golden(label: str, *probabilities: float) -> GoldenFrame:
    png = cv2.imencode(".png", np.zeros((96, 128, 3), np.uint8))[1].tobytes()
    return GoldenFrame(base64.b64encode(png).decode(), (), label, probabilities)


def card(*frames: GoldenFrame, **options) -> ModelCard:
    return ModelCard(labels=("cat", "dog"), image=ImageRule(32, 32), golden=frames, **options)


def checkers(height_px: int, width_px: int) -> np.ndarray:
    """Blocks of random colours, as large as a network's pixels."""
    blocks = np.random.default_rng(1).integers(0, 256, (height_px // 3, width_px // 3, 3), np.uint8)
    return blocks.repeat(3, 0).repeat(3, 1)


def labels_of(text: str) -> list[str]:
    return [scene.label for scene in read_scenes(text)]


def test_what_the_model_is_sure_of_is_shown():
    frames = golden("cat", 0.6, 0.4), golden("dog", 0.1, 0.9), golden("cat", 0.95, 0.05)

    assert labels_of(demo_scenes(card(*frames, threshold=0.8))) == ["dog", "cat"]


def test_the_temperature_counts_as_it_does_in_an_answer():
    frames = golden("cat", 0.9, 0.1), golden("dog", 0.001, 0.999)

    assert labels_of(demo_scenes(card(*frames, threshold=0.8, temperature=2.0))) == ["dog"]


def test_a_model_that_is_sure_of_nothing_shows_all():
    frames = golden("cat", 0.6, 0.4), golden("dog", 0.4, 0.6)

    assert labels_of(demo_scenes(card(*frames, threshold=0.8))) == ["cat", "dog"]


@pytest.mark.parametrize("empty", [None, card()])
def test_a_model_without_golden_frames_is_refused_in_one_line(empty):
    with pytest.raises(
        UsageError, match=r"card=classifier\.card|this one has none; name what `edgecls export`"
    ):
        demo_scenes(empty)


@pytest.mark.parametrize(
    ("rule", "size_px"),
    [
        (ImageRule(32, 32), (128, 96)),
        (ImageRule(32, 32, crop="stretch"), (128, 96)),
        (ImageRule(32, 32), (96, 192)),
        (ImageRule(24, 32), (192, 72)),
    ],
    ids=["square", "stretched", "portrait", "wide"],
)
def test_the_network_sees_of_a_drawing_what_it_sees_of_the_picture(rule, size_px):
    picture = checkers(size_px[1], size_px[0])
    wanted = prepare(picture, rule).astype(float)
    scene = Scene("cat", picture, rule)

    phases = [prepare(decode(scene.jpeg(phase), "drawing"), rule).astype(float) for phase in range(DRAWINGS)]
    nearest = min(np.abs(seen - wanted).mean() for seen in phases)
    assert nearest < 12  # it moves by up to a quarter of a network's pixel; a shift by a whole one is over 60
    assert np.abs(np.roll(phases[0], 1, 1) - wanted).mean() > 30


def test_drawings_differ_and_are_drawn_once():
    scene = Scene("cat", checkers(96, 128), ImageRule(32, 32))
    drawings = [scene.jpeg(phase) for phase in range(DRAWINGS)]

    assert len(set(drawings)) == DRAWINGS
    assert all(scene.jpeg(phase) is drawings[phase] for phase in range(DRAWINGS))
    assert decode(drawings[0], "drawing").shape == (480, 640, 3)
    assert 10_000 < max(map(len, drawings)) < 150_000


def test_a_healthy_model_answers_the_known_label(tiny):
    for path in tiny.files:
        with Classifier(path) as classifier:
            scenes = read_scenes(demo_scenes(classifier.card))
            drawings = [(scene, phase) for scene in scenes for phase in range(0, DRAWINGS, 3)]
            answers = [classifier.classify(decode(scene.jpeg(phase), "drawing")) for scene, phase in drawings]
        right = sum(
            answer.ranking[0][0] == scene.label for answer, (scene, _) in zip(answers, drawings, strict=True)
        )
        assert len(scenes) >= 3
        assert right >= 0.98 * len(drawings), Path(path).name


def test_it_travels_as_one_line_of_json():
    text = demo_scenes(replace(card(golden("größe", 0.0, 1.0)), threshold=0.5))

    assert "\n" not in text
    assert json.loads(text)["scenes"][0][0] == "größe"


def test_the_background_is_shown_only_where_there_is_nothing_else():
    none, dog = golden("cat", 0.9, 0.1), golden("dog", 0.1, 0.9)
    assert labels_of(demo_scenes(card(none, dog, background="cat"))) == ["dog"]
    assert labels_of(demo_scenes(card(none, background="cat"))) == [""]  # "": no answer is judged by it
