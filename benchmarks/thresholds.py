"""Limits on a report's figures, for CI: `--fail-under accuracy=0.70 --fail-over p99_ms=5`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..edge_runtime.errors import CheckFailed, UnknownChoice, UsageError
from .file_report import KERAS, FileReport, JsonValue
from .report import BenchReport


@dataclass(frozen=True)
class Threshold:
    """A limit on one figure of every exported file."""

    figure: str
    """A column of the CSV, or another report's name for a figure."""
    bound: float
    side: Literal["under", "over"]
    """On which side of the limit a file fails."""


def parse_threshold(
    text: str, side: Literal["under", "over"], figures: Sequence[str] | None = None
) -> Threshold:
    """Reads `p99_ms=5`; `figures` are those that another report than `BenchReport` has.

    Raises:
        UsageError: not FIGURE=NUMBER, or no figure of that name.
    """
    figure, equals, number = text.partition("=")
    try:
        bound = float(number)
    except ValueError:
        bound = math.nan
    if not equals or not math.isfinite(bound):
        raise UsageError(f"--fail-{side} {text}: not FIGURE=NUMBER; write for example p99_ms=5")
    names = figures or _numeric_figures()
    if figure not in names:
        raise UnknownChoice(
            f"--fail-{side} {text}: no figure {figure!r}; use one of {', '.join(names)}", figure, names
        )
    return Threshold(figure, bound, side)


def parse_thresholds(
    under: Sequence[str], over: Sequence[str], figures: Sequence[str] | None = None
) -> list[Threshold]:
    """Reads the values of `--fail-under` and `--fail-over`; see `parse_threshold`."""
    return [
        *(parse_threshold(text, "under", figures) for text in under),
        *(parse_threshold(text, "over", figures) for text in over),
    ]


def check_thresholds(report: BenchReport, thresholds: Sequence[Threshold]) -> None:
    """Checks the limits for every exported file; none apply to Keras and to other engines.

    Raises:
        CheckFailed: a limit is not met, or a figure was not measured; the message names all of them.
    """
    exported = [file for file in report.files if file.format != KERAS and not file.peer]
    check_figures({file.path: file.figures for file in exported}, thresholds)


def check_figures(figures_of: Mapping[str, Mapping[str, JsonValue]], thresholds: Sequence[Threshold]) -> None:
    """Checks the limits for files whose figures are given by path.

    Raises:
        CheckFailed: a limit is not met, or a figure was not measured; the message names all of them.
    """
    broken = [line for path, figures in figures_of.items() for line in _broken(path, figures, thresholds)]
    if broken:
        raise CheckFailed("; ".join(broken))


def _broken(path: str, figures: Mapping[str, JsonValue], thresholds: Sequence[Threshold]) -> Iterator[str]:
    for threshold in thresholds:
        value = figures[threshold.figure]
        if not isinstance(value, int | float):
            yield f"{path}: {threshold.figure} was not measured"
        elif not math.isfinite(value) or _is_beyond(value, threshold):
            yield f"{path}: {threshold.figure} {value:.6g} is {threshold.side} {threshold.bound:g}"


def _is_beyond(value: float, threshold: Threshold) -> bool:
    return value < threshold.bound if threshold.side == "under" else value > threshold.bound


def _numeric_figures() -> list[str]:
    texts = {"path", "format", "peer", "engine", "error"}
    return [name for name in FileReport("", "").figures if name not in texts]
