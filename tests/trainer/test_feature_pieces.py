import copy
from pathlib import Path

import numpy as np

from edgecls.trainer.feature_pieces import features_elsewhere
from edgecls.trainer.features import PIECE_IMAGES, Features, PictureView, view_features
from edgecls.trainer.networks import build
from edgecls.trainer.networks.design import ARCHITECTURES
from edgecls.trainer.options import train_options


def test_features_computed_elsewhere_in_any_order_are_those_computed_here():
    training = train_options(Path("m.h5"), {}, data="digits", arch="lite0-4", recipe="frozen", imgsz=32)
    images = np.random.default_rng(0).integers(0, 256, (PIECE_IMAGES + 20, 32, 32, 3), np.uint8)
    view, counts = PictureView(1, ("flip", "crop"), seed=3), []

    def compute(work, pieces):
        for number in reversed(range(len(pieces))):
            yield number, copy.deepcopy(work)(number, pieces[number])

    there = features_elsewhere(compute, training)(images, view, counts.append)
    network = build(training.recipe.design, 32, 32, classes=2)
    here = view_features(Features(network, ARCHITECTURES["lite0-4"].pixels))(images, view, lambda _: None)
    assert there.tobytes() == here.tobytes()
    assert counts == [20, len(images)]
