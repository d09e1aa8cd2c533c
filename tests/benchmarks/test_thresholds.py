from dataclasses import replace

import pytest

from edgecls.benchmarks.accuracy import AccuracyReport
from edgecls.benchmarks.file_report import FileReport, LatencyReport, Window
from edgecls.benchmarks.report import BenchReport
from edgecls.benchmarks.thresholds import Threshold, check_figures, check_thresholds, parse_threshold
from edgecls.edge_runtime.errors import CheckFailed, UsageError

from .test_report import REPORT

FAST = FileReport(
    "fast.tflite", "TFLite", accuracy=AccuracyReport(70, 100), latency=LatencyReport((Window(0, (10**6,)),))
)
BLIND = replace(FAST, path="blind.onnx", format="ONNX", accuracy=AccuracyReport(10, 100))
KERAS = replace(FAST, path="a.h5", format="Keras", latency=LatencyReport((Window(0, (10**9,)),)))


def report(*files: FileReport) -> BenchReport:
    return replace(REPORT, files=files)


def test_a_threshold_is_a_figure_and_a_number():
    assert parse_threshold("accuracy=0.70", "under") == Threshold("accuracy", 0.7, "under")


@pytest.mark.parametrize("text", ["accuracy", "accuracy=", "accuracy=much", "accuracy=nan", "=3"])
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match="--fail-under"):
        parse_threshold(text, "under")


def test_an_unknown_figure_names_the_known_ones():
    with pytest.raises(UsageError, match=r"no figure 'p98_ms'; use one of .*p99_ms"):
        parse_threshold("p98_ms=5", "over")


def test_a_bound_that_is_met_exactly_holds():
    check_thresholds(report(FAST), [Threshold("accuracy", 0.7, "under"), Threshold("p99_ms", 1.0, "over")])


def test_every_file_that_breaks_a_bound_is_named_with_its_figure():
    with pytest.raises(CheckFailed) as refused:
        check_thresholds(report(FAST, BLIND), [Threshold("accuracy", 0.6, "under")])
    assert str(refused.value) == "blind.onnx: accuracy 0.1 is under 0.6"
    assert refused.value.exit_code == 1


def test_a_figure_that_was_not_measured_does_not_pass():
    broken = FileReport("broken.onnx", "", error="broken.onnx: the file is empty", exit_code=65)
    with pytest.raises(CheckFailed, match=r"broken\.onnx: p99_ms was not measured"):
        check_thresholds(report(FAST, broken), [Threshold("p99_ms", 5.0, "over")])


def test_keras_is_the_measure_and_has_no_bound():
    check_thresholds(report(FAST, KERAS), [Threshold("p99_ms", 5.0, "over")])


def test_another_report_has_its_own_figures():
    drop = parse_threshold("jpeg_drop_points=3", "over", ["jpeg_drop_points"])
    with pytest.raises(UsageError, match=r"no figure 'p99_ms'; use one of jpeg_drop_points"):
        parse_threshold("p99_ms=3", "over", ["jpeg_drop_points"])
    check_figures({"a.onnx": {"jpeg_drop_points": 2.0}}, [drop])
    with pytest.raises(CheckFailed, match=r"b\.onnx: jpeg_drop_points 3\.5 is over 3"):
        check_figures({"a.onnx": {"jpeg_drop_points": 2.0}, "b.onnx": {"jpeg_drop_points": 3.5}}, [drop])
