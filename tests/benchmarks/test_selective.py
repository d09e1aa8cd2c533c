from dataclasses import replace

import numpy as np
import pytest

from edgecls.benchmarks.report import render
from edgecls.benchmarks.selective import SelectiveReport, selective
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.prediction import rank
from tests.benchmarks.test_report_render import FIVE, report, rows

LABELS = ("background", "cat", "dog")
CARD = ModelCard(LABELS, ImageRule(32, 32), threshold=0.5)
PROBABILITIES = np.array(
    [
        [0.1, 0.8, 0.1],  # a cat, and sure of it
        [0.1, 0.4, 0.5],  # a cat taken for a dog, at the threshold
        [0.3, 0.3, 0.4],  # a dog, unsure
        [0.9, 0.1, 0.0],  # a dog taken for the background
        [0.9, 0.1, 0.0],  # background
        [0.2, 0.4, 0.4],  # background, unsure
        [0.2, 0.7, 0.1],  # background taken for a cat
    ],
    np.float32,
)
TRUTH = np.array([1, 1, 2, 2, 0, 0, 0])


def test_without_a_background_class_what_is_below_the_threshold_is_unknown():
    assert selective(PROBABILITIES, TRUTH, CARD) == SelectiveReport(0.5, right=2, wrong=3, unknown=2)


def test_the_background_is_right_without_a_label_and_others_are_unknown():
    found = selective(PROBABILITIES, TRUTH, replace(CARD, background="background"))
    assert found == SelectiveReport(0.5, right=3, wrong=2, unknown=2)
    assert found.coverage == pytest.approx(5 / 7)
    assert found.selective_accuracy == pytest.approx(3 / 5)


@pytest.mark.parametrize("background", [None, "background"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_counts_are_those_of_the_answers_on_a_device(background: str | None, temperature: float):
    card = replace(CARD, temperature=temperature, background=background)
    random = np.random.default_rng(0)
    probabilities = random.dirichlet([1, 1, 1], 300).astype(np.float32)
    truth = random.integers(0, 3, 300)
    found = selective(probabilities, truth, card)
    given = [rank(one, LABELS, 0.5, 1, temperature, background=background).label for one in probabilities]
    wanted = [None if LABELS[index] == background else LABELS[index] for index in truth]
    assert found.right == sum(one == other for one, other in zip(given, wanted, strict=True))
    assert found.unknown == sum(
        one is None and other is not None for one, other in zip(given, wanted, strict=True)
    )
    assert found.right + found.wrong + found.unknown == 300


def test_a_file_without_a_threshold_always_answers():
    assert selective(PROBABILITIES, TRUTH, replace(CARD, threshold=0.0)) is None


def test_where_nothing_is_answered_there_is_no_accuracy():
    found = selective(PROBABILITIES[:2], TRUTH[:2], replace(CARD, threshold=1.0))
    assert (found.coverage, found.selective_accuracy) == (0, None)


def test_the_report_has_a_table_of_the_files_with_a_threshold_that_fits_in_80_columns():
    known = [replace(one, selective=SelectiveReport(0.46, 9421, 70, 509)) for one in FIVE[1:]]
    text = render(report(FIVE[0], *known), 80)
    assert max(len(line) for line in text.splitlines() if line.startswith("|")) <= 80
    assert rows(text)[-4:] == [
        [name, "0.46", "9,421", "70", "509", "94.9", "99.26"]
        for name in ("TFLite", "TFLite int8", "ONNX", "ONNX int8")
    ]
    assert "selective accuracy: " in text
    assert "unknown" not in render(report(*FIVE))
