import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.data.load import Dataset, load_dataset
from edgecls.data.split import Split
from edgecls.edge_runtime.errors import (
    BadConfiguration,
    BadData,
    MissingInput,
    OutputFailed,
    PermissionRefused,
    UsageError,
)
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import read_model
from edgecls.trainer import train as train_module
from edgecls.trainer.described import change_warnings
from edgecls.trainer.networks import Design, build
from edgecls.trainer.options import TrainOptions
from edgecls.trainer.progress import Progress
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.report import TrainReport, read_report
from edgecls.trainer.teacher import TeacherFile
from edgecls.trainer.train import run_training, save_network
from tests.trainer.test_report import REPORT


class StopAfter(Progress):
    """Interrupts a training as Ctrl-C does, in the middle of an epoch."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def batches_done(self, *_: float) -> None:
        if not self.epochs:
            raise KeyboardInterrupt

    def epoch_done(self, *_: object) -> None:
        self.epochs -= 1


class Told(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines += text.splitlines()


@dataclass(frozen=True)
class Finished:
    """A training that ran to its end, for all tests that only look."""

    training: TrainOptions
    report: TrainReport


@pytest.fixture(scope="module")
def finished(tmp_path_factory, write_images) -> Finished:
    folder = tmp_path_factory.mktemp("finished")
    for label in ("cat", "dog"):
        write_images(folder / "pets" / label, 6)
    (folder / "pets" / "cat" / "broken.jpg").write_text("no image")
    recipe = Recipe(epochs=3, batch_size=4, augment=("flip", "shift"), dropout=0.1)
    training = TrainOptions(str(folder / "pets"), folder / "out" / "pets.h5", ImageRule(18, 18), recipe)
    return Finished(training, run_training(training))


@pytest.fixture
def training(finished, cats_and_dogs, tmp_path) -> TrainOptions:
    """The same training, to be done again on images that a test may change."""
    return replace(finished.training, data=str(cats_and_dogs), output=tmp_path / "out" / "pets.h5")


def weights_of(path: Path) -> list[np.ndarray]:
    return keras.models.load_model(path).get_weights()


def test_it_leaves_the_model_and_everything_to_look_at(finished):
    training, report = finished.training, finished.report
    folder = training.output.with_suffix("")
    names = {
        "samples.png",
        "augmented.png",
        "curves.png",
        "confusion_matrix.png",
        "mistakes.png",
        "history.csv",
        "report.html",
        "report.json",
    }
    assert {path.name for path in folder.iterdir()} == names
    assert {path.name for path in training.output.parent.iterdir()} == {"pets", "pets.h5"}
    assert read_report(training.output) == report
    assert (report.train_images, report.val_images, report.test_images) == (8, 2, 2)
    assert report.skipped == ("cat/broken.jpg: not an image",)
    assert report.labels == ("cat", "dog")
    assert report.recipe == training.recipe
    assert set(report.versions) == {"python", "edgecls", "keras", "tensorflow", "numpy"}
    assert len((folder / "history.csv").read_text().splitlines()) == 1 + 3


def test_left_and_right_are_not_mirrored_unless_asked(write_images, tmp_path):
    for label in ("left", "right"):
        write_images(tmp_path / "signs" / label, 6)
    recipe = Recipe(epochs=1, batch_size=4, augment=("flip", "shift"))
    training = TrainOptions(str(tmp_path / "signs"), tmp_path / "out" / "signs.h5", ImageRule(18, 18), recipe)
    seen = Told()
    assert run_training(training, progress=seen).recipe.augment == ("shift",)
    assert any(line.startswith("no flip, because left and right seem") for line in seen.lines)
    asked = replace(training, is_augment_given=True)
    assert run_training(asked, progress=seen).recipe.augment == ("flip", "shift")


def test_the_card_says_where_the_weights_come_from(finished):
    training, report = finished.training, finished.report
    card = read_model(training.output).card
    data = load_dataset(training.data, training.image, seed=0)
    assert (card.labels, card.image, card.io, card.scale) == (data.labels, training.image, "float32", 1 / 255)
    assert card.provenance.data == "pets"
    assert card.provenance.data_sha256 == data.sha256 == report.data_sha256
    assert (card.provenance.accuracy, card.provenance.split) == (report.accuracy, "test")
    assert card.provenance.images == report.test_images
    assert card.provenance.recipe["batch_size"] == 4
    assert str(training.output.parent) not in card.to_json()  # no path leaves this machine


def test_the_report_s_figures_are_those_of_the_saved_file(finished):
    training, report = finished.training, finished.report
    network = keras.models.load_model(training.output)
    data = load_dataset(training.data, training.image, seed=0)
    for split, found in ((data.train, report.train), (data.val, report.val), (data.test, report.test)):
        loss, accuracy = network.evaluate(split.images / np.float32(255), split.truth, verbose=0)
        assert (found.loss, found.accuracy) == pytest.approx((loss, accuracy), rel=1e-4)


def test_a_training_interrupted_twice_ends_in_the_very_same_model(finished, training, monkeypatch):
    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(training, progress=StopAfter(1))
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "save_network", power_cut)
        with pytest.raises(KeyboardInterrupt):
            run_training(training, resume=True)
    assert not training.output.exists()

    report = run_training(training, resume=True, progress=StopAfter(0))  # no epoch is left to be stopped
    assert report.epochs_done == 3
    assert not training.checkpoint.exists()
    assert all(map(np.array_equal, weights_of(training.output), weights_of(finished.training.output)))
    with pytest.raises(MissingInput, match=r"so there is no training to resume"):
        run_training(training, resume=True)


def test_a_recipe_for_any_count_is_reported_as_it_came_out_and_resumed_as_it_was_asked_for(training):
    asked = replace(training.recipe, batch_size=64, learning_rate=0.01)
    followed = replace(training, recipe=asked, is_for_any_count=True)
    with pytest.raises(KeyboardInterrupt):
        run_training(followed, progress=StopAfter(1))
    report = run_training(followed, resume=True)
    assert report.recipe == replace(asked, batch_size=16, learning_rate=0.005)
    assert read_model(training.output).card.provenance.recipe["batch_size"] == 16


def test_the_background_class_is_told_of(tmp_path, training, write_images):
    for label in ("cat", "none of these"):
        write_images(tmp_path / "seen" / label, 6)
    told = Told()
    run_training(replace(training, data=str(tmp_path / "seen")), progress=told)
    assert 'background class: none of these; answered as "unknown"' in told.lines


def test_resuming_with_other_options_or_images_is_refused(training, cats_and_dogs):
    with pytest.raises(KeyboardInterrupt):
        run_training(training, progress=StopAfter(1))
    before = training.checkpoint.read_bytes()
    others = {
        "with --epochs 3, not --epochs 4": replace(training, recipe=replace(training.recipe, epochs=4)),
        "with --augment flip,shift, not --augment none": replace(
            training, recipe=replace(training.recipe, augment=())
        ),
        "with --imgsz 18, not --imgsz 20": replace(training, image=ImageRule(20, 20)),
    }
    for difference, other in others.items():
        with pytest.raises(BadConfiguration, match=rf"this training was started {difference}; give the same"):
            run_training(other, resume=True)
    (cats_and_dogs / "cat" / "000.png").unlink()
    with pytest.raises(BadConfiguration, match=r"the images have changed since this training was started"):
        run_training(training, resume=True)
    assert training.checkpoint.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output": Path("model.keras")}, "--output model.keras: the name must end in .h5"),
        ({"recipe": Recipe(arch="vgg")}, "--arch vgg: no such network"),
        ({"image": ImageRule(17, 17)}, "--imgsz 17: too small for cnn, whose layers need 18 px"),
    ],
)
def test_senseless_options_are_refused_before_any_data_is_read(training, change, message):
    with pytest.raises(UsageError, match=message):
        run_training(replace(training, data="/does/not/exist", **change))


def test_a_model_among_the_classes_is_refused(training, cats_and_dogs):
    with pytest.raises(UsageError, match=r"--output .*pets.h5: lies inside the data .*pets; choose another"):
        run_training(replace(training, output=cats_and_dogs / "pets.h5"))
    assert {path.name for path in cats_and_dogs.iterdir()} == {"cat", "dog"}


def test_a_model_named_after_its_data_is_refused(training, cats_and_dogs):
    """Its plots go into the folder of its name, which is the data's."""
    with pytest.raises(UsageError, match=r"--output .*: its plots would go into .*pets, the data; choose an"):
        run_training(replace(training, output=cats_and_dogs.with_suffix(".h5")))
    assert {path.name for path in cats_and_dogs.iterdir()} == {"cat", "dog"}


def test_a_read_only_folder_is_refused_before_any_data_is_read(training, read_only, tmp_path):
    (tmp_path / "empty").mkdir()  # reading it would be another error
    folder = read_only(tmp_path)
    with pytest.raises(PermissionRefused, match=r"cannot write .*model.h5: read-only file system; choose"):
        run_training(replace(training, data=str(tmp_path / "empty"), output=folder / "model.h5"))


def test_a_file_in_the_place_of_the_folder_is_refused(training):
    training.output.parent.mkdir()
    training.output.with_suffix("").write_text("in the way")
    with pytest.raises(OutputFailed, match=r"its folder is a file; choose another folder"):
        run_training(training)


def test_a_disk_that_fills_up_at_a_checkpoint_leaves_the_old_model(training, small_disk):
    output = small_disk / "pets.h5"
    output.write_bytes(b"the old model")
    (small_disk / "filler").write_bytes(bytes(3_500_000))
    with pytest.raises(OutputFailed, match=r"cannot write .*checkpoint.npz: no space left on device"):
        run_training(replace(training, output=output))
    assert output.read_bytes() == b"the old model"
    assert {path.name for path in small_disk.rglob("*")} == {"pets.h5", "filler", "pets"}


def test_data_that_cannot_be_used_leaves_the_old_model(training, tmp_path):
    training.output.parent.mkdir()
    training.output.write_bytes(b"the old model")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadData):
        run_training(replace(training, data=str(tmp_path / "empty")))
    assert training.output.read_bytes() == b"the old model"


SPLIT = Split(np.zeros((1, 32, 32, 3), np.uint8), np.zeros(1, np.int64))
DATA = Dataset("pets", ("cat", "dog"), SPLIT, SPLIT, SPLIT, "d" * 64)
TEACHER = TeacherFile(keras.Sequential(), "e" * 64, DATA.sha256)
BEFORE = replace(REPORT, recipe=Recipe(teacher="big.h5"), data_sha256=DATA.sha256, teacher_sha256="e" * 64)
AGAIN = TrainOptions(BEFORE.data, Path("model.h5"), BEFORE.image, BEFORE.recipe, BEFORE)
OTHER_DATA = replace(DATA, sha256="f" * 64)


def test_the_same_again_is_nothing_to_tell():
    assert list(change_warnings(AGAIN, DATA, TEACHER)) == []
    assert list(change_warnings(replace(AGAIN, before=None), OTHER_DATA, None)) == []


def test_a_teacher_that_may_know_what_is_held_back_is_told_of():
    (told,) = change_warnings(replace(AGAIN, before=None), OTHER_DATA, TEACHER)
    assert "the teacher was trained on another split or version" in told
    unknown = replace(TEACHER, data_sha256="")
    assert list(change_warnings(replace(AGAIN, before=None), OTHER_DATA, unknown)) == []


def test_a_teacher_that_is_no_more_the_reports_is_told_of():
    other = replace(TEACHER, sha256="0" * 64)
    (told,) = change_warnings(AGAIN, DATA, other)
    assert "the teacher's file has changed since the report" in told
    asked_for = replace(AGAIN, recipe=replace(AGAIN.recipe, teacher="bigger.h5"))
    assert list(change_warnings(asked_for, DATA, other)) == []


@pytest.mark.parametrize(
    "asked_for", [{"data": "digits"}, {"image": ImageRule(48, 48)}, {"recipe": Recipe(seed=7)}], ids=str
)
def test_images_that_have_changed_are_told_of_unless_others_were_asked_for(asked_for):
    (told,) = change_warnings(AGAIN, OTHER_DATA, None)
    assert "the images have changed since the report" in told
    assert list(change_warnings(replace(AGAIN, **asked_for), OTHER_DATA, None)) == []


CARD = ModelCard(("dark", "middling", "bright"), ImageRule(18, 18), io="float32")


@pytest.fixture(scope="module")
def network():
    return build(Design(dropout=0.1), 18, 18, 3)


def test_the_file_holds_the_network_and_its_card(network, tmp_path):
    path = tmp_path / "model.h5"
    save_network(network, CARD, path)
    model = read_model(path)
    assert model.card == CARD
    with h5py.File(path) as file:
        assert "optimizer_weights" not in file
        kernel = file["model_weights/conv1/cnn/conv1/kernel"][:]
    assert (kernel == network.get_weights()[0]).all()
    assert list(tmp_path.iterdir()) == [path]


def test_tf_keras_opens_evaluates_and_trains_it_further(network, tmp_path, shades):
    from tensorflow.keras import models

    path = tmp_path / "model.h5"
    save_network(network, CARD, path)
    reloaded = models.load_model(path)
    images = shades.test.images / np.float32(255)
    expected = network.evaluate(images, shades.test.truth, verbose=0)
    assert reloaded.evaluate(images, shades.test.truth, verbose=0) == pytest.approx(expected, rel=1e-6)
    reloaded.fit(images, shades.test.truth, verbose=0)
    assert reloaded.evaluate(images, shades.test.truth, verbose=0) != pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("free_kb", [0, 60, 180, 240])
def test_a_full_disk_leaves_the_old_file(small_disk, free_kb):
    command = [sys.executable, Path(__file__).with_name("full_disk.py"), small_disk, str(free_kb)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    raised, kept = done.stdout.splitlines()
    assert re.search(r"^cannot write .*model.h5: .*; (free some space|check that)", raised)
    assert kept == "kept"
