"""Lite0 is the network that its weights were trained in: its logits are those of the original."""

from pathlib import Path

import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.edge_runtime.images.decode import read_image
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.trainer.features import Features, lite0_features
from edgecls.trainer.networks import Design, build
from edgecls.trainer.networks.design import ARCHITECTURES, LITE0_STAGES, check_design

PHOTOGRAPHS = Path(__file__).parents[2] / "photographs"
ROUNDING = 0.05
"""Of logits up to 12: the weights are float16."""


@pytest.fixture(scope="module")
def original():
    """Written by tools/record_lite0.py."""
    with np.load(Path(__file__).with_name("lite0_logits.npz")) as recorded:
        return dict(recorded)


@pytest.fixture(scope="module")
def photographs(original):
    rule = ImageRule(224, 224)
    return np.stack([prepare(read_image(PHOTOGRAPHS / f"{name}.jpg"), rule) for name in original["names"]])


def test_its_logits_for_photographs_are_those_of_the_original(original, photographs):
    logits = lite0_features(224).of(photographs) @ original["kernel"] + original["bias"]
    assert np.abs(logits - original["logits"]).max() < ROUNDING


def test_a_cut_network_is_the_beginning_of_the_whole(photographs):
    small = photographs[:2, ::2, ::2][:, :64, :64]
    cut, whole = (build(Design(arch), 64, 64, 3) for arch in ("lite0-4", "lite0"))
    there = keras.Model(whole.inputs, whole.get_layer("stage4_3_add").output)
    pixels = ARCHITECTURES["lite0-4"].pixels
    expected = np.asarray(there(small * pixels.scale + pixels.offset)).mean((1, 2))
    assert Features(cut, pixels).of(small) == pytest.approx(expected, abs=1e-4)


def test_it_takes_pixels_around_zero_whose_middle_is_a_byte():
    for arch in LITE0_STAGES:
        scale, offset = ARCHITECTURES[arch].pixels
        assert (127 * scale + offset, 255 * scale + offset) == (0, 1)
        check_design(Design(arch), 64, 64)
