"""The demo camera, in a capture process as a real one."""

import base64
from itertools import islice, pairwise

import numpy as np
import pytest
from edgecls.edge_runtime.camera.capture_demo import RATE_FPS, SCENE_FRAMES, open_demo, shown
from edgecls.edge_runtime.camera.demo_scene import DRAWINGS, demo_scenes
from edgecls.edge_runtime.camera.opening import open_source
from edgecls.edge_runtime.card import GoldenFrame, ModelCard
from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.image import ImageRule, decode
from edgecls.edge_runtime.opencv import cv2


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
    with open_source("demo", card=card(3), one_shot=True, on_event=events.append) as source:
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
    pictures = [shown(number, scenes=2) for number in range(4 * SCENE_FRAMES)]

    assert all(first != second for first, second in pairwise(pictures))
    assert [scene for scene, _ in pictures[::SCENE_FRAMES]] == [0, 1, 0, 1]
    assert {phase for _, phase in pictures} == set(range(DRAWINGS))
    steps = [abs(second[1] - first[1]) for first, second in pairwise(pictures) if first[0] == second[0]]
    assert set(steps) == {1}


def test_large_golden_frames_reach_the_process_in_full():
    """More than a pipe holds unless it is made larger."""
    large = card(3, size_px=240, noise=True)
    assert len(demo_scenes(large)) > 500_000
    with open_source("demo", card=large, one_shot=True) as source:
        frame = next(iter(source))

    assert frame.truth in large.labels
    assert decode(frame.jpeg, "frame").shape == (480, 640, 3)


def test_it_needs_a_card_with_golden_frames():
    with pytest.raises(UsageError, match=r"card=classifier\.card"):
        open_source("demo")
