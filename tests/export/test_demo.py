"""Demo pictures of an export: what is put beside the card, and what the demo camera makes of it."""

import base64

import numpy as np
import pytest

from edgecls.data.originals import Originals
from edgecls.edge_runtime.camera.sources.demo import Scene, demo_scenes, read_scenes
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.golden import MAX_DEMO, demo_budget_bytes
from edgecls.export.demo import demo_candidates, demo_pictures

LABELS = ("red", "green", "blue")
CARD = ModelCard(labels=LABELS, image=ImageRule(32, 32), threshold=0.5)
NETWORK_BYTES = 400_000


class Brightest:
    """An engine that names the brightest channel."""

    name, classes = "brightest", len(LABELS)

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        sums = image.reshape(-1, 3).sum(0).astype(np.float32)
        return np.eye(3, dtype=np.float32)[sums.argmax()]

    def close(self) -> None: ...


def photograph(label: str, height_px: int = 720, width_px: int = 1280) -> np.ndarray:
    """uint8 (H, W, 3) BGR: soft noise, brightest in one channel."""
    noise = np.random.default_rng(len(label)).integers(0, 200, (height_px // 40, width_px // 40, 3), np.uint8)
    pixels = cv2.resize(noise, (width_px, height_px), interpolation=cv2.INTER_CUBIC) // 2
    pixels[..., 2 - LABELS.index(label)] += 100
    return pixels


@pytest.mark.parametrize(("network_bytes", "shape"), [(4_000_000, (360, 480, 3)), (400_000, (240, 320, 3))])
def test_each_label_has_a_picture_within_the_budget_at_most_as_large_as_it_is_shown(network_bytes, shape):
    candidates = {label: [photograph(label)] for label in LABELS}
    pictures = demo_pictures(candidates, Brightest(), CARD, network_bytes)

    assert [one.label for one in pictures] == list(LABELS)
    assert sum(len(one.picture) for one in pictures) <= demo_budget_bytes(network_bytes, 0)
    assert decode(base64.b64decode(pictures[0].picture), "picture").shape == shape  # 4:3 of 16:9


def test_a_picture_that_is_not_announced_is_replaced_or_left_out():
    candidates = {
        "red": [photograph("blue"), photograph("red")],
        "green": [photograph("red")],
        "blue": [photograph("blue")],
    }
    assert [one.label for one in demo_pictures(candidates, Brightest(), CARD, NETWORK_BYTES)] == [
        "red",
        "blue",
    ]


def test_one_picture_is_no_tour():
    assert demo_pictures({"red": [photograph("red")]}, Brightest(), CARD, NETWORK_BYTES) == ()


@pytest.mark.parametrize("network_bytes", [100_000, 0])
def test_a_small_file_has_no_room(network_bytes: int):
    candidates = {label: [photograph(label)] for label in LABELS}
    assert demo_pictures(candidates, Brightest(), CARD, network_bytes) == ()


def test_pictures_of_all_kinds_take_at_most_half_the_network():
    assert demo_budget_bytes(NETWORK_BYTES, golden_bytes=190_000) == 10_000
    assert demo_budget_bytes(NETWORK_BYTES, golden_bytes=250_000) == 0


@pytest.mark.parametrize(("height_px", "width_px"), [(720, 1280), (640, 480), (480, 480)])
def test_the_frame_has_no_bars_whatever_the_shape(height_px: int, width_px: int):
    candidates = {label: [photograph(label, height_px, width_px)] for label in ("green", "red")}
    demo = demo_pictures(candidates, Brightest(), CARD, NETWORK_BYTES)
    scene, _ = read_scenes(demo_scenes(ModelCard(LABELS, ImageRule(32, 32), demo=demo)))
    drawn = decode(scene.jpeg(3), "drawing")
    for edge in (drawn[:, :40], drawn[:, -40:], drawn[:30], drawn[-30:]):
        assert edge[..., 1].mean() > edge[..., 0].mean() + 50  # as the picture: greenest of all


def test_the_surest_correct_answers_are_chosen_from_the_originals():
    truth = np.array([0, 0, 0, 1, 1])
    red = np.array([0.6, 0.9, 0.2, 0.3, 0.9], np.float32)
    answers = np.stack([red, 1 - red, np.zeros_like(red)], 1)
    prepared = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1) * np.ones((5, 32, 32, 3), np.uint8)
    found = demo_candidates(answers, truth, CARD, Originals("digits", (), prepared, CARD.image))
    assert {label: [int(one[0, 0, 0]) for one in pictures] for label, pictures in found.items()} == {
        "red": [1, 0],
        "green": [3],
    }


def test_a_tour_is_no_longer_than_people_watch():
    labels = tuple(f"label {number}" for number in range(100))
    card = ModelCard(labels, ImageRule(32, 32))
    answers = np.eye(100, dtype=np.float32)
    found = demo_candidates(
        answers,
        np.arange(100),
        card,
        Originals("digits", (), np.zeros((100, 32, 32, 3), np.uint8), card.image),
    )
    assert len(found) == MAX_DEMO


def test_a_network_input_is_enlarged_without_blocks_and_seen_as_it_was():
    rule = ImageRule(32, 32)
    seen = cv2.resize(photograph("red")[:720, :720], (32, 32), interpolation=cv2.INTER_AREA)
    still = Scene("red", seen, rule)._still
    again = cv2.resize(still[:, 80:560], (32, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(again.astype(int) - seen).mean() < 1
    steps = np.abs(np.diff(still[240, 80:560].astype(int), axis=0)).sum(1)
    assert np.count_nonzero(steps) > 300  # a blocky row would change at 31 places
