"""The report of a benchmark: all files side by side, as a table, as JSON and as CSV."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from os.path import commonprefix
from pathlib import PurePath

from ..data.intervals import percentage
from ..edge_runtime.text_table import Heading, table
from . import selective
from .file_report import (
    KERAS,
    BenchSettings,
    DataReport,
    FileReport,
    JsonValue,
    KerasReference,
)
from .leaks import Leak
from .machine import Machine, MachineState, load_text, report_json
from .test_images import HeldOut
from .turns import Grouping

SCHEMA_VERSION = 1
"""Of the JSON. Raised when an older reader would misread it; new fields do not raise it."""


@dataclass(frozen=True)
class BenchReport:
    """All files, measured side by side on one machine."""

    created_at: str
    """ISO 8601, with its offset from UTC."""
    machine: Machine
    """Before the first measurement."""
    data: DataReport
    settings: BenchSettings
    files: tuple[FileReport, ...]
    after: MachineState | None = None
    """After the last measurement."""
    leaks: tuple[Leak, ...] = ()
    """Overlap of the test images with the other splits; empty where it was not looked for."""
    grouping: Grouping | None = None
    """None where all files took turns together."""
    tests: HeldOut | None = field(default=None, repr=False, compare=False)
    """The images themselves, for a page; not part of the JSON."""

    @property
    def text(self) -> str:
        """The machine, a table with its legend, and warnings, as text."""
        return render(self)

    @property
    def references(self) -> tuple[KerasReference, ...]:
        """The Keras originals that were not measured in this run, each once."""
        known = [file.reference for file in self.files if file.reference]
        return tuple({reference.weights_sha256: reference for reference in known}.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the figures may be unreliable, one line each."""
        heat = self.after.warnings if self.after else ()
        drift = (self.grouping.warning,) if self.grouping and self.grouping.warning else ()
        leaks = (*self.data.warnings, *(leak.warning for leak in self.leaks if leak.equal))
        return (*self.machine.warnings, *heat, *drift, *leaks)

    def to_json(self) -> str:
        """One line of JSON with every figure and every sample."""
        values = {
            "created_at": self.created_at,
            "machine": asdict(self.machine),
            "after": self.after and asdict(self.after),
            "data": asdict(self.data),
            "settings": asdict(self.settings),
            "leaks": [asdict(leak) for leak in self.leaks],
            "grouping": self.grouping and asdict(self.grouping),
            "files": [file.to_json() for file in self.files],
        }
        return report_json(SCHEMA_VERSION, values)

    def to_csv(self) -> str:
        """The figures with a header line, one line for each file."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.files[0].figures, lineterminator="\n")
        writer.writeheader()
        writer.writerows(file.figures for file in self.files)
        return text.getvalue()


TOLERANCE_POINTS = 0.5
"""Of accuracy, that a faster file may lose."""


def choose(report: BenchReport) -> tuple[FileReport, str] | None:
    """The fastest exported file that is nearly as accurate as Keras, and why in words; None without any.

    Where Keras was not measured, or no file comes near it, the most accurate file is the measure. A file
    whose answers are worth nothing is never chosen.
    """
    keras = [file for file in _measured(report) if file.format == KERAS]
    exported = [file for file in _measured(report) if file.format != KERAS and not file.useless]
    for measure, name in ((keras, "Keras"), (exported, "the most accurate file")):
        least = max(map(_accuracy, measure), default=2.0) - TOLERANCE_POINTS / 100
        near = [file for file in exported if _accuracy(file) >= least]
        if near:
            fastest = min(near, key=lambda file: file.latency.p50_ms if file.latency else 0.0)
            return fastest, f"the fastest within {TOLERANCE_POINTS} points of {name}"
    return None


def why_train_again(report: BenchReport) -> str:
    """Why the next step is to train again: no exported file's answers are worth anything; else empty."""
    answering = [file for file in report.files if file.latency and not (file.error or file.peer)]
    reasons = [file.useless for file in answering if file.format != KERAS]
    return reasons[0] if reasons and all(reasons) else ""


def _measured(report: BenchReport) -> list[FileReport]:
    return [file for file in report.files if file.accuracy and file.latency and not (file.error or file.peer)]


def _accuracy(file: FileReport) -> float:
    return file.accuracy.accuracy if file.accuracy else 0.0


# The report as text.


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    header: str
    figure: str
    format: str
    factor: float = 1.0
    bounds: tuple[str, ...] = ()
    """The figures of the interval's two ends."""
    priority: int = 0
    """Where a table is too wide, the column of the lowest priority goes first."""

    def cell(self, figures: Mapping[str, JsonValue]) -> str:
        """Its text; a hyphen where it was not measured."""
        value = figures[self.figure]
        if not isinstance(value, int | float):
            return "-"
        if self.figure == "accuracy":
            return percentage(value, *(figures[bound] for bound in self.bounds))
        text = f"{value * self.factor:{self.format}}"
        ends = [figures[bound] for bound in self.bounds]
        # The larger side of the interval, so that no uncertainty is understated.
        spread = max((abs(end - value) for end in ends if isinstance(end, int | float)), default=None)
        return text if spread is None else f"{text} ±{spread * self.factor:.2f}"


_COLUMNS = (
    Column("size kB", "size_bytes", ",.0f", 1e-3, priority=5),
    Column("accuracy %", "accuracy", ".2f", 100, ("accuracy_low", "accuracy_high"), priority=7),
    Column(
        *("change, pp", "difference_points", "+.2f"),
        bounds=("difference_low_points", "difference_high_points"),
        priority=6,
    ),
    Column("p50 ms", "p50_ms", ".3f", priority=8),
    Column("p90 ms", "p90_ms", ".3f", priority=1),
    Column("p99 ms", "p99_ms", ".3f", priority=4),
    Column("cold s", "first_label_s", ".2f", priority=2),
    Column("peak MB", "peak_memory_bytes", ",.0f", 1e-6, priority=3),
)
_NAME_WIDTH = 16
"""What the figures leave free of 110 columns."""


def render(report: BenchReport, width: int | None = None) -> str:
    """The machine, a table of this width with its legend, and warnings."""
    labels = file_names(report.files)
    parts = [
        "\n".join(f"{name + ':':9} {fact}" for name, fact in facts(report)),
        table(
            [
                Heading("format", 9, keeps_words=True),
                *(Heading(column.header, column.priority) for column in _COLUMNS),
            ],
            [_cells(label, file.figures) for label, file in zip(labels, report.files, strict=True)],
            width,
        ),
        "\n".join(_legend(report)),
        _with_threshold(report, labels, width),
        "\n".join(_remarks(report, labels)),
    ]
    return "\n\n".join(part for part in parts if part)


def _with_threshold(report: BenchReport, labels: list[str], width: int | None) -> str:
    """The table of the files that may answer "unknown"; empty where none may."""
    rows = [
        (label, *selective.cells(file.selective))
        for label, file in zip(labels, report.files, strict=True)
        if file.selective
    ]
    if not rows:
        return ""
    name = Heading("format", 0, keeps_words=True)
    return f"{table([name, *selective.HEADINGS], rows, width)}\n\n{selective.EXPLAINED}"


def facts(report: BenchReport) -> Iterator[tuple[str, str]]:
    """The conditions of the measurement: a name and a line each."""
    machine, data = report.machine, report.data
    governor = f"governor {machine.governor}" if machine.governor else "governor not known"
    engines = dict.fromkeys(file.load.engine for file in report.files if file.load)
    kind = "pictures" if data.unscored else "test images"
    limited = f" of {data.available:,}" if data.images < data.available else ""
    yield "machine", f"{machine.cpu}, {machine.cores} cores, {governor}, {load_text(machine.load)} before"
    yield "software", f"{machine.system}, Python {machine.python}"
    yield "engines", f"{'; '.join(engines)}; threads: {report.settings.threads}"
    yield (
        "data",
        f"{data.name}, {data.images:,}{limited} {kind}, {data.height_px}x{data.width_px} px, "
        f"{_classes(data)}",
    )
    yield from (("overlap", _overlap(leak)) for leak in report.leaks)
    yield from ((KERAS, line) for line in _originals(report))
    if report.grouping:
        yield "groups", report.grouping.line


def _classes(data: DataReport) -> str:
    if data.unscored:
        return "classes not known"
    shown = data.classes_shown
    return (
        f"{shown} of {data.classes} classes" if shown and shown < data.classes else f"{data.classes} classes"
    )


def _originals(report: BenchReport) -> Iterator[str]:
    """What is known of Keras originals that were not measured; of several, with the files made from each."""
    names = file_names(report.files)
    for known in report.references:
        made = [name for name, file in zip(names, report.files, strict=True) if file.reference == known]
        yield known.line if len(report.references) == 1 else f"of {', '.join(made)}: {known.line}"


def _overlap(leak: Leak) -> str:
    near = f"{len(leak.near):,} near-duplicate{'' if len(leak.near) == 1 else 's'}"
    return f"with {leak.images:,} {leak.split} images: {len(leak.equal):,} identical, {near}"


def file_names(files: tuple[FileReport, ...]) -> list[str]:
    """A name for each file: its format where no other file has it, otherwise the file's name."""
    count = Counter(file.format for file in files)
    is_named = [not file.format or count[file.format] > 1 for file in files]
    paths = list(dict.fromkeys(file.path for file, named in zip(files, is_named, strict=True) if named))
    names = dict(zip(paths, short_names(paths), strict=True))
    return [
        (names[file.path] + (f", {file.peer}" if file.peer else "")) if named else file.format
        for file, named in zip(files, is_named, strict=True)
    ]


def short_names(paths: list[str]) -> list[str]:
    """File names, without a long common beginning; whole paths where names are the same."""
    names = [PurePath(path).name for path in paths]
    if len(set(names)) < len(names):
        return paths
    long = len(names) > 1 and max(map(len, names)) > _NAME_WIDTH
    shared = commonprefix(names) if long else ""  # noqa: RUF071 - characters are meant, not folders
    return [f"…{name[len(shared) :]}" if len(shared) > 1 else name for name in names]


def _cells(label: str, figures: dict[str, JsonValue]) -> tuple[str, ...]:
    return label, *(column.cell(figures) for column in _COLUMNS)


def _starts(count: int) -> str:
    return "once" if count == 1 else f"median of {count}"


def _legend(report: BenchReport) -> Iterator[str]:
    settings = report.settings
    yield "accuracy %: of the test images, with its 95 % interval (Wilson)."
    yield "change: of the accuracy from Keras, in percentage points, ± its 95 % interval (exact and paired)."
    yield (
        f"p50, p90, p99: one image at a time, {settings.seconds:g} s a file in {settings.windows} windows; "
        "files take turns, all samples are kept."
    )
    yield (
        f"cold: from the start of a new process to the first label, {_starts(settings.cold_starts)}. "
        "peak: the most memory it held."
    )
    if any(file.format == KERAS for file in report.files):
        yield "Keras runs as a compiled tf.function, which is its fastest for one image."


def _remarks(report: BenchReport, labels: list[str]) -> Iterator[str]:
    """Warnings, notes and errors, one line each."""
    yield from (f"warning: {line}" for line in report.warnings)
    if report.data.unscored:
        yield f"note: accuracy was not measured: {report.data.unscored}"
    if any(file.accuracy and not file.accuracy.interval for file in report.files):
        yield "note: intervals need scipy, which is not installed here"
    yield from (f"note: {line}" for line in notes(report.files, labels))
    yield from (f"error: {line}" for line in errors(report.files))


def errors(files: tuple[FileReport, ...]) -> list[str]:
    """The errors of files; one that several have comes once, after their names."""
    about: dict[str, list[FileReport]] = {}
    for file in files:
        if file.error:
            about.setdefault(file.error.removeprefix(f"{file.path}: "), []).append(file)
    return [
        f"{', '.join(file.path for file in them)}: {_of_several(what)}"
        if len(them) > 1
        else str(them[0].error)
        for what, them in about.items()
    ]


def notes(files: tuple[FileReport, ...], names: list[str]) -> Iterator[str]:
    """Notes about files, each note once, after the names of the files."""
    about: dict[str, list[str]] = {}
    for name, file in zip(names, files, strict=True):
        for note in file.notes:
            about.setdefault(note, []).append(name)
    for note, them in about.items():
        yield f"{', '.join(them)}: {_of_several(note) if len(them) > 1 else note}"


def _of_several(text: str) -> str:
    """What is said of one file, such as `was trained ...`, said of several."""
    verb, _, rest = text.partition(" ")
    plural = {"was": "were", "its": "their"}.get(verb, verb)
    return f"{plural} {rest.replace('; bench it ', '; bench each ')}"
