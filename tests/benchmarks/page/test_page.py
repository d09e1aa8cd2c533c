"""The report's page, also in a real Chromium."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecls.benchmarks.accuracy import score
from edgecls.benchmarks.file_report import KERAS, ColdStart, FileReport, LatencyReport, LoadReport, Window
from edgecls.benchmarks.leaks import Leak
from edgecls.benchmarks.page.page import check_folder, write_report
from edgecls.benchmarks.report import BenchReport
from edgecls.benchmarks.selective import SelectiveReport
from edgecls.benchmarks.test_images import HeldOut
from edgecls.edge_runtime.errors import UsageError
from tests.benchmarks.test_report import REPORT

EVIL = "<img src=x onerror=alert(1)>"
LABELS = ("cat", EVIL, "dog & co")
TRUTH = np.arange(30) % 3
NARROW = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}


def answers(wrong: tuple[int, ...]) -> np.ndarray:
    best = TRUTH.copy()
    best[list(wrong)] = (best[list(wrong)] + 1) % 3
    return np.where(np.eye(3)[best] == 1, 0.8, 0.1).astype(np.float32)


def file(name: str, format_: str, wrong: tuple[int, ...], p50_us: int) -> FileReport:
    keras = None if format_ == KERAS else answers((0, 1, 2))
    random = np.random.default_rng(p50_us)
    windows = tuple(
        Window(10**6, tuple(int(ns) for ns in random.lognormal(0, 0.2, 200) * p50_us * 1000), 10**7)
        for _ in range(4)
    )
    return FileReport(
        name,
        format_,
        170_000,
        load=LoadReport("litert 2.3.0", 1.5, 0.3),
        accuracy=score(answers(wrong), TRUTH, keras),
        selective=None if format_ == KERAS else SelectiveReport(0.4, 27, 1, 2),
        latency=LatencyReport(windows),
        cold_starts=(ColdStart("cat", 0.2, 80_000_000),),
    )


@pytest.fixture(scope="module")
def tests() -> HeldOut:
    images = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3), np.uint8)
    return HeldOut("shapes", "ab" * 32, LABELS, images, TRUTH, available=30)


@pytest.fixture(scope="module")
def report() -> BenchReport:
    files = (
        file("a.h5", KERAS, (0, 1, 2), 500),
        file("a.tflite", "TFLite", (0, 1, 2), 50),
        file("a_int8.tflite", "TFLite int8", (1, 2, 5, 6), 25),
        FileReport("broken.onnx", "", error="broken.onnx: the file is empty", exit_code=65),
        FileReport(
            "nan.onnx", "ONNX", error="nan.onnx: gave NaN or infinity for 30 of 30 images", exit_code=1
        ),
    )
    return replace(REPORT, files=files, leaks=(Leak("training", 100, (4,), (7, 8)),))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, report, tests) -> Path:
    return write_report(tmp_path_factory.mktemp("page") / "bench", replace(report, tests=tests))


def test_the_folder_holds_the_page_the_plots_and_what_they_are_drawn_from(page: Path):
    names = {path.name for path in page.parent.iterdir()}
    assert {"index.html", "report.json", "report.csv", "scatter.png", "latency.png", "confusion.png"} <= names
    assert json.loads((page.parent / "report.json").read_text())["files"][2]["path"] == "a_int8.tflite"
    for path in page.parent.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_the_page_needs_nothing_else_and_holds_no_foreign_markup(page: Path):
    text = page.read_text()
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "https://" not in text
    assert "<link" not in text
    assert EVIL not in text
    assert "dog &amp; co" in text
    assert "broken.onnx: the file is empty" in text
    assert "gave NaN or infinity for 30 of 30 images" in text


def test_an_earlier_report_is_replaced_and_a_folder_of_other_things_is_not(tmp_path: Path, report, tests):
    folder = tmp_path / "bench"
    write_report(folder, replace(report, tests=tests))
    check_folder(folder)
    write_report(folder, replace(report, files=report.files[:1], tests=tests))
    assert len(json.loads((folder / "report.json").read_text())["files"]) == 1
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").touch()
    with pytest.raises(UsageError, match="holds other files"):
        check_folder(tmp_path / "mine")


@pytest.fixture
def opened(chromium: Any, page: Path) -> Any:
    chromium.get_log("browser")
    chromium.get(page.as_uri())
    yield chromium
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.get("about:blank")


def test_in_a_browser_nothing_fails_and_nothing_is_fetched(opened: Any):
    assert [entry for entry in opened.get_log("browser") if entry["level"] == "SEVERE"] == []
    fetched = "return performance.getEntriesByType('resource').map(r => r.name)"
    assert [name for name in opened.execute_script(fetched) if not name.startswith("data:")] == []
    broken = "return [...document.images].filter(i => i.complete && !i.naturalWidth).length"
    assert opened.execute_script(broken) == 0
    assert opened.execute_script("return document.images.length") > 0


def test_in_a_browser_the_table_shows_the_figures_of_the_json(opened: Any, report: BenchReport):
    shown = opened.execute_script(
        "return [...document.querySelectorAll('.figures')].map(table => [...table.tBodies[0].rows].map(row =>"
        " [row.dataset.path, Object.fromEntries([...row.querySelectorAll('td')]"
        ".map(td => [td.dataset.figure, JSON.parse(td.dataset.value)]))]))"
    )
    every = [file.path for file in report.files]
    assert [[path for path, _ in table] for table in shown] == [every, every[1:3], every[:3]]
    files = {file.path: file for file in report.files}
    for path, cells in (row for table in shown for row in table):
        assert {name: files[path].figures[name] for name in cells} == pytest.approx(cells)


def test_in_a_browser_the_images_that_flipped_are_shown_both_ways(opened: Any):
    text = opened.execute_script(
        "return document.querySelector('.flips[data-path=\"a_int8.tflite\"]').textContent"
    )
    assert "2 lost, 1 gained" in text
    pictures = "return document.querySelectorAll('.flips[data-path=\"a_int8.tflite\"] img').length"
    assert opened.execute_script(pictures) == 3


def test_on_a_usual_screen_no_table_has_to_be_scrolled(opened: Any):
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", NARROW | {"width": 1200, "mobile": False})
    wider = (
        "return [...document.querySelectorAll('.wide-content')].filter(e => e.scrollWidth > e.clientWidth)"
    )
    assert opened.execute_script(f"{wider}.length") == 0


def test_on_a_phone_nothing_is_wider_than_the_screen(opened: Any):
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", NARROW)
    assert opened.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
