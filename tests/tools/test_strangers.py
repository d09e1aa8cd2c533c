"""The corpus of files made elsewhere: pictures, what counts as a fault, networks of keras.applications."""

import json

import cv2
import numpy as np
import pytest

from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
from tools.strangers.applications import SCALES, measure, tempered
from tools.strangers.compare import Comparison, Run, Verdict, of_the_crop, render
from tools.strangers.makers.given import TEST_CELLS, TEST_NAMES, Case, prepared, softmax
from tools.strangers.pictures import write_pictures


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    write_pictures(folder, each_class=1)
    (folder / "cases").mkdir()
    return folder


@pytest.mark.parametrize("side_px", [32, 48, 64, 96])
@pytest.mark.parametrize("crop", ["center", "stretch"])
def test_edgecls_prepares_the_pictures_as_the_makers_do(corpus, side_px, crop):
    rule = ImageRule(side_px, side_px, crop=crop)
    files = [cv2.imread(str(corpus / "pictures" / name)) for name in TEST_NAMES]
    np.testing.assert_array_equal(
        [prepare(file, rule) for file in files], prepared(TEST_CELLS, side_px, crop)
    )


def test_what_a_user_who_knows_nothing_types_keeps_the_crop():
    options = ["--scale", "0..1", "--crop", "stretch", "--mean", "imagenet", "--resize-to", "48"]
    assert list(of_the_crop(options)) == ["--crop", "stretch", "--resize-to", "48"]


def outcomes(corpus, monkeypatch, run: Run, **case) -> list[str]:
    (corpus / "model.onnx").touch()
    monkeypatch.setattr("tools.strangers.compare.in_child", lambda _argv, _place: run)
    one = Case("model.onnx", "kind", **{"options": ["--scale", "0..1"], **case})
    return [verdict.outcome for verdict in Comparison(corpus, time_refusals=False).judge(one)]


def answered(probabilities: list[float]) -> Run:
    pairs = zip(("cat", "dog", "bird"), probabilities, strict=True)
    ranking = [{"label": label, "confidence": probability} for label, probability in pairs]
    return Run(0, json.dumps({"name": "cat0.png", "ranking": ranking}) + "\n", "")


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (answered([0.7, 0.2, 0.1]), "exact"),
        (answered([0.6998, 0.2, 0.1]), "wrong answer"),
        (Run(2, "", "edgecls: error: name its --scale\n"), "refused"),
        (Run(65, "", "edgecls: error: damaged; copy it again\n"), "refused"),
        (Run(1, "", "Traceback (most recent call last):\nedgecls: error: no\n"), "crash"),
        (Run(65, "", "\n".join(["loc(mlir)"] * 27)), "crash"),
    ],
)
def test_right_or_refused_in_one_line_is_right_and_all_else_a_fault(corpus, monkeypatch, run, outcome):
    found = outcomes(corpus, monkeypatch, run, answers={"cat0.png": [0.7, 0.2, 0.1]})
    assert found == [outcome, outcome]


def test_a_file_that_has_to_be_refused_must_not_answer(corpus, monkeypatch):
    assert outcomes(corpus, monkeypatch, answered([1, 0, 0])) == ["not refused"]


def test_the_table_names_faults_and_refusals_that_somebody_should_look_at():
    case = Case("a/b.onnx", "scale", answers={"cat0.png": [1, 0, 0]})
    text = render([Verdict(case, "options", "refused", "why"), Verdict(case, "bare", "wrong answer", "off")])
    assert "scale: 1 files, 0 exact, 1 refused" in text
    assert "refused: a/b.onnx (options): why" in text
    assert "wrong answer: a/b.onnx (bare): off" in text
    assert text.endswith("1 files, 2 commands, 1 faults")


def test_a_network_that_is_sure_of_everything_is_made_to_show_differences():
    random = np.random.default_rng(1)
    features, weights, bias = random.normal(size=(90, 20)), random.normal(size=(20, 3)), np.ones(3)

    def answers(weights, bias, error=0.0):
        return softmax(features @ (weights + error * random.normal(size=weights.shape)) + bias)

    sure = (50 * weights, 50 * bias)
    assert np.median(answers(*sure).max(1)) > 1 - 1e-7
    mended = tempered(features, *sure)
    assert 0.7 < np.median(answers(*mended).max(1)) < 0.9
    np.testing.assert_array_equal(answers(*mended).argmax(1), answers(*sure).argmax(1))
    off = np.abs(answers(*mended, error=1e-3) - answers(*mended)).max(1)
    assert np.median(off) > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("side_px", [96, 224])
@pytest.mark.parametrize("name", SCALES)
def test_networks_of_keras_applications_are_exported(name, side_px):
    (figures,) = measure([name], side_px, 2.0, print)
    assert len(figures.files) == 4
    for parity in (file["parity"] for file in figures.files):
        assert parity["keras_accuracy"] >= 0.9
        if "_int8" in parity["file"]:
            assert parity["accuracy"] >= parity["keras_accuracy"] - 0.1
        else:
            assert parity["largest_difference"] <= 1e-4
