import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edgecls.benchmarks.conclude import conclude
from edgecls.benchmarks.measure import Subject
from edgecls.benchmarks.report import Window
from edgecls.edge_runtime.card import ModelCard, Provenance, Quantisation
from edgecls.edge_runtime.errors import CheckFailed
from edgecls.edge_runtime.image import ImageRule
from edgecls.edge_runtime.model_file import ModelFile, ModelFormat

from .conftest import DATA_SHA256, LABELS

ORIGINAL = b"the bytes of an .h5"
"""Nothing here looks into a file: these tests are about what answers mean."""


def subject(
    answers: np.ndarray | None,
    format_: ModelFormat = ModelFormat.ONNX,
    weights: bytes = ORIGINAL,
    data_sha256: str = DATA_SHA256,
    quantisation: Quantisation | None = None,
) -> Subject:
    provenance = Provenance(
        weights_sha256="" if format_ is ModelFormat.H5 else hashlib.sha256(weights).hexdigest(),
        data="colours",
        data_sha256=data_sha256,
    )
    card = ModelCard(LABELS, ImageRule(8, 8), provenance=provenance, quantisation=quantisation)
    path = Path(f"a.{format_}")
    model = ModelFile(path, format_, weights, card)
    probabilities = None if answers is None else np.eye(3, dtype=np.float32)[answers]
    return Subject(path, model, probabilities=probabilities, windows=[Window(1, (1,) * 100)])


@pytest.fixture
def keras(colours):
    answers = colours.truth.copy()
    answers[:3] = 1  # three of thirty wrong
    return subject(answers, ModelFormat.H5)


def test_accuracy_difference_and_agreement_are_those_of_the_same_images(colours, keras):
    answers = colours.truth.copy()
    answers[:6] = [1, 1, 2, 1, 1, 1]  # six wrong; on image 2 and on 3, 4, 5 another label than Keras's
    original, exported = conclude([keras, subject(answers)], colours)
    assert exported.accuracy.accuracy == pytest.approx(24 / 30)
    assert exported.accuracy.paired.difference_points == pytest.approx(-10)
    assert exported.accuracy.paired.agreement == pytest.approx(26 / 30)
    assert original.accuracy.accuracy == pytest.approx(27 / 30)
    assert original.accuracy.paired is None


def test_a_file_of_other_weights_is_not_compared_with_this_keras(colours, keras):
    _, stale = conclude([keras, subject(colours.truth, weights=b"older weights")], colours)
    assert stale.accuracy.accuracy == 1
    assert stale.accuracy.paired is None
    assert "not exported from the .h5 measured here" in stale.notes[0]


def test_without_keras_only_what_is_relative_to_it_is_open(colours):
    (alone,) = conclude([subject(colours.truth)], colours)
    assert alone.accuracy.accuracy == 1
    assert alone.accuracy.paired is None
    assert alone.notes == ()


def test_a_keras_that_failed_is_no_reference(colours):
    failed = subject(None, ModelFormat.H5)
    _, exported = conclude([failed, subject(colours.truth)], colours)
    assert exported.accuracy.paired is None


def test_other_training_data_is_noted(colours):
    other = subject(colours.truth, data_sha256="f" * 64)
    (report,) = conclude([other], colours)
    assert "was trained on another split or version of colours" in report.notes[0]
    (report,) = conclude([other], replace(colours, name="flowers"))
    assert "was trained on other data (colours) than these test images are from (flowers)" in report.notes[0]


def test_a_p99_of_few_inferences_is_noted(colours):
    measured = subject(colours.truth)
    measured.windows = [Window(1, (1,) * 50), Window(1, (1,) * 49)]
    (report,) = conclude([measured], colours)
    assert "rests on 99 inferences" in report.notes[0]


@pytest.mark.parametrize(
    ("format_", "scheme", "text"),
    [
        (ModelFormat.H5, None, "Keras"),
        (ModelFormat.TFLITE, None, "TFLite"),
        (ModelFormat.TFLITE, "int8", "TFLite int8"),
        (ModelFormat.ONNX, "int8", "ONNX int8"),
    ],
)
def test_formats_are_named_for_people(colours, format_, scheme, text):
    quantisation = Quantisation(scheme, 1, "") if scheme else None
    (report,) = conclude([subject(colours.truth, format_, quantisation=quantisation)], colours)
    assert report.format == text


def test_an_error_keeps_what_was_measured_before_it(colours):
    failed = subject(colours.truth)
    failed.error = CheckFailed("it broke")
    (report,) = conclude([failed], colours)
    assert (report.error, report.exit_code) == ("it broke", 1)
    assert report.accuracy.accuracy == 1


def test_a_file_that_became_slower_is_noted(colours):
    slowing = subject(colours.truth)
    slowing.windows = [Window(1, (ms * 1000,) * 100) for ms in (10, 10, 20, 20)]
    (report,) = conclude([slowing], colours)
    assert "was 2.00 times as slow in the second half" in report.notes[0]
