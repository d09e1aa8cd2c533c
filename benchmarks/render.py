"""A benchmark's report as plain text that a README takes as it is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from os.path import commonprefix
from pathlib import PurePath

from ..edge_runtime.table import table
from .leaks import Leak
from .report import KERAS, BenchReport, FileReport, JsonValue


@dataclass(frozen=True)
class _Column:
    header: str
    figure: str
    format: str
    factor: float = 1.0
    bounds: tuple[str, ...] = ()
    """The figures that are the ends of its interval."""

    def cell(self, figures: dict[str, JsonValue]) -> str:
        value = figures[self.figure]
        if not isinstance(value, int | float):
            return "-"
        text = f"{value * self.factor:{self.format}}"
        ends = [figures[bound] for bound in self.bounds]
        # The farther end, where they differ: nobody is told less uncertainty than there is.
        spread = max((abs(end - value) for end in ends if isinstance(end, int | float)), default=None)
        return text if spread is None else f"{text} ±{spread * self.factor:.2f}"


_COLUMNS = (
    _Column("size kB", "size_bytes", ",.0f", 1e-3),
    _Column("accuracy %", "accuracy", ".2f", 100, ("accuracy_low", "accuracy_high")),
    _Column("vs Keras", "difference_points", "+.2f", 1, ("difference_low_points", "difference_high_points")),
    _Column("p50 ms", "p50_ms", ".3f"),
    _Column("p90 ms", "p90_ms", ".3f"),
    _Column("p99 ms", "p99_ms", ".3f"),
    _Column("cold s", "first_label_s", ".2f"),
    _Column("peak MB", "peak_memory_bytes", ",.0f", 1e-6),
)
_NAME_WIDTH = 16
"""What the figures leave free of 110 columns."""


def render(report: BenchReport) -> str:
    """The machine, the table, what its columns mean, and what a reader must know."""
    labels = _labels(report.files)
    parts = [
        "\n".join(_facts(report)),
        table(
            ["format", *(column.header for column in _COLUMNS)],
            [_cells(label, file.figures) for label, file in zip(labels, report.files, strict=True)],
        ),
        "\n".join(_legend(report)),
        "\n".join(_remarks(report, labels)),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(report: BenchReport) -> Iterator[str]:
    machine, data = report.machine, report.data
    governor = f"governor {machine.governor}" if machine.governor else "governor not known"
    engines = dict.fromkeys(file.load.engine for file in report.files if file.load)
    limited = f" of {data.available:,}" if data.images < data.available else ""
    yield f"machine:  {machine.cpu}, {machine.cores} cores, {governor}, load {machine.load:.2f} before"
    yield f"software: {machine.system}, Python {machine.python}"
    yield f"engines:  {'; '.join(engines)}; threads: {report.settings.threads}"
    yield (
        f"data:     {data.name}, {data.images:,}{limited} test images, {data.height_px}x{data.width_px} px, "
        f"{data.classes} classes"
    )
    yield from (f"apart:    {_apart(leak)}" for leak in report.leaks)


def _apart(leak: Leak) -> str:
    near = f"{len(leak.near):,} nearly equal" if leak.near else "none nearly equal"
    return f"{len(leak.equal) or 'none'} equal to one of {leak.images:,} {leak.split} images, {near}"


def _labels(files: tuple[FileReport, ...]) -> list[str]:
    """The format where one file alone has it, otherwise the file's name."""
    count = Counter(file.format for file in files)
    named = [file.path for file in files if not file.format or count[file.format] > 1]
    names = dict(zip(named, _short_names(named), strict=True))
    return [names.get(file.path, file.format) for file in files]


def _short_names(paths: list[str]) -> list[str]:
    """File names, without the beginning that long ones share; whole paths where names are the same."""
    names = [PurePath(path).name for path in paths]
    if len(set(names)) < len(names):
        return paths
    long = len(names) > 1 and max(map(len, names)) > _NAME_WIDTH
    shared = commonprefix(names) if long else ""  # noqa: RUF071 - characters are meant, not folders
    return [f"…{name[len(shared) :]}" if len(shared) > 1 else name for name in names]


def _cells(label: str, figures: dict[str, JsonValue]) -> tuple[str, ...]:
    return label, *(column.cell(figures) for column in _COLUMNS)


def _legend(report: BenchReport) -> Iterator[str]:
    settings = report.settings
    yield "vs Keras: accuracy minus that of Keras, in points; ±: 95 % interval (Wilson's; exact and paired)."
    yield (
        f"p50, p90, p99: one image at a time, {settings.seconds:g} s a file in {settings.windows} windows "
        "that take turns; nothing trimmed."
    )
    yield (
        f"cold: a new process from its start to the first label of a PNG, median of {settings.cold_starts}; "
        "peak: the most memory it held."
    )
    if any(file.format == KERAS for file in report.files):
        yield "Keras runs as a compiled tf.function, its fastest way for one picture."


def _remarks(report: BenchReport, labels: list[str]) -> Iterator[str]:
    """Warnings about the machine, notes that files share, and errors, one line each."""
    yield from (f"warning: {line}" for line in report.warnings)
    notes: dict[str, list[str]] = {}
    for label, file in zip(labels, report.files, strict=True):
        for note in file.notes:
            notes.setdefault(note, []).append(label)
    yield from (f"note: {', '.join(names)}: {note}" for note, names in notes.items())
    yield from (f"error: {file.error}" for file in report.files if file.error)
