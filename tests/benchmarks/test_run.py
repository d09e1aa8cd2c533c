import hashlib
import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.benchmarks.file_report import BenchSettings, FileReport, Window
from edgecls.benchmarks.measure import Subject, compare_with_keras, measure_files
from edgecls.benchmarks.run import check_measured
from edgecls.benchmarks.side_by_side import time_files
from edgecls.edge_runtime.errors import CheckFailed, MissingInput
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard, Provenance, Quantisation
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat
from tests.colours import DATA_SHA256, LABELS

QUICK = BenchSettings(seconds=0.06, windows=3, cold_starts=1)
NAN = float("nan")


def test_every_figure_of_a_healthy_file_is_there(colour_model, colours):
    blind = colour_model("blind.onnx", gains=(1, 1, 0))  # never says blue
    seeing, blind = measure_files([colour_model("seeing.onnx"), blind], colours, QUICK).files
    assert seeing.error is None
    assert (seeing.accuracy.correct, blind.accuracy.correct) == (30, 20)
    relative_to_keras = {
        "peer",
        "difference_points",
        "difference_low_points",
        "difference_high_points",
        "mcnemar_p",
        "agreement",
        "gained",
        "lost",
    }
    of_a_threshold = {"threshold", "right", "wrong", "unknown", "coverage", "selective_accuracy"}
    missing = {name for name, value in seeing.figures.items() if value is None}
    assert missing == relative_to_keras | of_a_threshold | {"error"}
    assert seeing.size_bytes == Path(seeing.path).stat().st_size
    assert len(seeing.latency.windows) == 3
    assert len(seeing.cold_starts) == 1


def test_files_take_turns_and_the_order_alternates(colour_model, colours):
    steps: list[str] = []
    paths = [colour_model(f"{name}.onnx") for name in "abc"]
    measure_files(paths, colours, QUICK, steps.append)
    turns = [step.split(", ")[1][0] for step in steps if step.startswith("timing")]
    assert "".join(turns) == "cbaabccba"
    last_window = max(index for index, step in enumerate(steps) if step.startswith("timing"))
    first_cold = min(index for index, step in enumerate(steps) if step.startswith("cold"))
    assert last_window < first_cold


def test_broken_files_are_rows_with_their_errors(colour_model, colours, tmp_path):
    page = tmp_path / "page.tflite"
    page.write_text("<html>")
    flipped = bytearray(colour_model("flipped.onnx").read_bytes())
    flipped[60] ^= 1
    (tmp_path / "flipped.onnx").write_bytes(flipped)
    paths = [page, tmp_path / "flipped.onnx", colour_model("fine.onnx")]
    page, flipped, fine = measure_files(paths, colours, QUICK).files
    assert "not a TFLite, ONNX or HDF5 file" in page.error
    assert "does not match its own checksum" in flipped.error
    assert (page.exit_code, flipped.exit_code, fine.exit_code) == (65, 65, 0)
    assert fine.accuracy.accuracy == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": ("red", "blue", "green")}, r"its labels \(red, blue, green\) are not those of colours"),
        ({"labels": ("cat", "dog", "cow")}, r"its labels \(cat, dog, cow\) are not those"),
        ({"side_px": 16}, "takes 16x16 px, the test images are prepared as 8x8 px"),
    ],
)
def test_a_file_for_other_pictures_or_labels_is_never_scored(colour_model, colours, changes, reason):
    (file,) = measure_files([colour_model(**changes)], colours, QUICK).files
    assert file.accuracy is None
    assert re.search(reason, file.error)


def test_nan_is_a_check_that_does_not_hold(colour_model, colours):
    (file,) = measure_files([colour_model(gains=(NAN, 1, 1))], colours, QUICK).files
    assert "gave NaN or infinity for 30 of 30 images" in file.error
    assert file.exit_code == 1
    assert file.accuracy is None


def test_a_process_that_dies_takes_nobody_with_it(colour_model, colours):
    psutil = pytest.importorskip("psutil")

    def kill(step: str) -> None:
        if step == "timing: window 2 of 3, doomed.onnx":
            for child in psutil.Process().children():
                if any(argument.endswith("doomed.onnx") for argument in child.cmdline()):
                    os.kill(child.pid, signal.SIGKILL)

    doomed, fine = measure_files(
        [colour_model("doomed.onnx"), colour_model("fine.onnx")], colours, QUICK, kill
    ).files
    assert "was ended by SIGKILL" in doomed.error
    assert len(doomed.latency.windows) == 1
    assert fine.error is None
    assert len(fine.latency.windows) == 3


def test_an_interruption_leaves_no_process_behind(colour_model, colours):
    psutil = pytest.importorskip("psutil")

    def interrupt(step: str) -> None:
        if step.startswith("timing"):
            raise KeyboardInterrupt

    before = set(psutil.Process().children())
    with pytest.raises(KeyboardInterrupt) as held:  # its traceback keeps what nobody closes alive
        measure_files([colour_model("a.onnx"), colour_model("b.onnx")], colours, QUICK, interrupt)
    assert set(psutil.Process().children()) <= before
    del held


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
    return Subject(path, model=model, probabilities=probabilities, windows=[Window(1, (1,) * 100)])


@pytest.fixture
def keras(colours):
    answers = colours.truth.copy()
    answers[:3] = 1  # three of thirty wrong
    return subject(answers, ModelFormat.H5)


def test_accuracy_difference_and_agreement_are_those_of_the_same_images(colours, keras):
    answers = colours.truth.copy()
    answers[:6] = [1, 1, 2, 1, 1, 1]  # six wrong; on image 2 and on 3, 4, 5 another label than Keras's
    original, exported = compare_with_keras([keras, subject(answers)], colours)
    assert exported.accuracy.accuracy == pytest.approx(24 / 30)
    assert exported.accuracy.paired.difference_points == pytest.approx(-10)
    assert exported.accuracy.paired.agreement == pytest.approx(26 / 30)
    assert original.accuracy.accuracy == pytest.approx(27 / 30)
    assert original.accuracy.paired is None


def test_a_file_of_other_weights_is_not_compared_with_this_keras(colours, keras):
    _, stale = compare_with_keras([keras, subject(colours.truth, weights=b"older weights")], colours)
    assert stale.accuracy.accuracy == 1
    assert stale.accuracy.paired is None
    assert "not exported from the .h5 measured here" in stale.notes[0]


def test_without_keras_only_what_is_relative_to_it_is_open(colours):
    (alone,) = compare_with_keras([subject(colours.truth)], colours)
    assert alone.accuracy.accuracy == 1
    assert alone.accuracy.paired is None
    assert alone.notes == ()


def test_answers_by_chance_or_none_at_all_are_worth_nothing(colours):
    def useless(truth, **changes) -> str:
        measured = subject(truth)
        measured.model = replace(measured.model, card=replace(measured.model.card, **changes))
        return compare_with_keras([measured], colours)[0].useless

    assert useless(colours.truth) == ""
    assert useless(colours.truth, threshold=1.0) == 'it answers little but "unknown"'
    assert useless(colours.truth * 0).startswith("every test image is taken for ")


def test_a_bench_without_any_exported_file_fails(colours):
    keras = FileReport("m.h5", "Keras")
    failed = FileReport("m.onnx", "ONNX", error="m.onnx: its labels differ", exit_code=65)
    check_measured([keras, failed, FileReport("n.onnx", "ONNX")])
    with pytest.raises(CheckFailed, match=r"no exported file could be measured: m\.onnx: its labels"):
        check_measured([keras, failed])


def test_a_keras_that_failed_is_no_reference(colours):
    failed = subject(None, ModelFormat.H5)
    _, exported = compare_with_keras([failed, subject(colours.truth)], colours)
    assert exported.accuracy.paired is None


def test_other_training_data_is_noted(colours):
    other = subject(colours.truth, data_sha256="f" * 64)
    (report,) = compare_with_keras([other], colours)
    assert "was trained on another split or version of colours" in report.notes[0]
    (report,) = compare_with_keras([other], replace(colours, name="flowers"))
    assert "was trained on other data (colours) than these test images are from (flowers)" in report.notes[0]


def test_a_p99_of_few_inferences_is_noted(colours):
    measured = subject(colours.truth)
    measured.windows = [Window(1, (1,) * 50), Window(1, (1,) * 49)]
    (report,) = compare_with_keras([measured], colours)
    assert "is based on 99 inferences" in report.notes[0]


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
    (report,) = compare_with_keras([subject(colours.truth, format_, quantisation=quantisation)], colours)
    assert report.format == text


def test_an_error_keeps_what_was_measured_before_it(colours):
    failed = subject(colours.truth)
    failed.error = CheckFailed("it broke")
    (report,) = compare_with_keras([failed], colours)
    assert (report.error, report.exit_code) == ("it broke", 1)
    assert report.accuracy.accuracy == 1


def test_a_file_that_became_slower_is_noted(colours):
    slowing = subject(colours.truth)
    slowing.windows = [Window(1, (ms * 1000,) * 100) for ms in (10, 10, 20, 20)]
    (report,) = compare_with_keras([slowing], colours)
    assert "was 2.00 times as slow in the second half" in report.notes[0]


QUICKEST = BenchSettings(seconds=0.002, windows=2)


def test_files_are_timed_and_one_that_fails_takes_no_other_with_it(tiny, tmp_path):
    paths = [*tiny.files, tmp_path / "none.tflite"]
    times = time_files(paths, QUICKEST)
    assert list(times.latencies) == list(tiny.files)
    assert all(len(latency.windows) == 2 for latency in times.latencies.values())
    assert [type(error) for error in times.errors.values()] == [MissingInput]
