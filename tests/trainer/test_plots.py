import warnings

import numpy as np
import pytest
from matplotlib.axes import Axes

from edgecls.data.split import Split
from edgecls.edge_runtime.images.decode import decode
from edgecls.trainer.plots import augmented_png, confusion, confusion_png, curves_png, samples_png
from edgecls.trainer.report import Epoch, Metrics

LABELS = {
    "two": ("cat", "dog"),
    "ten": tuple("0123456789"),
    "hundred": tuple(f"class number {number}" for number in range(100)),
    "strange": ("$x_{1", "日本語", "a very long name of a class that goes on and on", "e\u0301", "", "%s \\"),
}


@pytest.fixture(autouse=True)
def no_warning_reaches_the_user():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def noise(count: int, classes: int) -> Split:
    images = np.random.default_rng(0).integers(0, 256, (count, 18, 24, 3), dtype=np.uint8)
    return Split(images, np.arange(count) % classes)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("count", [1, 16, 40])
def test_samples(labels, count):
    assert decode(samples_png(noise(count, len(labels)), labels, "title"), "it").shape == (1140, 960, 3)


def test_samples_show_the_first_images_with_their_own_colours():
    split = noise(16, 2)
    split.images[:] = (255, 0, 0)
    split.images[5] = (0, 0, 255)
    picture = decode(samples_png(split, ("cat", "dog"), "title"), "it")
    red, blue = ((picture == colour).all(axis=2) for colour in ((0, 0, 255), (255, 0, 0)))  # BGR
    assert red.sum() > 10 * blue.sum() > 1000
    rows, columns = np.nonzero(blue)
    assert 0.25 < rows.mean() / 1140 < 0.55  # second row
    assert 0.25 < columns.mean() / 960 < 0.5  # second column


def test_augmented_samples_show_the_first_images_otherwise_than_they_are():
    split, labels = noise(40, 2), ("cat", "dog")
    plain = samples_png(split, labels, "title")
    assert augmented_png(split, labels, "title", kinds=(), seed=0) == plain
    changed = augmented_png(split, labels, "title", kinds=("shift",), seed=0)
    assert decode(changed, "it").shape == decode(plain, "it").shape
    assert changed != plain
    unmirrored = augmented_png(split, labels, "title", kinds=("flip",), seed=0, mirrored_is_same=False)
    assert unmirrored == plain


@pytest.mark.parametrize("epochs", [1, 2, 60])
def test_curves(epochs):
    history = tuple(
        Epoch(number, 1.0, *(Metrics(offset / number, 1 - offset / 2 / number) for offset in (1.0, 1.1, 1.2)))
        for number in range(1, epochs + 1)
    )
    picture = decode(curves_png(history, "cnn on $digits_"), "it")
    assert picture.shape == (690, 1500, 3)
    assert (picture[:, [0, -1]] == 255).all()  # nothing is cut off
    legends = picture[-75:]
    assert (legends[:, 700:800] == 255).all()  # and the one does not reach into the other


def test_a_frozen_network_has_passes_of_which_none_is_the_best(monkeypatch: pytest.MonkeyPatch):
    written: list[str] = []
    monkeypatch.setattr(Axes, "set_xlabel", lambda _, text, **__: written.append(text))
    monkeypatch.setattr(Axes, "axvline", lambda _, *__, label, **___: written.append(label))
    history = (Epoch(1, 1.0, *[Metrics(0.5, 0.9)] * 3),)
    curves_png(history, "lite0", are_passes=True)
    assert written == ["pass"] * 2
    curves_png(history, "cnn")
    assert written[2:] == ["lowest val loss: epoch 1", "epoch"] * 2


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_confusion_matrices(labels):
    truth = np.repeat(np.arange(len(labels)), 20)
    answers = np.random.default_rng(0).permutation(truth)
    picture = decode(confusion_png(truth, answers, labels, "title"), "it")
    assert min(picture.shape[:2]) >= 690
    assert max(picture.shape[:2]) <= 2100


def test_confusion_counts_rows_of_truth_and_columns_of_answers():
    counts = confusion(np.array([0, 0, 0, 2, 2]), np.array([0, 1, 1, 2, 0]), 3)
    assert counts.tolist() == [[1, 2, 0], [0, 0, 0], [1, 0, 1]]
