"""The report of a sweep as plain text that a README takes as it is."""

from collections.abc import Iterator

from ...edge_runtime.table import table
from ..render import short_names
from .report import SweepKind, SweepLine, SweepPoint, SweepReport

_HEADERS: dict[SweepKind, str] = {"threads": "threads", "batch": "batch", "resolution": "frame"}
_HELPS = 0.95
"""Of the first point's time: more is what chance alone gives."""


def render(report: SweepReport) -> str:
    """The machine, a row for each point, what the figures mean, and what a reader must know."""
    names = line_names(report)
    measured = [(name, line) for name, line in zip(names, report.lines, strict=True) if line.points]
    stages = list(dict.fromkeys(stage for _, line in measured for stage in line.points[0].stages_ms))
    middle = [*stages, "fps"] if stages else ["CPU ms"]
    headers = ["file", _HEADERS[report.kind], "p50 ms", "p99 ms", *middle, "ratio"]
    rows = [_row(name, line, point, stages) for name, line in measured for point in line.points]
    parts = [
        "\n".join(_facts(report)),
        table(headers, rows) if rows else "",
        "\n".join(_legend(report)),
        "\n".join(_findings(report, measured)),
        "\n".join(_remarks(report, names)),
    ]
    return "\n\n".join(part for part in parts if part)


def line_names(report: SweepReport) -> list[str]:
    """What a reader knows each file by: the end of its name, where the beginning is the same for all."""
    ends = [name.lstrip("…._") for name in short_names([line.path for line in report.lines])]
    return ends if all(ends) and len(set(ends)) == len(ends) else [line.path for line in report.lines]


def _facts(report: SweepReport) -> Iterator[str]:
    machine = report.machine
    governor = f"governor {machine.governor}" if machine.governor else "governor not known"
    engines = dict.fromkeys(line.engine for line in report.lines if line.engine)
    threads = "" if report.kind == "threads" else f"; threads: {report.settings.threads}"
    yield f"machine:  {machine.cpu}, {machine.cores} cores, {governor}, load {machine.load:.2f} before"
    yield f"software: {machine.system}, Python {machine.python}"
    yield f"engines:  {'; '.join(engines)}{threads}"
    yield f"pictures: {report.pictures}"


def _row(name: str, line: SweepLine, point: SweepPoint, stages: list[str]) -> list[str]:
    if stages:
        middle = [*(f"{point.stages_ms[stage]:.3f}" for stage in stages), f"{1000 / point.p99_ms:,.0f}"]
    else:
        middle = ["-" if point.cpu_ms is None else f"{point.cpu_ms:.3f}"]
    ratio = f"{point.ratio(line.points[0]):.2f}"
    return [name, point.name, f"{point.p50_ms:.3f}", f"{point.p99_ms:.3f}", *middle, ratio]


def _legend(report: SweepReport) -> Iterator[str]:
    settings = report.settings
    yield (
        f"p50, p99: {settings.seconds:g} s a point in {settings.windows} windows that take turns; nothing "
        "trimmed."
    )
    yield "ratio: p50 to that of the file's first point, median over the rounds."
    match report.kind:
        case "threads":
            yield "One image at a time. CPU: processor time of all threads; more of it is heat and battery."
        case "batch":
            yield "Times are those of one image: a call's, divided by the images in it. Inputs were ready."
        case "resolution":
            yield "From a JPEG in memory to a label, as `edgecls camera` does it; stages are medians."
            yield "fps: frames a second of which 99 in 100 are done in time, 1 / p99."


def _findings(report: SweepReport, measured: list[tuple[str, SweepLine]]) -> Iterator[str]:
    """What the sweep was for, in words."""
    for name, line in measured:
        first, best = line.points[0], line.best
        if report.kind != "resolution" and len(line.points) > 1:
            noun = "threads" if report.kind == "threads" else "images at a time"
            if best.ratio(first) < _HELPS:
                yield f"{name}: best with {best.name} {noun}, {_gain(first, best)}"
            else:
                yield f"{name}: more {noun} did not help"


def _gain(first: SweepPoint, best: SweepPoint) -> str:
    """All three, since one may get better at the cost of the others."""
    figures = [f"p50 {best.ratio(first):.2f}", f"p99 {best.p99_ms / first.p99_ms:.2f}"]
    if first.cpu_ms and best.cpu_ms:
        figures.append(f"CPU {best.cpu_ms / first.cpu_ms:.2f}")
    return f"{', '.join(figures)} times that of one"


def _remarks(report: SweepReport, names: list[str]) -> Iterator[str]:
    yield from (f"warning: {warning}" for warning in report.warnings)
    notes: dict[str, list[str]] = {}
    for name, line in zip(names, report.lines, strict=True):
        if line.note:
            notes.setdefault(line.note, []).append(name)
    yield from (f"note: {', '.join(sharing)}: {note}" for note, sharing in notes.items())
    yield from (f"error: {line.error}" for line in report.lines if line.error)
