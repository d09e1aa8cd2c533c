import re
from dataclasses import replace

import numpy as np
import pytest

from edgecls.benchmarks.accuracy import score
from edgecls.benchmarks.file_report import FileReport, LatencyReport, Window
from edgecls.benchmarks.page.class_plots import panels, recall, worst
from edgecls.benchmarks.page.drawing import Entry, entries
from edgecls.benchmarks.page.plots import latencies, scatter
from edgecls.data.page.charts import NARROW_PX, WIDE_PX, to_png, to_svg
from tests.benchmarks.test_report import REPORT


def measured(classes: int, files: int = 2) -> tuple[Entry, ...]:
    """Files that take a third of the first class for the second."""
    truth = np.repeat(np.arange(classes), 3)
    best = truth.copy()
    best[0] = 1
    accuracy = score(np.eye(classes, dtype=np.float32)[best], truth, None)
    latency = LatencyReport(tuple(Window(1, (place * 10_000, 9_000_000)) for place in (3, 4)))
    made = [
        FileReport(f"{place}.onnx", "ONNX", 1000 + place, accuracy=accuracy, latency=latency)
        for place in range(files)
    ]
    return entries(replace(REPORT, files=tuple(made)))


def labels(classes: int) -> list[str]:
    return [f"class {place} & $co_{{x$" for place in range(classes)]


def charts(files: tuple[Entry, ...], classes: int):
    named = labels(classes)
    return [scatter(files), latencies(files), recall(files, named), *panels(files, named)]


@pytest.mark.parametrize("classes", [2, 12, 24, 25, 100])
def test_every_chart_is_drawn_for_few_classes_and_for_many(classes):
    for chart in charts(measured(classes), classes):
        assert to_svg(chart, NARROW_PX).count("<svg") == 1


@pytest.mark.parametrize("width", [WIDE_PX, NARROW_PX])
def test_no_text_is_smaller_than_nine_pixels(width):
    drawn = "".join(to_svg(chart, width) for chart in charts(measured(10), 10))
    sizes = [float(size) for size in re.findall(r"font(?:-size)?: (?:bold )?([\d.]+)px", drawn)]
    assert len(sizes) > 50
    assert min(sizes) >= 9


def test_colours_are_those_of_the_page_and_labels_stay_text():
    drawn = to_svg(panels(measured(3), labels(3))[0], NARROW_PX)
    assert "var(--ink)" in to_svg(scatter(measured(3)), WIDE_PX)
    assert "class 0 &amp;" in drawn
    assert "<metadata" not in drawn


def test_a_chart_of_nothing_is_none():
    broken = entries(replace(REPORT, files=(FileReport("a.onnx", "", error="a.onnx: empty"),)))
    assert (scatter(broken), latencies(broken), recall(broken, ["a"])) == (None, None, None)
    assert panels(broken, ["a"]) == []


def test_a_hundred_files_leave_the_scatter_readable_as_a_picture():
    assert to_png(scatter(measured(2, files=100))).startswith(b"\x89PNG")


def test_the_worst_confusions_are_told_in_words():
    assert worst(measured(3)[0], ("cat", "dog", "cow")) == ["cat as dog 33%"]
