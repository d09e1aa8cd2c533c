from dataclasses import replace

import pytest

from edgecls.benchmarks.accuracy import AccuracyReport, PairedReport
from edgecls.benchmarks.file_report import (
    BenchSettings,
    ColdStart,
    DataReport,
    FileReport,
    LatencyReport,
    LoadReport,
    Window,
)
from edgecls.benchmarks.machine import Machine
from edgecls.benchmarks.report import BenchReport, render
from edgecls.data.intervals import Interval

PAIRED = PairedReport(-0.04, Interval(-0.11, 0.04), 0.4, 0.9987, (1,), (2, 3))


def file(path: str, format_: str, **changes: object) -> FileReport:
    measured = FileReport(
        path=path,
        format=format_,
        size_bytes=134_440,
        load=LoadReport("litert 2.3.0", 1, 1),
        accuracy=AccuracyReport(6712, 10_000, Interval(0.6619, 0.6803), paired=PAIRED),
        latency=LatencyReport((Window(0, (21_700, 21_700)),)),
        cold_starts=(ColdStart("cat", 0.213, 55_000_000),),
    )
    return replace(measured, **changes)


def report(*files: FileReport, load: float = 0.1, images: int = 10_000) -> BenchReport:
    return BenchReport(
        created_at="2025-01-02T03:04:05+00:00",
        machine=Machine("AMD EPYC", 2, None, load, "Linux 6.18 x86_64", "3.11.7"),
        data=DataReport("cifar10", "ab" * 32, images, 10_000, 10, 32, 32),
        settings=BenchSettings(),
        files=files,
    )


STEM = "models/image_classification"
FIVE = (
    file(f"{STEM}.h5", "Keras", accuracy=AccuracyReport(6716, 10_000)),
    file(f"{STEM}.tflite", "TFLite"),
    file(f"{STEM}_int8.tflite", "TFLite int8"),
    file(f"{STEM}.onnx", "ONNX"),
    file(f"{STEM}_int8.onnx", "ONNX int8"),
)
BROKEN = FileReport("models/broken.tflite", "", error="models/broken.tflite: the file is empty", exit_code=65)


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def test_every_line_of_the_usual_report_fits_in_110_columns():
    slow = LatencyReport((Window(0, (123_456_000,)),))
    lines = render(report(*FIVE[:4], replace(FIVE[4], latency=slow))).splitlines()
    assert max(map(len, lines)) <= 110


def test_the_figures_stand_under_their_headers_with_the_units_these_name():
    header, _, row = rows(render(report(FIVE[2])))
    assert dict(zip(header, row, strict=True)) == {
        "format": "TFLite int8",
        "size kB": "134",
        "accuracy %": "67.12 (66.2-68.0)",
        "change, pp": "-0.04 ±0.08",
        "p50 ms": "0.022",
        "p90 ms": "0.022",
        "p99 ms": "0.022",
        "cold s": "0.21",
        "peak MB": "55",
    }


def test_what_is_relative_to_keras_is_open_where_there_is_none():
    (row,) = rows(render(report(FIVE[0])))[2:]
    assert row[3] == "-"


def test_files_of_one_format_are_told_apart_by_name():
    text = render(report(file("a/cats.onnx", "ONNX"), file("a/dogs.onnx", "ONNX"), file("a/c.h5", "Keras")))
    assert [row[0] for row in rows(text)[2:]] == ["cats.onnx", "dogs.onnx", "Keras"]


def test_long_names_lose_the_beginning_that_they_share():
    text = render(report(file(f"{STEM}_a.onnx", "ONNX"), file(f"{STEM}_b.onnx", "ONNX")))
    assert [row[0] for row in rows(text)[2:]] == ["…a.onnx", "…b.onnx"]


def test_equal_names_are_told_apart_by_folder():
    text = render(report(file("a/x.onnx", "ONNX"), file("b/x.onnx", "ONNX")))
    assert [row[0] for row in rows(text)[2:]] == ["a/x.onnx", "b/x.onnx"]


def test_a_broken_file_is_a_row_and_a_line_with_its_error():
    text = render(report(*FIVE, BROKEN))
    assert rows(text)[-1] == ["broken.tflite", *["-"] * 8]
    assert "\nerror: models/broken.tflite: the file is empty" in text


def test_the_machine_the_engines_and_the_data_are_named():
    text = render(report(*FIVE))
    assert "AMD EPYC, 2 cores" in text
    assert "Python 3.11.7" in text
    assert "engines:  litert 2.3.0; threads: 1" in text
    assert "cifar10, 10,000 test images, 32x32 px, 10 classes" in text


def test_a_limited_number_of_images_is_said():
    assert "500 of 10,000 test images" in render(report(*FIVE, images=500))


def test_a_busy_machine_is_said():
    assert "\nwarning: the machine was busy" in render(report(*FIVE, load=3))
    assert "warning" not in render(report(*FIVE))


def test_a_note_that_files_share_is_one_line():
    noted = [replace(one, notes=("is stale",)) for one in FIVE[1:3]]
    text = render(report(FIVE[0], *noted))
    assert [line for line in text.splitlines() if "is stale" in line] == [
        "note: TFLite, TFLite int8: is stale"
    ]


@pytest.mark.parametrize(("files", "said"), [(FIVE, True), (FIVE[1:], False)])
def test_how_keras_runs_is_said_where_it_ran(files, said):
    assert ("tf.function" in render(report(*files))) == said
