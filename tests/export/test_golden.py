import json
from dataclasses import asdict

import numpy as np
import pytest

from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import GoldenFrame, ModelCard
from edgecls.edge_runtime.models.golden import LEAST_FRAMES, MAX_FRAMES, frames_bytes
from edgecls.export.golden import golden_frames
from tests.fakes import FakeEngine

ANSWERS = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.45, 0.55]] * 3, np.float32)


def frames(size_px: int, network_bytes: int = 98_000) -> tuple[GoldenFrame, ...]:
    """The golden frames of noise, which no format makes small."""
    images = np.random.default_rng(0).integers(0, 256, (len(ANSWERS), size_px, size_px, 3), np.uint8)
    card = ModelCard(("cat", "none"), ImageRule(size_px, size_px))
    return golden_frames(images, ANSWERS, FakeEngine(*ANSWERS.tolist()), card, network_bytes)


@pytest.mark.parametrize(("size_px", "count"), [(8, MAX_FRAMES), (128, LEAST_FRAMES)])
def test_there_are_as_many_as_fit_and_never_none(size_px: int, count: int):
    assert len(frames(size_px)) == count


@pytest.mark.parametrize(
    ("size_px", "network_bytes"), [(224, 98_000), (224, 20_000), (64, 12_000), (32, 98_000)]
)
def test_they_never_cost_more_than_half_the_network_and_what_the_catalogue_counts(size_px, network_bytes):
    cost = sum(len(json.dumps(asdict(frame))) for frame in frames(size_px, network_bytes))
    assert cost <= network_bytes / 2
    expected = frames_bytes(network_bytes, 3 * size_px**2, classes=2)
    assert cost == pytest.approx(expected, rel=0.25, abs=network_bytes / 12)


class Levels:
    """An engine that knows plain pictures by their brightness: five of each class, 50 to 90 % sure."""

    name = "levels"

    def __init__(self, classes: int) -> None:
        self.classes = classes
        sure = (0.5, 0.6, 0.7, 0.8, 0.9)
        self.answers = np.concatenate([np.eye(classes) * one + (1 - one) / classes for one in sure]).astype(
            np.float32
        )
        levels = np.arange(len(self.answers), dtype=np.uint8) * 5
        self.images = np.broadcast_to(levels[:, None, None, None], (len(levels), 16, 16, 3))

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        return self.answers[round(float(np.median(image[..., 0])) / 5)]

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("classes", "background", "shown"),
    [
        (10, None, [0, 1, 2, 3, 4, 5, 6, 7]),
        (5, "class 1", [0, 2, 3, 4, 1, 0, 2, 3]),
        (2, None, [0, 1, 0, 1, 0, 1, 0, 1]),
    ],
)
def test_each_class_has_one_before_any_has_two(classes: int, background: str | None, shown: list[int]):
    engine = Levels(classes)
    card = ModelCard(tuple(f"class {n}" for n in range(classes)), ImageRule(16, 16), background=background)
    found = golden_frames(engine.images, engine.answers, engine, card, 98_000)
    assert [frame.label for frame in found] == [f"class {number}" for number in shown]
    unsure, sure = found[:2]  # these two are in every file
    assert max(unsure.probabilities) < 0.8 < max(sure.probabilities)
    assert len({frame.picture for frame in found}) == MAX_FRAMES


def test_where_one_is_too_large_those_of_other_classes_still_come():
    engine = Levels(4)
    images = engine.images.copy()
    noise = np.random.default_rng(0).integers(-2, 3, (5, 16, 16, 3))
    images[2::4] = (images[2::4] + noise).clip(0, 255)  # of one class: large as files
    card = ModelCard(("a", "b", "noise", "d"), ImageRule(16, 16))
    whole = golden_frames(images, engine.answers, engine, card, 98_000)
    assert {frame.label for frame in whole} == {"a", "b", "noise", "d"}
    small = golden_frames(images, engine.answers, engine, card, 2_800)
    assert {frame.label for frame in small} == {"a", "b", "d"}
