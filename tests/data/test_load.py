import shutil
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits as original

from edgecls.data.load import load_dataset, load_digits
from edgecls.edge_runtime.errors import BadData, MissingInput
from edgecls.edge_runtime.images.rule import ImageRule

RULE = ImageRule(16, 16)


def test_at_their_own_size_the_digits_are_the_package_s():
    parts = load_digits(ImageRule(8, 8))
    grey, truth = original(return_X_y=True)
    assert parts.labels == tuple("0123456789")
    assert parts.train.truth.dtype == np.int64
    assert (parts.train.truth == truth).all()
    assert np.abs(parts.train.images[..., 0] - grey.reshape(-1, 8, 8) * 255 / 16).max() <= 0.5
    assert (parts.train.images == parts.train.images[..., :1]).all()  # grey


def test_they_fill_any_size_and_all_brightnesses():
    images = load_digits(ImageRule(32, 32)).train.images
    assert images.shape == (1797, 32, 32, 3)
    assert images.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 255)


def test_a_mirrored_digit_is_another_sign():
    assert not load_digits(ImageRule(8, 8)).mirrored_is_same


def test_digits_come_in_three_parts_that_share_nothing():
    data = load_dataset("digits", RULE, seed=0)
    parts = [{image.tobytes() for image in part.images} for part in (data.train, data.val, data.test)]
    assert (data.name, data.labels) == ("digits", tuple("0123456789"))
    assert [len(part) for part in (data.train, data.val, data.test)] == [1259, 269, 269]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert not data.mirrored_is_same


def test_a_folder_is_called_by_its_name_and_loads_the_same_each_time(cats_and_dogs):
    first, again = (load_dataset(str(cats_and_dogs), RULE, seed=7) for _ in range(2))
    assert first.name == "pets"
    assert first.sha256 == again.sha256
    assert (first.train.images == again.train.images).all()
    assert first.sha256 != load_dataset(str(cats_and_dogs), RULE, seed=8).sha256


def test_images_are_prepared_as_the_rule_says(cats_and_dogs):
    data = load_dataset(str(cats_and_dogs), ImageRule(24, 40), seed=0)
    assert data.train.images.shape[1:] == (24, 40, 3)
    assert data.train.images.dtype == np.uint8
    assert data.train.truth.dtype == np.int64


def test_home_may_be_written_as_a_tilde(cats_and_dogs, monkeypatch):
    monkeypatch.setenv("HOME", str(cats_and_dogs.parent))
    assert load_dataset("~/pets", RULE, seed=0).labels == ("cat", "dog")


def test_a_missing_path_says_what_data_takes():
    with pytest.raises(
        MissingInput, match=r"cifar100: no such file or folder; --data takes cifar10, digits or"
    ):
        load_dataset("cifar100", RULE, seed=0)


def test_a_file_that_is_no_data_set_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(BadData, match=r"notes.txt: not a folder, a zip or a tar; put the images"):
        load_dataset(str(path), RULE, seed=0)


@pytest.mark.parametrize("name", ["empty", "empty.zip"])
def test_an_empty_folder_or_zip_explains_the_layout(tmp_path, name):
    path = tmp_path / name
    if name.endswith(".zip"):
        path.write_bytes(b"PK\x05\x06" + bytes(18))
    else:
        path.mkdir()
    with pytest.raises(
        BadData, match=r"no class folders with images; put the images of each class into a folder"
    ):
        load_dataset(str(path), RULE, seed=0)


def test_a_data_set_can_be_read_where_keras_is_not_installed(cats_and_dogs):
    program = f"""
import sys
for name in ("keras", "tensorflow", "sklearn", "matplotlib", "h5py", "tqdm"):
    sys.modules[name] = None  # importing it fails
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.data.load import load_dataset
from edgecls.trainer.report import read_report
print(len(load_dataset({str(cats_and_dogs)!r}, ImageRule(16, 16), 0).train))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "8\n", done.stderr


def test_two_background_classes_are_refused_before_any_training(cats_and_dogs):
    for name in ("none", "_background_"):
        shutil.copytree(cats_and_dogs / "cat", cats_and_dogs / name)
    with pytest.raises(BadData, match="several classes mean none of the others: _background_, none; put"):
        load_dataset(str(cats_and_dogs), RULE, seed=0)
