"""An earlier report: what has changed since, and its figures of Keras where Keras cannot run here."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any

import numpy as np

from ..edge_runtime.errors import BadData
from ..edge_runtime.files import REPORT_BYTES, read_whole
from ..edge_runtime.models.card import Provenance
from ..edge_runtime.schema import Length, Range, Raw, checked, parse_json
from ..edge_runtime.text_table import Heading, table
from .file_report import CARD, KERAS, Answers, KerasReference, to_probabilities
from .report import SCHEMA_VERSION, BenchReport
from .test_images import HeldOut


@dataclass(frozen=True)
class _ChangeColumn:
    header: str
    figure: str
    format: str
    factor: float = 1.0
    in_points: bool = False
    """The change is a difference, and not a ratio."""
    priority: int = 0
    """See `Heading`."""


_COLUMNS = (
    _ChangeColumn("size kB", "size_bytes", ",.0f", 1e-3, priority=4),
    _ChangeColumn("accuracy %", "accuracy", ".2f", 100, in_points=True, priority=5),
    _ChangeColumn("p50 ms", "p50_ms", ".3f", priority=6),
    _ChangeColumn("p99 ms", "p99_ms", ".3f", priority=3),
    _ChangeColumn("cold s", "first_label_s", ".2f", priority=1),
    _ChangeColumn("peak MB", "peak_memory_bytes", ",.0f", 1e-6, priority=2),
)

_PERCENTS = {"p50_ms": 50, "p99_ms": 99}

FileFigures = Mapping[str, Any]
"""One file of a report's JSON."""


@dataclass(frozen=True)
class EarlierReport:
    """The JSON that `edgecls bench --json` wrote, perhaps on another machine."""

    path: str
    document: Mapping[str, Any]


def read_earlier(path: Path) -> EarlierReport:
    """The JSON that an earlier `bench --json` wrote.

    Raises:
        MissingInput, PermissionRefused: it cannot be read.
        BadData: it is something else, or too new for this version.
    """
    try:
        document = parse_json(read_whole(path, REPORT_BYTES))
        schema = checked(_Schema, document).schema
        if schema <= SCHEMA_VERSION:
            checked(_Document, document)
    except ValueError as error:
        why = f"not a report: {error}"
        raise BadData(f"{path}: {why}; name a file that `edgecls bench --json` wrote") from error
    if schema > SCHEMA_VERSION:
        raise BadData(f"{path}: written by a newer edgecls (schema {schema}); upgrade this one")
    return EarlierReport(str(path), document)


# What is read of such a report: the schema that it is checked against.

_Figure = Annotated[float, Range(0)]


@dataclass(frozen=True)
class _Schema:
    schema: Annotated[int, Range(0)]


@dataclass(frozen=True)
class _Window:
    samples_ns: Annotated[tuple[_Figure, ...], Length(1)]


@dataclass(frozen=True)
class _ColdStart:
    first_label_s: _Figure | None = None
    peak_memory_bytes: _Figure | None = None


@dataclass(frozen=True)
class _File:
    path: Annotated[str, Raw]
    format: str
    peer: str | None = None
    sha256: str | None = None
    size_bytes: _Figure | None = None
    accuracy: _Figure | None = None
    accuracy_low: _Figure | None = None
    accuracy_high: _Figure | None = None
    p50_ms: _Figure | None = None
    p99_ms: _Figure | None = None
    first_label_s: _Figure | None = None
    peak_memory_bytes: _Figure | None = None
    windows: tuple[_Window, ...] = ()
    cold_starts: tuple[_ColdStart, ...] = ()


@dataclass(frozen=True)
class _Machine:
    cpu: str
    load: _Figure | None = None
    cores: _Figure = 1


@dataclass(frozen=True)
class _Data:
    sha256: str
    name: Annotated[str, Raw] | None = None
    images: Annotated[int, Range(0)] | None = None


@dataclass(frozen=True)
class _Document:
    created_at: str
    machine: _Machine
    data: _Data
    files: tuple[_File, ...]


def render_changes(earlier: EarlierReport, report: BenchReport, width: int | None = None) -> str:
    """A table of each file's figures with their changes, and notes on what does not compare."""
    now = json.loads(report.to_json())
    document = earlier.document
    before = {_key(file): file for file in document["files"]}
    if not any(_key(file) in before for file in now["files"]):
        return f"compared with {earlier.path}: it has none of these files"
    rows = [
        (_key(file), *(_cell(column, before.get(_key(file)), file) for column in _COLUMNS))
        for file in now["files"]
    ]
    gone = sorted(set(before) - {row[0] for row in rows})
    lines = [
        f"compared with {earlier.path} of {document['created_at']}; * marks significant changes",
        "",
        table(
            [
                Heading("file", 9, keeps_words=True),
                *(Heading(column.header, column.priority) for column in _COLUMNS),
            ],
            rows,
            width,
        ),
        *(f"no longer there: {name}" for name in gone),
        *_doubts(document, now),
    ]
    return "\n".join(lines)


def _key(file: FileFigures) -> str:
    name = PurePath(file["path"]).name
    return f"{name} in {file['peer']}" if file.get("peer") else name


def _cell(column: _ChangeColumn, before: FileFigures | None, now: FileFigures) -> str:
    value = now.get(column.figure)
    if value is None:
        return "-"
    text = f"{value * column.factor:{column.format}}"
    old = before.get(column.figure) if before else None
    if old is None:
        return f"{text} (new)"
    if column.in_points:
        change = f"{(value - old) * column.factor:+.2f}"
    else:
        change = f"{value / old - 1:+.0%}" if old else "?"
    if value == old:
        return f"{text} (=)"
    return f"{text} ({change})" + ("*" if _is_certain(column.figure, before or {}, now) else "")


def _is_certain(figure: str, before: FileFigures, now: FileFigures) -> bool:
    """Whether a change is significant: the ranges of the two reports do not overlap."""
    if figure == "size_bytes":
        return True
    then, since = _range(before, figure), _range(now, figure)
    return then is not None and since is not None and (since[0] > then[1] or since[1] < then[0])


def _range(file: FileFigures, figure: str) -> tuple[float, float] | None:
    """The interval of the accuracy, or the lowest and highest of single windows or cold starts."""
    if figure == "accuracy":
        values = [file.get("accuracy_low"), file.get("accuracy_high")]
    elif figure in _PERCENTS:
        percent = _PERCENTS[figure]
        values = [np.percentile(window["samples_ns"], percent) for window in file.get("windows", ())]
    else:
        values = [start.get(figure) for start in file.get("cold_starts", ())]
    known = [float(value) for value in values if value is not None]
    return (min(known), max(known)) if known else None


def _doubts(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if earlier["machine"]["cpu"] != now["machine"]["cpu"]:
        cpu = earlier["machine"]["cpu"]
        yield f"note: measured on another machine ({cpu}): times and memory do not compare"
    for report, when in ((earlier, "then"), (now, "now")):
        machine = report["machine"]
        if (machine.get("load") or 0) > machine.get("cores", 1) / 2:
            yield f"note: the machine was busy {when} (load {machine['load']:.2f}): times are unreliable"
    data_then, data_now = earlier["data"], now["data"]
    if (data_then["sha256"], data_then.get("images")) != (data_now["sha256"], data_now["images"]):
        yield f"note: on other test images ({data_then.get('name')}): accuracies do not compare"


# Keras originals that cannot be measured here: from an earlier report, or from the card.


def card_reference(provenance: Provenance, tests: HeldOut) -> KerasReference | None:
    """What an exported file's card says of its original; None where it says nothing."""
    if provenance.accuracy is None or not provenance.weights_sha256:
        return None
    is_whole = len(tests.truth) == tests.available and not tests.left_out
    is_whole_split = is_whole and provenance.images in (None, tests.available)
    return KerasReference(
        provenance.weights_sha256,
        CARD,
        provenance.accuracy,
        provenance.images,
        is_same_question=(
            provenance.split == "test"
            and provenance.data_sha256 == tests.sha256
            and is_whole_split
            and not tests.unscored
        ),
    )


def keras_references(earlier: EarlierReport, tests: HeldOut) -> dict[str, KerasReference]:
    """The Keras originals in a report, by the digests of their files; `tests` are what is asked here."""
    report = earlier.document
    asked = report["data"]
    is_same = asked["sha256"] == tests.sha256 and asked.get("images") == len(tests.truth)
    return {
        file["sha256"]: KerasReference(
            file["sha256"],
            earlier.path,
            file.get("accuracy"),
            asked.get("images"),
            is_same_question=is_same and not tests.unscored,
            p50_ms=file.get("p50_ms"),
            machine=report["machine"]["cpu"],
            created_at=report["created_at"],
            probabilities=_probabilities(file, tests) if is_same and not tests.unscored else None,
        )
        for file in report["files"]
        if file["format"] == KERAS and file.get("sha256")
    }


def _probabilities(file: Mapping[str, Any], tests: HeldOut) -> np.ndarray | None:
    """None for a report without answers, and for answers of another number of images."""
    try:
        probabilities = to_probabilities(Answers(**file["answers"]), len(tests.labels))
    except (KeyError, TypeError, ValueError):
        return None
    return probabilities if len(probabilities) == len(tests.truth) else None
