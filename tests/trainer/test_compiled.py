import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.trainer import compiled
from edgecls.trainer.compiled import probabilities


@pytest.mark.parametrize("count", [1, 8, 21])
def test_images_in_several_chunks_are_answered_in_their_order(monkeypatch, count):
    monkeypatch.setattr(compiled, "_PREDICTED_TOGETHER", 8)
    network = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    images = np.random.default_rng(0).integers(0, 256, (count, 2, 2, 3), np.uint8)
    expected = (images / 255).reshape(count, -1) @ network.get_weights()[0]
    assert probabilities(network, images) == pytest.approx(expected, abs=1e-5)
