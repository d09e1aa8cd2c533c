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
