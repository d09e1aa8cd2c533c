import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgecls.data.load import load_dataset
from edgecls.data.originals import Originals
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import ImageRule


@pytest.fixture(params=["folder", "zip"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "pets"
    for number, label in enumerate(("cat", "dog")):
        (folder / label).mkdir(parents=True)
        for index in range(8):
            pixels = np.random.default_rng([number, index]).integers(0, 256, (480, 640, 3), np.uint8)
            cv2.imwrite(str(folder / label / f"{index}.jpg"), pixels)
    if request.param == "folder":
        return folder
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for path in sorted(folder.rglob("*.jpg")):
            archive.write(path, path.relative_to(folder))
    return tmp_path / "pets.zip"


def test_a_picture_comes_in_the_size_in_which_it_lies_there(source: Path):
    dataset = load_dataset(str(source), ImageRule(16, 16), seed=0)
    originals = Originals(dataset.source, dataset.files["val"], dataset.val.images, ImageRule(8, 8))
    one, other = originals.of([1, 0])
    assert one.shape == other.shape == (480, 640, 3)
    assert originals.of([0])[0] is other  # read once


def test_what_cannot_be_read_any_more_is_the_prepared_image(tmp_path: Path):
    prepared = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    (found,) = Originals(str(tmp_path), ("cat/0.jpg", "cat/1.jpg"), prepared, ImageRule(8, 8)).of([1])
    assert np.array_equal(found, prepared[1][..., ::-1])
