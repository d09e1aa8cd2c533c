"""The page itself: one document that fetches nothing, for a desk and a phone, in the light and the dark."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path

from ..held_out import HeldOut
from ..machine import MachineState
from ..render import facts, notes
from ..report import BenchReport
from . import confusion
from .drawing import NARROW_PX, WIDE_PX, Chart, to_svg
from .entry import MOST_DRAWN, Entry, chosen, entries
from .figures_table import figures_table, legend
from .flips import MOST_SHOWN, flips
from .neighbours import neighbours

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
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)} · edgecls bench</title>"
        f"<style>{(_FOLDER / 'page.css').read_text(encoding='utf-8')}</style></head><body>"
        f"<header><h1>{escape(title)}</h1>"
        f"<p>edgecls bench {escape(version('edgecls'))}, {escape(report.created_at)}</p></header>"
        f"<main>{''.join(_sections(report, files, tests, charts))}</main>{_footer(charts)}"
        f"<script>{script}</script></body></html>\n"
    )


def _policy(script: str) -> str:
    """Nothing may be fetched, and no other script than ours runs, whatever a label holds."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _sections(
    report: BenchReport, files: Sequence[Entry], tests: HeldOut, charts: Sequence[Chart]
) -> Iterator[str]:
    plots = {chart.name: chart for chart in charts}
    drawn = chosen(files)
    some = _some(files, drawn)
    yield _doubts(report, files)
    yield _section("measured", "What was measured", "", _facts(report))
    yield _section("table", "All files", "", figures_table(files) + legend(files))
    yield _plot(
        plots, "scatter", "Accuracy, speed and size",
        "Up and to the left is better. The bubble's area is the file's size; upright bars are the 95 % "
        "interval of the accuracy, flat ones reach from the fastest to the slowest window's median.",
    )  # fmt: skip
    yield _plot(
        plots, "latency", "Every single inference",
        "The height is the number of inferences that took so long, as a square root, so that a rare slow "
        f"one is seen too. {some}",
    )  # fmt: skip
    if "confusion" in plots:
        yield _section(
            "confusion", "What is taken for what",
            "A row is a true class, and its shares, in %, sum to 100. Colours are the same for all files and "
            f"go by the square root, so that rare confusions are seen too. {some}",
            _panels(drawn, tests),
        )  # fmt: skip
    yield _plot(
        plots, "recall", "Which classes are recognised",
        f"A mark for each file; classes that the first one recognises worst stand on top. {some}",
    )  # fmt: skip
    yield _section(
        "flips", "Images that flipped",
        "What Keras has right and a file wrong, or the other way round: the truth, Keras's answer, and then "
        f"the file's, each with its probability. At most {MOST_SHOWN} each way, those first where Keras was "
        f"surest. {some}",
        flips(drawn, tests) or "<p>No file was compared with the original that it was exported from.</p>",
    )  # fmt: skip
    shared = neighbours(report.leaks, tests)
    if shared:
        yield _section(
            "neighbours", "Test images that training has seen, or nearly",
            "Equal ones make accuracy seem better than it is; so do nearly equal ones, a little.", shared,
        )  # fmt: skip


def _section(name: str, title: str, about: str, content: str) -> str:
    about = f'<p class="about">{about}</p>' if about else ""
    return f'<section id="{name}"><h2>{title}</h2>{about}{content}</section>'


def _doubts(report: BenchReport, files: Sequence[Entry]) -> str:
    lines = [*report.warnings, *notes(report.files, [entry.name for entry in files])]
    lines += [entry.file.error for entry in files if entry.file.error]
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<section class="doubts"><h2>Before you trust these figures</h2><ul>{items}</ul></section>'


def _facts(report: BenchReport) -> str:
    settings = report.settings
    rows = [
        *facts(report),
        ("timing", f"one image at a time, {settings.seconds:g} s a file in {settings.windows} windows that "
         f"take turns with the other files'; {settings.cold_starts} cold starts"),
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
    return f"load {state.load:.2f}, {clock}, {heat}" + (", clock held down" if state.is_held_down else "")


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
    chart = plots[name]
    return _section(name, title, about, to_svg(chart, WIDE_PX, "wide") + to_svg(chart, NARROW_PX, "narrow"))


def _panels(drawn: Sequence[Entry], tests: HeldOut) -> str:
    answered = [entry for entry in drawn if entry.file.accuracy and entry.file.accuracy.confusion]
    figures = (
        f"<figure>{to_svg(chart, confusion.PANEL_PX)}<figcaption>Most often: "
        f"{escape('; '.join(confusion.worst(entry, tests.labels)) or 'none')}</figcaption></figure>"
        for chart, entry in zip(confusion.panels(answered, tests.labels), answered, strict=True)
    )
    return f'<div class="panels">{"".join(figures)}</div>'


def _footer(charts: Sequence[Chart]) -> str:
    names = ["report.json", "report.csv", *(f"{chart.name}.png" for chart in charts)]
    links = ", ".join(f'<a href="{name}">{name}</a>' for name in names)
    return f"<footer><p>Beside this page: {links}. report.json holds every sample.</p></footer>"
