"""The demo camera, in a capture process as a real one."""

import base64
import json
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.sources.demo import (
    DRAWINGS,
    RATE_FPS,
    SCENE_FRAMES,
    Scene,
    demo_scenes,
    open_demo,
    read_scenes,
    scene_and_phase,
)
from edgecls.edge_runtime.camera.sources.open import open_source
from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import GoldenFrame, ModelCard
from tests.fakes import PATIENT


def card(pictures: int, size_px: int = 96, noise: bool = False) -> ModelCard:
    labels = tuple(f"label {number}" for number in range(pictures))
    frames = []
    for number, label in enumerate(labels):
        pixels = np.full((size_px, size_px, 3), 40 * number, np.uint8)
        if noise:
            pixels = np.random.default_rng(number).integers(0, 256, pixels.shape, np.uint8)
        png = cv2.imencode(".png", pixels)[1].tobytes()
        probabilities = tuple(float(other == label) for other in labels)
        frames.append(GoldenFrame(base64.b64encode(png).decode(), (), label, probabilities))
    return ModelCard(labels=labels, image=ImageRule(32, 32), golden=tuple(frames))


def test_frames_come_through_the_capture_process_as_jpeg_with_their_truth():
    events = []
    with open_source("demo", card=card(3), one_shot=True, patience=PATIENT, on_event=events.append) as source:
        frames = list(islice(source, 8))

    assert events[0].text == "opened demo: 640x480, 30 fps"
    assert source.live
    assert source.description == "demo"
    assert {frame.truth for frame in frames} <= {"label 0", "label 1", "label 2"}
    assert all(frame.jpeg and frame.pixels.shape == (480, 640, 3) for frame in frames)
    brightness = {frame.truth: frame.pixels.mean() for frame in frames}
    for truth, value in brightness.items():
        assert value == pytest.approx(40 * int(truth[-1]), abs=6)


def test_frames_come_at_its_rate():
    opened = open_demo(demo_scenes(card(1)))
    times_s = [picture.captured_at_s for picture in islice(opened.pictures, 12)]

    steps_s = np.diff(times_s)
    assert (opened.width_px, opened.height_px, opened.rate_fps) == (640, 480, RATE_FPS)
    assert np.allclose(steps_s * RATE_FPS, np.round(steps_s * RATE_FPS), atol=1e-3)  # whole intervals
    assert steps_s.min() > 0


def test_no_two_pictures_in_a_row_are_the_same_and_the_scenes_take_turns():
    pictures = [scene_and_phase(number, scenes=2) for number in range(4 * SCENE_FRAMES)]

    assert all(first != second for first, second in pairwise(pictures))
    assert [scene for scene, _ in pictures[::SCENE_FRAMES]] == [0, 1, 0, 1]
    assert {phase for _, phase in pictures} == set(range(DRAWINGS))
    steps = [abs(second[1] - first[1]) for first, second in pairwise(pictures) if first[0] == second[0]]
    assert set(steps) == {1}


def test_large_golden_frames_reach_the_process_in_full():
    """More than a pipe holds unless it is made larger."""
    large = card(3, size_px=240, noise=True)
    assert len(demo_scenes(large)) > 500_000
    with open_source("demo", card=large, one_shot=True, patience=PATIENT) as source:
        frame = next(iter(source))

    assert frame.truth in large.labels
    assert decode(frame.jpeg, "frame").shape == (480, 640, 3)


def test_it_needs_a_card_with_golden_frames():
    with pytest.raises(UsageError, match=r"card=classifier\.card"):
        open_source("demo")


def golden(label: str, *probabilities: float) -> GoldenFrame:
    png = cv2.imencode(".png", np.zeros((96, 128, 3), np.uint8))[1].tobytes()
    return GoldenFrame(base64.b64encode(png).decode(), (), label, probabilities)


def golden_card(*frames: GoldenFrame, **options) -> ModelCard:
    return ModelCard(labels=("cat", "dog"), image=ImageRule(32, 32), golden=frames, **options)


def checkers(height_px: int, width_px: int) -> np.ndarray:
    """Blocks of random colours, as large as a network's pixels."""
    blocks = np.random.default_rng(1).integers(0, 256, (height_px // 3, width_px // 3, 3), np.uint8)
    return blocks.repeat(3, 0).repeat(3, 1)


def labels_of(text: str) -> list[str]:
    return [scene.label for scene in read_scenes(text)]


def test_what_the_model_is_sure_of_is_shown():
    frames = golden("cat", 0.6, 0.4), golden("dog", 0.1, 0.9), golden("cat", 0.95, 0.05)

    assert labels_of(demo_scenes(golden_card(*frames, threshold=0.8))) == ["dog", "cat"]


def test_the_temperature_counts_as_it_does_in_an_answer():
    frames = golden("cat", 0.9, 0.1), golden("dog", 0.001, 0.999)

    assert labels_of(demo_scenes(golden_card(*frames, threshold=0.8, temperature=2.0))) == ["dog"]


def test_a_model_that_is_sure_of_nothing_shows_all():
    frames = golden("cat", 0.6, 0.4), golden("dog", 0.4, 0.6)

    assert labels_of(demo_scenes(golden_card(*frames, threshold=0.8))) == ["cat", "dog"]


@pytest.mark.parametrize("empty", [None, golden_card()])
def test_a_model_without_golden_frames_is_refused_in_one_line(empty):
    with pytest.raises(UsageError, match=r"card=classifier\.card|this one has none; use another --source"):
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
    text = demo_scenes(replace(golden_card(golden("größe", 0.0, 1.0)), threshold=0.5))

    assert "\n" not in text
    assert json.loads(text)["scenes"][0][0] == "größe"


def test_the_background_is_shown_only_where_there_is_nothing_else():
    none, dog = golden("cat", 0.9, 0.1), golden("dog", 0.1, 0.9)
    assert labels_of(demo_scenes(golden_card(none, dog, background="cat"))) == ["dog"]
    assert labels_of(demo_scenes(golden_card(none, background="cat"))) == [
        ""
    ]  # "": no answer is judged by it
