import numpy as np
import pytest

from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.export.golden import LEAST_FRAMES, MAX_FRAMES, golden_frames
from tests.fakes import FakeEngine

ANSWERS = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.45, 0.55]] * 3, np.float32)


def frames(size_px: int) -> list[str]:
    """The labels of the golden frames of noise, which no format makes small."""
    images = np.random.default_rng(0).integers(0, 256, (len(ANSWERS), size_px, size_px, 3), np.uint8)
    card = ModelCard(("cat", "none"), ImageRule(size_px, size_px))
    found = golden_frames(images, ANSWERS, FakeEngine(*ANSWERS.tolist()), card, network_bytes=0)
    return [frame.label for frame in found]


@pytest.mark.parametrize(("size_px", "count"), [(8, MAX_FRAMES), (128, LEAST_FRAMES)])
def test_there_are_as_many_as_fit_and_never_none(size_px: int, count: int):
    assert len(frames(size_px)) == count
