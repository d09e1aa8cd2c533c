"""What a device without Keras knows of the original: real files, and a report as a workstation writes it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from edgecls.benchmarks.conclude import conclude
from edgecls.benchmarks.find_reference import Baseline, baseline_references, card_reference
from edgecls.benchmarks.render import render
from edgecls.benchmarks.report import BenchReport
from edgecls.edge_runtime.card import Provenance
from edgecls.edge_runtime.model_file import ModelFormat

from .conftest import DATA_SHA256
from .test_conclude import subject
from .test_report import REPORT

CARD = Provenance("ab" * 32, "colours", DATA_SHA256, accuracy=0.9, split="test", images=30)


@pytest.fixture
def workstation(colours):
    """Keras with three of thirty wrong, as a report of a workstation has it."""
    answers = colours.truth.copy()
    answers[:3] = 1
    keras = subject(answers, ModelFormat.H5)
    report = replace(REPORT, data=colours.report, files=conclude([keras], colours))
    return Baseline("workstation.json", json.loads(report.to_json()))


def on_device(colours, baseline, answers=None, **changes) -> BenchReport:
    measured = subject(colours.truth if answers is None else answers, **changes)
    return replace(REPORT, data=colours.report, files=conclude([measured], colours, baseline))


def test_a_baseline_of_the_same_images_is_paired_one_by_one(colours, workstation):
    answers = colours.truth.copy()
    answers[2:5] = 2  # right where Keras is wrong twice, wrong where it is right twice, both wrong once
    (file,) = on_device(colours, workstation, answers).files
    assert file.accuracy.paired.gained == (0, 1)
    assert file.accuracy.paired.lost == (3, 4)
    assert file.accuracy.paired.agreement == pytest.approx(25 / 30)
    assert file.difference_points == 0


def test_the_report_says_whose_figures_they_are(colours, workstation):
    report = on_device(colours, workstation)
    line = next(line for line in render(report).splitlines() if line.startswith("Keras:"))
    assert "not measured here; accuracy 90.00% of 30 test images" in line
    assert "from workstation.json (CPU, 2025-01-02T03:04:05+00:00); the same test images, paired" in line
    assert json.loads(report.to_json())["files"][0]["reference"]["source"] == "workstation.json"


def test_of_several_originals_each_is_named_by_the_files_that_were_made_from_it(colours, workstation):
    (one,) = on_device(colours, workstation).files
    other = replace(one, path="edge.onnx", reference=replace(one.reference, weights_sha256="cd" * 32))
    report = replace(REPORT, data=colours.report, files=(replace(one, path="nano.onnx"), other))
    lines = [line for line in render(report).splitlines() if line.startswith("Keras:")]
    assert [line.split(": not measured")[0].split()[1:] for line in lines] == [
        ["of", "nano.onnx"],
        ["of", "edge.onnx"],
    ]


def test_a_baseline_of_other_images_gives_no_difference(colours, workstation):
    fewer = colours.limited(20, seed=0)
    (file,) = on_device(fewer, workstation).files
    assert file.accuracy.accuracy == 1
    assert file.difference_points is None
    assert "no difference is worked out" in file.reference.line


def test_a_baseline_without_this_original_is_told_and_the_card_is_taken(colours, workstation):
    (file,) = on_device(colours, workstation, weights=b"others").files
    assert file.difference_points is None
    assert "is not in the baseline" in file.notes[0]


def test_a_baseline_from_before_there_were_answers_is_no_pair(colours, workstation):
    del workstation.document["files"][0]["answers"]
    (reference,) = baseline_references(workstation, colours).values()
    assert reference.is_same_question
    assert reference.probabilities is None
    (file,) = on_device(colours, workstation).files
    assert file.difference_points == pytest.approx(10)
    assert file.accuracy.paired is None


def test_damaged_answers_are_no_answers(colours, workstation):
    workstation.document["files"][0]["answers"]["labels"] = "AAAA"
    (reference,) = baseline_references(workstation, colours).values()
    assert reference.probabilities is None


def test_a_card_tells_the_accuracy_on_the_whole_test_split(colours):
    reference = card_reference(CARD, colours)
    assert (reference.accuracy, reference.images, reference.is_same_question) == (0.9, 30, True)
    assert "not image by image: differences have no interval" in reference.line


@pytest.mark.parametrize(
    "changes", [{"data_sha256": "cd" * 32}, {"split": "val"}, {"images": 31}], ids=["data", "split", "images"]
)
def test_a_card_about_other_images_gives_no_difference(colours, changes):
    assert not card_reference(replace(CARD, **changes), colours).is_same_question


def test_a_card_is_not_compared_with_a_part_of_its_images(colours):
    assert not card_reference(CARD, colours.limited(15, seed=0)).is_same_question


def test_a_card_that_says_nothing_is_no_reference(colours):
    assert card_reference(replace(CARD, accuracy=None), colours) is None


def test_keras_that_was_measured_here_comes_first(colours, workstation):
    keras = subject(np.zeros(30, int), ModelFormat.H5)
    _, exported = conclude([keras, subject(colours.truth)], colours, workstation)
    assert exported.reference is None
    assert exported.accuracy.paired.difference_points == pytest.approx(100 * 20 / 30)
