"""The report page: one HTML document that loads nothing else, for wide and narrow screens, light and dark."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from ...data.page.charts import Chart, to_png, to_svg
from ...data.page.document import document, doubts, image_figure, plot, section
from ...edge_runtime.errors import OutputFailed, UsageError
from ...edge_runtime.files import check_writable, whole_folder, write_whole
from ...edge_runtime.text import counted
from ..accuracy import Flip
from ..leaks import Leak
from ..machine import MachineState, load_text
from ..report import BenchReport, facts, notes
from ..test_images import HeldOut
from . import class_plots
from .class_plots import recall, side_by_side
from .drawing import MOST_DRAWN, Entry, chosen, entries
from .figures_table import figures_tables, legend
from .plots import latencies, scatter

# Test images that only one of a file and Keras classifies correctly.

MOST_SHOWN = 20
"""Of a file, lost and gained each."""
_MOST_OPEN = 6
"""With more files, their pictures are folded away."""


def flips(files: Sequence[Entry], tests: HeldOut) -> str:
    """A section for each file that was compared with Keras; empty where none was."""
    paired = [entry for entry in files if entry.file.accuracy and entry.file.accuracy.paired]
    is_open = len(paired) <= _MOST_OPEN
    return "".join(_of_file(entry, tests, is_open=is_open) for entry in paired)


def _of_file(entry: Entry, tests: HeldOut, *, is_open: bool) -> str:
    paired = entry.file.accuracy.paired if entry.file.accuracy else None
    found = paired.flips if paired else ()
    lost = [flip for flip in found if flip.is_lost]
    gained = [flip for flip in found if not flip.is_lost]
    name = f"<h3>{escape(entry.name)}</h3>"
    if not found:
        none = "None: it is correct where Keras is, and wrong where Keras is."
        return f"<section>{name}<p>{none}</p></section>"
    return (
        f'<section class="flips" data-path="{escape(entry.file.path)}"><details{" open" if is_open else ""}>'
        f"<summary>{name} {len(lost):,} lost, {len(gained):,} gained</summary>"
        f"{_group('Lost: Keras was correct', lost, tests)}{_group('Gained: Keras was wrong', gained, tests)}"
        "</details></section>"
    )


def _group(title: str, found: Sequence[Flip], tests: HeldOut) -> str:
    if not found:
        return ""
    # Sorted by the probability that Keras gave: the rest are mostly images on which Keras was unsure, too.
    shown = sorted(found, key=lambda flip: -flip.keras_probability)[:MOST_SHOWN]
    rest = f", and {len(found) - len(shown):,} more in report.json" if len(shown) < len(found) else ""
    pictures = "".join(_picture(flip, tests) for flip in shown)
    return f'<h4>{title} ({len(shown)}{rest})</h4><div class="pictures">{pictures}</div>'


def _picture(flip: Flip, tests: HeldOut) -> str:
    truth, keras, answer = (escape(tests.labels[place]) for place in (flip.truth, flip.keras, flip.answer))
    # The answer that is correct is the true class.
    caption = (
        f"<b>{truth}</b><span>{keras} {flip.keras_probability:.0%}</span>"
        f"<span>→ {answer} {flip.probability:.0%}</span>"
    )
    return image_figure(
        tests.images[flip.image], caption, f"test image {flip.image}: {tests.labels[flip.truth]}"
    )


# Test images that are also in another split.

_MOST_SHOWN = 24


def neighbours(leaks: tuple[Leak, ...], tests: HeldOut) -> str:
    """A section for each split that overlaps; empty where none does."""
    return "".join(_of_split(leak, tests) for leak in leaks if leak.equal or leak.near)


def _of_split(leak: Leak, tests: HeldOut) -> str:
    kinds = (("identical to", leak.equal), ("near-duplicates of", leak.near))
    return "".join(
        f"<h3>{len(places):,} {kind} one of {leak.images:,} {escape(leak.split)} images</h3>"
        f'<div class="pictures">{_pictures(places, tests)}</div>{_rest(places)}'
        for kind, places in kinds
        if places
    )


def _pictures(places: tuple[int, ...], tests: HeldOut) -> str:
    return "".join(
        image_figure(tests.images[place], f"<b>{escape(label)}</b>", f"test image {place}: {label}")
        for place in places[:_MOST_SHOWN]
        for label in (tests.labels[tests.truth[place]],)
    )


def _rest(places: tuple[int, ...]) -> str:
    more = len(places) - _MOST_SHOWN
    return f"<p>And {more:,} more in report.json.</p>" if more > 0 else ""


_FOLDER = Path(__file__).parent


def page(report: BenchReport, tests: HeldOut, charts: Sequence[Chart]) -> str:
    """The whole document.

    Args:
        report: what was measured.
        tests: the images that it was measured on.
        charts: those that stand as PNG beside the page, too.
    """
    files = entries(report)
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    title = f"{report.data.name}: {len(files)} {'file' if len(files) == 1 else 'files'} measured"
    return document(
        title,
        "edgecls bench",
        report.created_at,
        _sections(report, files, tests, charts),
        footer=_beside(charts),
        script=script,
    )


def _sections(
    report: BenchReport, files: Sequence[Entry], tests: HeldOut, charts: Sequence[Chart]
) -> Iterator[str]:
    plots = {chart.name: chart for chart in charts}
    drawn = chosen(files)
    some = _some(files, drawn)
    yield _doubts(report, files)
    yield section("measured", "Conditions", "", _facts(report))
    yield section("table", "All files", "", figures_tables(files) + legend(files))
    yield _plot(
        plots, "scatter", "Accuracy, speed and size",
        "Up and to the left is better. The bubble's area is the file's size; vertical bars are the 95 % "
        "interval of the accuracy, horizontal ones the range of the windows' medians.",
    )  # fmt: skip
    yield _plot(
        plots, "latency", "Latency of every inference",
        "The height is the square root of the number of inferences, so that rare slow ones are visible. "
        f"{some}",
    )  # fmt: skip
    if "confusion" in plots:
        yield section(
            "confusion", "Confusion matrix",
            "A row is a true class; its shares sum to 100 %. Colours follow the square root of the share, "
            f"so that rare confusions are visible, on one scale for all files. {some}",
            _panels(drawn, tests),
        )  # fmt: skip
    yield _plot(
        plots, "recall", "Recall by class",
        f"A mark for each file; the classes with the lowest recall of the first file are on top. {some}",
    )  # fmt: skip
    yield section(
        "flips", "Changed answers",
        "Images that Keras classifies correctly and a file does not, or the reverse: the true class, Keras's "
        f"answer and the file's, with their probabilities. At most {MOST_SHOWN} of each kind, sorted by the "
        f"probability that Keras gave. {some}",
        flips(drawn, tests) or "<p>No file was compared with its Keras original.</p>",
    )  # fmt: skip
    shared = neighbours(report.leaks, tests)
    if shared:
        yield section(
            "neighbours", "Overlap of test and training images",
            "Identical images overstate accuracy; near-duplicates do so slightly.", shared,
        )  # fmt: skip


def _doubts(report: BenchReport, files: Sequence[Entry]) -> str:
    lines = [*report.warnings, *notes(report.files, [entry.name for entry in files])]
    return doubts([*lines, *(entry.file.error for entry in files if entry.file.error)])


def _facts(report: BenchReport) -> str:
    settings = report.settings
    rows = [
        *facts(report),
        ("timing", f"one image at a time, {settings.seconds:g} s a file in {settings.windows} windows; files "
         f"take turns; {counted(settings.cold_starts, 'cold start')}"),
        ("before", _state(report.machine.before)),
        ("after", _state(report.after)),
    ]  # fmt: skip
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows if text)
    return f"<dl>{items}</dl>"


def _state(state: MachineState | None) -> str:
    if state is None:
        return ""
    clock = f"{state.clock_mhz:,.0f} MHz" if state.clock_mhz is not None else "clock not known"
    heat = f"{state.temperature_c:.0f} °C" if state.temperature_c is not None else "temperature not known"
    return f"{load_text(state.load)}, {clock}, {heat}" + (", throttled" if state.is_held_down else "")


def _some(files: Sequence[Entry], drawn: Sequence[Entry]) -> str:
    measured = sum(bool(entry.file.accuracy or entry.file.latency) for entry in files)
    if len(drawn) == measured:
        return ""
    return (
        f"Shown are {MOST_DRAWN} of {measured} files: the Keras originals, those that no other beats in both "
        "accuracy and speed, and the first of the others."
    )


def _plot(plots: dict[str, Chart], name: str, title: str, about: str) -> str:
    if name not in plots:
        return ""
    return section(name, title, about, plot(plots[name]))


def _panels(drawn: Sequence[Entry], tests: HeldOut) -> str:
    answered = [entry for entry in drawn if entry.file.accuracy and entry.file.accuracy.confusion]
    figures = (
        f"<figure>{to_svg(chart, class_plots.PANEL_PX)}<figcaption>Most often: "
        f"{escape('; '.join(class_plots.worst(entry, tests.labels)) or 'none')}</figcaption></figure>"
        for chart, entry in zip(class_plots.panels(answered, tests.labels), answered, strict=True)
    )
    return f'<div class="panels">{"".join(figures)}</div>'


def _beside(charts: Sequence[Chart]) -> str:
    names = ["report.json", "report.csv", *(f"{chart.name}.png" for chart in charts)]
    links = ", ".join(f'<a href="{name}">{name}</a>' for name in names)
    return f"Beside this page: {links}. report.json has every sample."


# The folder of a report: the page, its plots, JSON and CSV.

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


def write_report(folder: Path, report: BenchReport) -> Path:
    """Writes the folder, or anew the files of the report that it holds, and gives the path of the page.

    A new folder appears whole or not at all. In an old one each file does, the page last.

    Raises:
        OutputFailed, PermissionRefused: it cannot be written.
    """
    tests = report.tests
    assert tests is not None  # noqa: S101 - a report that was measured has them
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
