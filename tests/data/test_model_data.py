"""The data set of a model: classes are numbered as its labels, whatever order the folders have."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecls.data.model_data import foreign_data, training_data
from edgecls.edge_runtime.errors import BadData
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard

COLOURS = {"bird": (0, 0, 255), "cat": (0, 255, 0), "dog": (255, 0, 0)}
"""RGB."""


@pytest.fixture
def folders(tmp_path) -> Path:
    """Three classes of pictures, each class of one colour."""
    for label, colour in COLOURS.items():
        (tmp_path / "animals" / label).mkdir(parents=True)
        for number in range(12):
            pixels = np.full((16, 16, 3), colour[::-1], np.uint8)
            pixels[number, :8] = 90
            cv2.imwrite(str(tmp_path / "animals" / label / f"{number}.png"), pixels)
    return tmp_path / "animals"


def colours_by_label(dataset) -> dict[str, tuple[int, ...]]:
    return {
        dataset.labels[kind]: tuple(image[15, 15].tolist())
        for image, kind in zip(dataset.test.images, dataset.test.truth, strict=True)
    }


@pytest.mark.parametrize("labels", [("cat", "dog", "bird"), ("bird", "cat", "dog")])
def test_classes_are_found_by_their_names_not_by_the_order_of_folders(folders, tmp_path, labels):
    card = ModelCard(labels, ImageRule(16, 16))
    for dataset in (
        training_data(tmp_path / "theirs.h5", card, str(folders)),
        foreign_data(card, str(folders), None),
    ):
        assert dataset.labels == labels
        assert colours_by_label(dataset) == COLOURS


def test_other_classes_are_refused(folders, tmp_path):
    card = ModelCard(("cat", "dog", "fish"), ImageRule(16, 16))
    with pytest.raises(BadData, match=r"its classes \(bird, cat, dog, \.\.\.\) are not the model's"):
        training_data(tmp_path / "theirs.h5", card, str(folders))
