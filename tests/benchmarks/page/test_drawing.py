from dataclasses import replace

from edgecls.benchmarks.accuracy import AccuracyReport
from edgecls.benchmarks.file_report import KERAS, FileReport, LatencyReport, Window
from edgecls.benchmarks.page import drawing
from tests.benchmarks.test_report import REPORT


def file(name: str, correct: int, p50_us: int, format_: str = "ONNX", peer: str = "") -> FileReport:
    latency = LatencyReport((Window(1, (p50_us * 1000,)),))
    return FileReport(name, format_, accuracy=AccuracyReport(correct, 100), latency=latency, peer=peer)


def names(*files: FileReport, most: int = 12) -> list[str]:
    return [one.file.path for one in drawing.chosen(drawing.entries(replace(REPORT, files=files)), most)]


def test_where_there_is_room_all_that_was_measured_is_drawn():
    broken = FileReport("broken", "", error="broken: the file is empty")
    assert names(file("a", 90, 5), broken, file("b", 80, 9)) == ["a", "b"]


def test_keras_and_the_files_that_no_other_beats_come_first():
    files = [file(f"slow{number}", 50, 100) for number in range(5)]
    files += [file("accurate", 90, 50), file("fast", 80, 10), file("keras", 85, 900, KERAS)]
    assert names(*files, most=4) == ["slow0", "accurate", "fast", "keras"]


def test_files_that_were_only_timed_are_drawn_too():
    timed = replace(file("timed", 0, 5), accuracy=None)
    assert names(timed) == ["timed"]
    (alone,) = drawing.entries(replace(REPORT, files=(timed,)))
    assert not alone.is_measured


def test_colours_tell_formats_and_other_engines_apart():
    files = (
        file("a", 1, 1, KERAS),
        file("b", 1, 1, "TFLite int8"),
        file("c", 1, 1),
        file("d", 1, 1, peer="X"),
    )
    colours = [one.colour for one in drawing.entries(replace(REPORT, files=files))]
    assert colours == [drawing.GREY, drawing.RED, drawing.BLUE, drawing.GREEN]
