"""A benchmark's report as plain text that a README takes as it is."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os.path import commonprefix
from pathlib import PurePath

from ..edge_runtime.text import table
from .leaks import Leak
from .report import KERAS, BenchReport, FileReport, JsonValue


@dataclass(frozen=True)
class Column:
    """How one figure is shown to people."""

    header: str
    figure: str
    format: str
    factor: float = 1.0
    bounds: tuple[str, ...] = ()
    """The figures that are the ends of its interval."""

    def cell(self, figures: Mapping[str, JsonValue]) -> str:
        """Its text; a hyphen where it was not measured."""
        value = figures[self.figure]
        if not isinstance(value, int | float):
            return "-"
        text = f"{value * self.factor:{self.format}}"
        ends = [figures[bound] for bound in self.bounds]
        # The farther end, where they differ: nobody is told less uncertainty than there is.
        spread = max((abs(end - value) for end in ends if isinstance(end, int | float)), default=None)
        return text if spread is None else f"{text} ±{spread * self.factor:.2f}"


_COLUMNS = (
    Column("size kB", "size_bytes", ",.0f", 1e-3),
    Column("accuracy %", "accuracy", ".2f", 100, ("accuracy_low", "accuracy_high")),
    Column("vs Keras", "difference_points", "+.2f", 1, ("difference_low_points", "difference_high_points")),
    Column("p50 ms", "p50_ms", ".3f"),
    Column("p90 ms", "p90_ms", ".3f"),
    Column("p99 ms", "p99_ms", ".3f"),
    Column("cold s", "first_label_s", ".2f"),
    Column("peak MB", "peak_memory_bytes", ",.0f", 1e-6),
)
_NAME_WIDTH = 16
"""What the figures leave free of 110 columns."""


def render(report: BenchReport) -> str:
    """The machine, the table, what its columns mean, and what a reader must know."""
    labels = file_names(report.files)
    parts = [
        "\n".join(f"{name + ':':9} {fact}" for name, fact in facts(report)),
        table(
            ["format", *(column.header for column in _COLUMNS)],
            [_cells(label, file.figures) for label, file in zip(labels, report.files, strict=True)],
        ),
        "\n".join(_legend(report)),
        "\n".join(_remarks(report, labels)),
    ]
    return "\n\n".join(part for part in parts if part)


def facts(report: BenchReport) -> Iterator[tuple[str, str]]:
    """What was measured on what: a name and a line for each fact."""
    machine, data = report.machine, report.data
    governor = f"governor {machine.governor}" if machine.governor else "governor not known"
    engines = dict.fromkeys(file.load.engine for file in report.files if file.load)
    kind = "pictures" if data.unscored else "test images"
    limited = f" of {data.available:,}" if data.images < data.available else ""
    yield "machine", f"{machine.cpu}, {machine.cores} cores, {governor}, load {machine.load:.2f} before"
    yield "software", f"{machine.system}, Python {machine.python}"
    yield "engines", f"{'; '.join(engines)}; threads: {report.settings.threads}"
    yield (
        "data",
        f"{data.name}, {data.images:,}{limited} {kind}, {data.height_px}x{data.width_px} px, "
        f"{data.classes} classes",
    )
    yield from (("apart", _apart(leak)) for leak in report.leaks)
    yield from ((KERAS, line) for line in _originals(report))
    if report.grouping:
        yield "groups", report.grouping.line


def _originals(report: BenchReport) -> Iterator[str]:
    """What is known of each Keras original; of several, after the files that were made from it."""
    names = file_names(report.files)
    for known in report.references:
        made = [name for name, file in zip(names, report.files, strict=True) if file.reference == known]
        yield known.line if len(report.references) == 1 else f"of {', '.join(made)}: {known.line}"


def _apart(leak: Leak) -> str:
    near = f"{len(leak.near):,} nearly equal" if leak.near else "none nearly equal"
    return f"{len(leak.equal) or 'none'} equal to one of {leak.images:,} {leak.split} images, {near}"


def file_names(files: tuple[FileReport, ...]) -> list[str]:
    """What a reader knows each file by: the format where one file alone has it, otherwise the file's name."""
    count = Counter(file.format for file in files)
    is_named = [not file.format or count[file.format] > 1 for file in files]
    paths = list(dict.fromkeys(file.path for file, named in zip(files, is_named, strict=True) if named))
    names = dict(zip(paths, short_names(paths), strict=True))
    return [
        (names[file.path] + (f", {file.peer}" if file.peer else "")) if named else file.format
        for file, named in zip(files, is_named, strict=True)
    ]


def short_names(paths: list[str]) -> list[str]:
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
    if report.data.unscored:
        yield f"note: accuracy was not measured: {report.data.unscored}"
    if any(file.accuracy and not file.accuracy.interval for file in report.files):
        yield "note: intervals need scipy, which is not installed here"
    yield from (f"note: {line}" for line in notes(report.files, labels))
    yield from (f"error: {file.error}" for file in report.files if file.error)


def notes(files: tuple[FileReport, ...], names: list[str]) -> Iterator[str]:
    """What a reader must know before trusting some of the files, each note once, after those it is about."""
    about: dict[str, list[str]] = {}
    for name, file in zip(names, files, strict=True):
        for note in file.notes:
            about.setdefault(note, []).append(name)
    yield from (f"{', '.join(them)}: {note}" for note, them in about.items())
