"""The examination of a whole training, its lines and its page, on pictures whose names are hostile."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from edgecls.data.load import Dataset
from edgecls.data.origins import Origin
from edgecls.data.split import Split
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.trainer.enough.examine import pictures_of, surest_mistakes
from edgecls.trainer.enough.of_training import Examined, computed_features, examine_training

EVIL = "<script>alert(1)</script>"
LABELS = ("cat", "dog & co", EVIL, "owl")
NAMES = ('a "b".jpg', "\udcff.jpg", "<img src=x onerror=alert(1)>.jpg")
FLIPPED = 9
"""Of the training pictures."""


def picture(number: int, random: np.random.Generator) -> np.ndarray:
    """Unlike all others: a coarse pattern of its own, and what its class is shows in the features only."""
    coarse = random.integers(0, 256, (4, 4, 3), np.uint8)
    return cv2.resize(coarse, (24, 24), interpolation=cv2.INTER_NEAREST) + np.uint8(number % 3)


@pytest.fixture(scope="module")
def dataset(blobs: Callable[..., Any]) -> tuple[Dataset, tuple[np.ndarray, ...]]:
    values, truth, _ = blobs(200, distance=8, burst=1)
    random = np.random.default_rng(0)
    images = np.stack([picture(number, random) for number in range(200)])
    shown = truth.copy()
    shown[FLIPPED] = (truth[FLIPPED] + 1) % 4
    names = [f"{number}{NAMES[number % len(NAMES)]}" for number in range(200)]
    parts = {"train": slice(0, 120), "val": slice(120, 160), "test": slice(160, 200)}
    origins = {
        part: tuple(
            Origin(PurePosixPath(LABELS[label].replace("/", "_"), name))
            for label, name in zip(shown[where], names[where], strict=True)
        )
        for part, where in parts.items()
    }
    splits = [Split(images[where], shown[where]) for where in parts.values()]
    features = tuple(values[where].astype(np.float16) for where in parts.values())
    return Dataset("pets <b>", LABELS, *splits, sha256="0" * 64, origins=origins), features


def answers_to(dataset: Dataset, wrong: int) -> np.ndarray:
    best = dataset.test.truth.copy()
    best[:wrong] = (best[:wrong] + 1) % 4
    return np.where(np.eye(4)[best] == 1, 0.97, 0.01).astype(np.float32)


@pytest.fixture(scope="module")
def examined(dataset: Any) -> Examined:
    data, features = dataset
    return examine_training(data, answers_to(data, 3), "nano", features)


def test_the_lines_say_what_to_do_next(examined: Examined):
    accuracy, *lines = examined.record["lines"]
    assert accuracy == "accuracy: 92.5 % (80.1 to 97.4 %); 37 of 40 test pictures right"
    assert lines[0].startswith("look at this label, probably wrong: ")
    assert lines[0].endswith(f"9{NAMES[0]} (dog & co?)")
    assert lines[1] == "only 40 test pictures: take more, 50 or more, to know the accuracy"
    assert not any("unlike all others" in line for line in lines)


def test_a_background_picture_that_looks_like_a_class_is_not_called_wrong(dataset: Any):
    data, features = dataset
    labels = ("cat", "dog & co", "none of these", "owl")
    found = examine_training(replace(data, labels=labels), answers_to(data, 3), "nano", features)
    line = found.record["lines"][1]
    assert line.startswith("1 none of these picture looks like another class; move it if it shows one: ")
    assert line.endswith(f"9{NAMES[0]} (dog & co?)")
    assert not any("wrong" in line for line in found.record["lines"])
    page = str(found.files["report.html"])
    assert "Pictures of none of these that look like another class" in page
    assert "none of these → dog &amp; co?" in page
    assert "<p>None found.</p>" in page


def test_a_strange_background_picture_is_what_the_class_is_for(dataset: Any):
    data, features = dataset
    strange = features[0].copy()
    place = int(np.flatnonzero(data.train.truth == 0)[0])
    strange[place] = -30 * strange[place] - 50
    for labels, count in ((LABELS, 1), (("Background", *LABELS[1:]), 0)):
        found = examine_training(
            replace(data, labels=labels), answers_to(data, 3), "nano", (strange, *features[1:])
        )
        assert len(found.record["unusual"]) == count


def test_the_figures_are_json_with_paths_that_can_be_shown(examined: Examined):
    values = json.loads(json.dumps(examined.record, ensure_ascii=False).encode())
    (suspect,) = values["suspects"]
    assert suspect["file"].endswith(f"9{NAMES[0]}")
    assert (suspect["label"], suspect["suggested"]) == (LABELS[2], LABELS[1])
    assert [point["pictures"] for point in values["curve"]["points"]] == [30, 60, 90, 120]
    assert values["recalls"][0]["right"] < values["recalls"][0]["tested"]


def test_names_and_labels_are_no_markup(examined: Examined):
    page = str(examined.files["report.html"])
    page.encode()
    assert EVIL not in page
    assert "<img src=x" not in page
    assert "pets <b>" not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http://www.w3.org/", "").replace("http-equiv", "")


def test_other_data_than_own_pictures_have_answers_but_no_page(dataset: Any):
    data = replace(dataset[0], origins={})
    found = examine_training(data, answers_to(data, 0), "cnn")
    assert list(found.files) == ["mistakes.png"]
    assert set(found.record) == {"right", "tested", "interval", "recalls", "lines"}


def test_near_duplicates_are_one_mistake(dataset: Any):
    data = dataset[0]
    images = np.concatenate([data.test.images[:2], data.test.images[:2]])
    test = Split(images, np.array([0, 0, 0, 0]))
    sure = np.array([[0.1, 0.9], [0.2, 0.8], [0.4, 0.6], [0.9, 0.1]])
    found = surest_mistakes(sure, test)
    assert [(one.place, one.alike) for one in found] == [(0, 1), (1, 0)]


def test_copies_with_two_labels_are_named(dataset: Any):
    data, features = dataset
    images = data.train.images.copy()
    images[50] = images[49]
    copied = replace(data, train=Split(images, data.train.truth))
    found = examine_training(copied, answers_to(data, 0), "lite0", features)
    (pair,) = found.record["between_classes"]
    assert [path.split("/")[-1][:2] for path in pair] in (["49", "50"], ["50", "49"])
    assert "Near-duplicates with different labels" in str(found.files["report.html"])


def test_in_a_browser_the_page_is_whole(chromium: Any, examined: Examined, tmp_path: Path):
    (tmp_path / "report.html").write_text(str(examined.files["report.html"]), encoding="utf-8")
    chromium.get_log("browser")
    chromium.get((tmp_path / "report.html").as_uri())
    assert [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"] == []
    broken = "return [...document.images].filter(i => i.complete && !i.naturalWidth).length"
    assert chromium.execute_script(broken) == 0
    assert chromium.execute_script("return document.images.length") == 4
    assert chromium.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.slow  # builds the whole Lite0
def test_features_are_computed_where_the_training_has_none(dataset: Any):
    pictures = pictures_of(dataset[0])
    few = replace(pictures, images=pictures.images[:2])
    assert computed_features(few).shape == (2, 1280)
