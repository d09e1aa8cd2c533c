"""The tables of the page: a row for each file, a column for each figure, and what each figure means.

Each subject has its own table: all figures in one would be wider than most screens.
"""

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
_ACCURACIES = (
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
    _PageColumn("loss", "loss", ".4f", meaning="Mean cross-entropy, in nats."),
    _PageColumn(
        "calibration %", "calibration_error", ".2f", 100,
        meaning="Expected calibration error: the mean gap between confidence and accuracy.",
    ),
)  # fmt: skip
_WITH_THRESHOLD = (
    _PageColumn(
        "threshold", "threshold", ".2f",
        meaning='Of the model card: the probability of the best class below which the answer is "unknown".',
    ),
    _PageColumn(
        "right", "right", ",.0f",
        meaning="Test images with the right label; those of a background class are right without any.",
    ),
    _PageColumn("wrong", "wrong", ",.0f", meaning="Test images with a wrong label."),
    _PageColumn("unknown", "unknown", ",.0f", meaning="Test images of the other classes that get no label."),
    _PageColumn(
        "coverage %", "coverage", ".1f", 100, meaning="The share of test images that are right or wrong.",
    ),
    _PageColumn(
        "selective accuracy %", "selective_accuracy", ".2f", 100,
        meaning="Of the images that are right or wrong, the share that are right.",
    ),
)  # fmt: skip
_TIMES = (
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
)  # fmt: skip


def figures_tables(files: Sequence[Entry]) -> str:
    """The tables, which a script lets the reader sort."""
    return "".join(_table(*of) for of in _subjects(files))


def legend(files: Sequence[Entry]) -> str:
    """A sentence on each figure."""
    columns = [column for _, columns, _ in _subjects(files) for column in columns]
    items = "".join(f"<dt>{column.header}</dt><dd>{escape(column.meaning)}</dd>" for column in columns)
    keras = (
        "<dt>Keras</dt><dd>Runs as a compiled tf.function, which is its fastest for one image.</dd>"
        if any(entry.file.format == KERAS for entry in files)
        else ""
    )
    return f"<details><summary>What the figures mean</summary><dl>{items}{keras}</dl></details>"


def _subjects(files: Sequence[Entry]) -> Iterator[tuple[str, Sequence[_PageColumn], Sequence[Entry]]]:
    """Yields what a table is about, its columns and its files."""
    yield "Size and accuracy", _ACCURACIES, files
    with_threshold = [entry for entry in files if entry.file.selective]
    if with_threshold:
        yield "Answers with the threshold", _WITH_THRESHOLD, with_threshold
    yield "Time and memory", _TIMES, [entry for entry in files if entry.file.load]


def _table(title: str, columns: Sequence[_PageColumn], files: Sequence[Entry]) -> str:
    heads = "".join(f'<th scope="col"><button>{column.header}</button></th>' for column in columns)
    rows = "".join(_row(entry, columns) for entry in files)
    return (
        f'<h3>{title}</h3><div class="wide-content" tabindex="0" role="region" aria-label="{title}">'
        f'<table class="figures"><thead><tr><th scope="col"><button>file</button></th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(entry: Entry, columns: Sequence[_PageColumn]) -> str:
    error = f'<p class="error">{escape(entry.file.error)}</p>' if entry.file.error else ""
    name = f"{escape(entry.name)}<span>{escape(entry.file.path)}</span>{error}"
    return (
        f'<tr data-path="{escape(entry.file.path)}" data-peer="{escape(entry.file.peer)}">'
        f'<th scope="row" data-value="{escape(json.dumps(entry.name))}">{name}</th>'
        f"{''.join(_cells(entry, columns))}</tr>"
    )


def _cells(entry: Entry, columns: Sequence[_PageColumn]) -> Iterator[str]:
    for column in columns:
        value = json.dumps(entry.file.figures[column.figure])
        sign = _MINUS if value != "null" else _DASH
        text = column.cell(entry.file.figures)
        text = sign + text[1:] if text.startswith("-") else text.replace("-", _DASH)
        yield f'<td data-figure="{column.figure}" data-value="{value}">{text}</td>'
