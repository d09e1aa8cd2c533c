import pytest
from edgecls.benchmarks.accuracy import AccuracyReport
from edgecls.benchmarks.choice import choose
from edgecls.benchmarks.machine import Machine
from edgecls.benchmarks.report import (
    BenchReport,
    DataReport,
    FileReport,
    LatencyReport,
    Settings,
    Window,
)


def file(format_: str, correct: int, latency_ns: int, error: str | None = None) -> FileReport:
    return FileReport(
        path=f"{format_}.file",
        format=format_,
        accuracy=AccuracyReport(correct, 1000),
        latency=LatencyReport((Window(0, (latency_ns,)),)),
        error=error,
    )


def report(*files: FileReport) -> BenchReport:
    data = DataReport("d", "", 1000, 1000, 2, 8, 8)
    return BenchReport("", Machine("", 1, None, 0, "", ""), data, Settings(), files)


KERAS = file("Keras", 900, 500)


@pytest.mark.parametrize(
    ("files", "best", "why"),
    [
        ((KERAS, file("TFLite", 900, 50), file("ONNX", 895, 40)), "ONNX", "within 0.5 points of Keras"),
        ((KERAS, file("TFLite", 900, 50), file("ONNX", 894, 40)), "TFLite", "within 0.5 points of Keras"),
        ((file("TFLite", 900, 50), file("ONNX", 895, 40)), "ONNX", "of the most accurate file"),
        ((KERAS, file("TFLite", 700, 50), file("ONNX", 600, 4)), "TFLite", "of the most accurate file"),
        ((KERAS, file("TFLite", 900, 50), file("ONNX", 900, 4, "it died")), "TFLite", "of Keras"),
    ],
)
def test_the_fastest_of_the_accurate_files_is_chosen(files, best, why):
    chosen = choose(report(*files))
    assert chosen is not None
    assert chosen[0].format == best
    assert why in chosen[1]


def test_keras_alone_is_no_choice():
    assert choose(report(KERAS)) is None
