"""The search alone, with a network that is a function."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs edgecls[train]")

from edgecls.data.known_pictures import KnownPictures
from edgecls.edge_runtime.errors import InvalidOutput
from edgecls.edge_runtime.images.picture_options import AS_THE_FILE_SAYS
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.model_file import ModelFormat
from edgecls.export.adoption.preparations import Known, PixelScaling, crops
from edgecls.export.adoption.search import Search

LABELS = ("dark", "bright")
KNOWN = Known(ModelFormat.ONNX, ImageRule(4, 4), AS_THE_FILE_SAYS)
TRUTH = np.arange(60) % 2


def search(answer, known=KNOWN):
    images = (
        np.where(TRUTH, 200, 50).astype(np.uint8)[:, None, None, None].repeat(4, 1).repeat(4, 2).repeat(3, 3)
    )
    pictures = KnownPictures("it", "test", dict.fromkeys(crops(known), images), TRUTH, ())
    return Search(known, pictures, LABELS, answer).run()


def by_unit(preparation, images):
    """Right only for pixels of 0 to 1, wrong for any others."""
    values = images.mean((1, 2, 3)) * np.mean(preparation.scaling.scale) + np.mean(preparation.scaling.offset)
    bright = np.select([values < 0, values > 1], [0.9, 0.1], values)
    return np.stack([1 - bright, bright], 1).astype(np.float32)


def test_clearly_worse_ways_see_no_more_pictures():
    found = search(by_unit)
    assert found.chosen.preparation.scaling.options == "--scale 0..1"
    assert found.chosen.seen == 60
    assert min(tried.seen for tried in found.tried) == 32


def test_what_fails_on_some_pictures_is_out_and_where_all_fail_it_is_said():
    def fails(preparation, images):
        if preparation.scaling.scale == 1 / 255:
            return by_unit(preparation, images)
        raise InvalidOutput("an index out of range")

    assert search(fails).chosen.preparation.scaling.options == "--scale 0..1"

    def always_fails(preparation, images):
        raise InvalidOutput("an index out of range")

    assert search(always_fails).chosen.failure == "an index out of range"


def test_what_the_file_says_is_tried_alone_unless_it_does_badly():
    said = PixelScaling("--scale 0..1", 1 / 255, 0.0)
    found = search(by_unit, Known(ModelFormat.ONNX, ImageRule(4, 4), AS_THE_FILE_SAYS, said))
    assert {tried.preparation.scaling for tried in found.tried} == {said}
    wrong = PixelScaling("--scale 0..255", 1.0, 0.0)
    found = search(by_unit, Known(ModelFormat.ONNX, ImageRule(4, 4), AS_THE_FILE_SAYS, wrong))
    assert found.chosen.preparation.scaling.options == "--scale 0..1"
