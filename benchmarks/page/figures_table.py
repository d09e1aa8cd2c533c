"""The table of the page: a row for each file, a column for each figure, and what each figure means."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from ..file_report import KERAS
from ..report import Column
from .drawing import Entry

_MINUS, _DASH = "\N{MINUS SIGN}", "\N{EN DASH}"


@dataclass(frozen=True)
class _PageColumn(Column):
    meaning: str = ""


_ACCURACY, _DIFFERENCE = (
    ("accuracy_low", "accuracy_high"),
    ("difference_low_points", "difference_high_points"),
)
_COLUMNS = (
    _PageColumn("size kB", "size_bytes", ",.0f", 1e-3, meaning="The file, in thousands of bytes."),
    _PageColumn(
        "accuracy %", "accuracy", ".2f", 100, _ACCURACY,
        meaning="Correctly classified test images, with the 95 % interval (Wilson).",
    ),
    _PageColumn(
        "accuracy change", "difference_points", "+.2f", 1, _DIFFERENCE,
        meaning="From Keras, on the same images, in percentage points, with its exact 95 % interval.",
    ),
    _PageColumn(
        "p", "mcnemar_p", ".3f",
        meaning="McNemar's exact p: the probability that lost and gained differ so much by chance.",
    ),
    _PageColumn("agree %", "agreement", ".2f", 100, meaning="The share of images with Keras's best label."),
    _PageColumn("lost", "lost", ",.0f", meaning="Images that Keras alone classifies correctly."),
    _PageColumn("gained", "gained", ",.0f", meaning="Images that this file alone classifies correctly."),
    _PageColumn(
        "p50 ms", "p50_ms", ".3f",
        meaning="One image at a time: the median of the windows' medians. Half of all images take longer.",
    ),
    _PageColumn("p90 ms", "p90_ms", ".3f", meaning="One image in ten took longer."),
    _PageColumn("p99 ms", "p99_ms", ".3f", meaning="One image in a hundred took longer."),
    _PageColumn("CPU ms", "cpu_ms", ".3f", meaning="Processor time for one image, of all threads together."),
    _PageColumn("load ms", "load_ms", ".1f", meaning="Opening the file, after all imports."),
    _PageColumn("first ms", "first_inference_ms", ".2f", meaning="The first image after that."),
    _PageColumn(
        "cold s", "first_label_s", ".2f",
        meaning="A new process from its start to the first label of a PNG, imports included; the median.",
    ),
    _PageColumn("peak MB", "peak_memory_bytes", ",.0f", 1e-6, meaning="The most memory that it held."),
    _PageColumn("loss", "loss", ".4f", meaning="Mean cross-entropy, in nats."),
    _PageColumn(
        "calibration %", "calibration_error", ".2f", 100,
        meaning="Expected calibration error: the mean gap between confidence and accuracy.",
    ),
)  # fmt: skip


def figures_table(files: Sequence[Entry]) -> str:
    """The table, which a script lets the reader sort."""
    heads = "".join(f'<th scope="col"><button>{column.header}</button></th>' for column in _COLUMNS)
    rows = "".join(_row(entry) for entry in files)
    return (
        '<div class="wide-content" tabindex="0" role="region" aria-label="figures"><table id="figures">'
        f'<thead><tr><th scope="col"><button>file</button></th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def legend(files: Sequence[Entry]) -> str:
    """A sentence on each figure."""
    items = "".join(f"<dt>{column.header}</dt><dd>{escape(column.meaning)}</dd>" for column in _COLUMNS)
    keras = (
        "<dt>Keras</dt><dd>Runs as a compiled tf.function, which is its fastest for one image.</dd>"
        if any(entry.file.format == KERAS for entry in files)
        else ""
    )
    return f"<details><summary>What the figures mean</summary><dl>{items}{keras}</dl></details>"


def _row(entry: Entry) -> str:
    error = f'<p class="error">{escape(entry.file.error)}</p>' if entry.file.error else ""
    name = f"{escape(entry.name)}<span>{escape(entry.file.path)}</span>{error}"
    return (
        f'<tr data-path="{escape(entry.file.path)}" data-peer="{escape(entry.file.peer)}">'
        f'<th scope="row" data-value="{escape(json.dumps(entry.name))}">{name}</th>'
        f"{''.join(_cells(entry))}</tr>"
    )


def _cells(entry: Entry) -> Iterator[str]:
    for column in _COLUMNS:
        value = json.dumps(entry.file.figures[column.figure])
        sign = _MINUS if value != "null" else _DASH
        text = column.cell(entry.file.figures)
        text = sign + text[1:] if text.startswith("-") else text.replace("-", _DASH)
        yield f'<td data-figure="{column.figure}" data-value="{value}">{text}</td>'
