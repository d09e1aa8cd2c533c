from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.benchmarks.file_report import BenchSettings
from edgecls.benchmarks.measure import measure_files
from edgecls.benchmarks.report import render
from edgecls.benchmarks.turns import AT_ONCE, Grouping, grouped, places_of
from tests.benchmarks.test_report import REPORT

QUICKEST = BenchSettings(seconds=0.002, windows=1, cold_starts=0)


def test_later_groups_leave_a_place_for_the_reference():
    groups = grouped("abcdefgh", lambda _: 1, reserved=1, at_once=4)
    assert list(map("".join, groups)) == ["abcd", "efg", "h"]
    assert list(grouped("abcd", lambda _: 1, at_once=4)) == [list("abcd")]


def test_keras_takes_more_room_and_nothing_is_left_out_for_its_size():
    names = ["a.h5", "b.h5", "c.onnx", "d.onnx", "e.h5"]
    groups = grouped(map(Path, names), places_of, at_once=5)
    assert [[path.name for path in group] for group in groups] == [
        ["a.h5"],
        ["b.h5", "c.onnx"],
        ["d.onnx", "e.h5"],
    ]
    assert list(grouped([9, 9], lambda places: places, at_once=5)) == [[9], [9]]


def test_drift_between_groups_is_a_warning():
    steady = Grouping(2, 16, "a.onnx", (1.0, 1.05))
    drifting = replace(steady, p50_ms=(1.0, 1.4))
    assert steady.warning == ""
    assert "speed changed by 40% between groups" in drifting.warning
    assert "warning: the machine's speed changed" in render(replace(REPORT, grouping=drifting))


def test_more_files_than_live_at_once_are_measured_and_a_broken_one_is_a_row(colour_model, colours):
    psutil = pytest.importorskip("psutil")
    # What other tests of this process keep for the whole session (a broker, a resource tracker) is no file's.
    before = set(psutil.Process().children())
    alive: list[int] = []
    paths = [colour_model(f"{number:02}.onnx") for number in range(AT_ONCE + 4)]
    paths[2].write_text("<html>")
    paths[AT_ONCE + 1].write_bytes(b"")
    report = measure_files(
        paths, colours, QUICKEST, lambda _: alive.append(len(set(psutil.Process().children()) - before))
    )
    assert 1 < max(alive) <= AT_ONCE
    broken = [number for number, file in enumerate(report.files) if file.error]
    assert broken == [2, AT_ONCE + 1]
    assert all(file.accuracy.correct == 30 for file in report.files if not file.error)
    assert len(report.grouping.p50_ms) == 2
    assert "2 groups of at most 16 files; 00.onnx was timed in each" in render(report)


@pytest.mark.slow
def test_a_hundred_files_need_no_more_than_a_few(colour_model, colours):
    psutil = pytest.importorskip("psutil")
    paths = [colour_model(f"{number:02}.onnx") for number in range(100)]
    paths[50].write_text("<html>")
    files_open: list[int] = []
    report = measure_files(paths, colours, QUICKEST, lambda _: files_open.append(psutil.Process().num_fds()))
    assert [file.path for file in report.files] == list(map(str, paths))
    assert [file.path for file in report.files if file.error] == [str(paths[50])]
    assert max(files_open) < files_open[0] + 4 * AT_ONCE
