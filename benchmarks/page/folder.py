"""The folder of a report: the page, its plots, and what they are drawn from."""

from pathlib import Path

from ...edge_runtime.errors import OutputFailed, UsageError
from ...edge_runtime.files import check_writable, whole_folder, write_whole
from ..held_out import HeldOut
from ..report import BenchReport
from .confusion import side_by_side
from .drawing import Chart, to_png
from .entry import chosen, entries
from .latencies import latencies
from .page import page
from .recall import recall
from .scatter import scatter

PAGE = "index.html"
_JSON = "report.json"
_PLOTS = ("scatter", "latency", "confusion", "recall")


def check_folder(folder: Path) -> None:
    """Finds out, before long work, whether a report can be written there.

    Raises:
        UsageError: the folder holds other things than a report.
        OutputFailed, PermissionRefused: see `write_whole`.
    """
    if not folder.exists():
        check_writable(folder)
        return
    check_writable(folder / PAGE)
    if any(folder.iterdir()) and not ((folder / PAGE).exists() and (folder / _JSON).exists()):
        raise UsageError(
            f"--report {folder}: holds other files; name a new folder, or one of an earlier report"
        )


def write_report(folder: Path, report: BenchReport, tests: HeldOut) -> Path:
    """Writes the folder, or anew the files of the report that it holds, and gives the path of the page.

    A new folder appears whole or not at all. In an old one each file does, the page last.

    Raises:
        OutputFailed, PermissionRefused: it cannot be written.
    """
    charts = _charts(report, tests)
    contents: dict[str, bytes | str] = {f"{chart.name}.png": to_png(chart) for chart in charts}
    contents |= {_JSON: report.to_json(), "report.csv": report.to_csv(), PAGE: page(report, tests, charts)}
    if not folder.exists():
        with whole_folder(folder) as beside:
            _write(beside, contents)
    else:
        _write(folder, contents)
        _remove_older(folder, [f"{name}.png" for name in _PLOTS if f"{name}.png" not in contents])
    return folder / PAGE


def _charts(report: BenchReport, tests: HeldOut) -> list[Chart]:
    """Those for which enough was measured."""
    files = entries(report)
    drawn = chosen(files)
    charts = (
        scatter(files),
        latencies(drawn),
        side_by_side(drawn, tests.labels),
        recall(drawn, tests.labels),
    )
    return [chart for chart in charts if chart]


def _write(folder: Path, contents: dict[str, bytes | str]) -> None:
    for name, content in contents.items():
        write_whole(folder / name, content)


def _remove_older(folder: Path, names: list[str]) -> None:
    """A plot of an earlier report beside this one would be taken for one of its own."""
    for name in names:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise OutputFailed(f"cannot remove {folder / name}: {error}; remove it yourself") from error
