"""The report of an export: each file's difference from Keras and its threshold, as text and as JSON."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from ..edge_runtime.text_table import Heading, table
from .confidence import FEW_IMAGES, Confidence
from .parity import ParityReport

_PARITY = (
    "file",
    "size",
    Heading("largest difference", -1),
    "top-1 agreement",
    Heading("accuracy", 1),
    Heading("accuracy change, points", 1),
)
_REFUSED = {
    "noise": "random noise",
    "flat": "single colours",
    "digits": "handwritten digits",
    "photos": "pieces of photographs",
}
"""What the kinds of `confidence.unknown_pictures` are."""
_CONFIDENCE = ("file", "threshold", "unknown", "precision")


@dataclass(frozen=True)
class ExportedFile:
    """One exported file: its difference from Keras, and when it answers "unknown"."""

    parity: ParityReport
    confidence: Confidence | None
    """None where the classes of the validation images are not known."""
    refused: dict[str, float]
    """The share of pictures of other things that get no label, by kind; see `unknown_pictures`."""
    steps: tuple[str, ...] = ()
    """What the int8 ladder tried, and which layers it left in float."""
    warnings: tuple[str, ...] = ()
    """Why the file is worth less than it seems."""
    is_useless: bool = False
    """Whether it answers nothing, or by chance."""


@dataclass(frozen=True)
class ExportReport:
    """All files of an export, and what they were compared on."""

    files: tuple[ExportedFile, ...]
    data: str
    """The name of the data set."""
    val_images: int
    """Images that threshold and precision were measured on."""
    warnings: tuple[str, ...] = ()
    """Why the figures may be better than the files are, a line each."""
    notes: tuple[str, ...] = ()
    """What else was done, a line each."""

    @property
    def is_useless(self) -> bool:
        """Whether none of the files answers anything, or all by chance."""
        return all(file.is_useless for file in self.files)

    @property
    def text(self) -> str:
        """The report for people; see `render`."""
        return render(self)

    def to_json(self) -> str:
        """Returns the files' reports as a JSON list."""
        return json.dumps([asdict(file) for file in self.files], indent=1) + "\n"


def render(report: ExportReport, width: int | None = None) -> str:
    """Returns tables of the files and what their columns mean; `width` is that of `text.table`."""
    parity = report.files[0].parity
    keras = "" if parity.keras_accuracy is None else f"; accuracy of Keras: {parity.keras_accuracy:.2%}"
    lines = [
        table(_PARITY, [file.parity.cells() for file in report.files], width),
        f"compared on {parity.images:,} test images of {report.data}{keras}",
        f"rejected as unknown: {_rejected(report)}",
        f"of pictures that show none of the classes: {_kinds(report)}",
    ]
    fitted = [(file.parity.file, *file.confidence.cells()) for file in report.files if file.confidence]
    if fitted:
        lines += [
            "",
            table(_CONFIDENCE, fitted, width),
            "unknown: validation images below the threshold; precision: share of the others that are right",
        ]
        if report.val_images < FEW_IMAGES:
            lines.append(f"only {report.val_images} validation images: these figures are estimates")
    for file in report.files:
        lines += [f"{file.parity.file}: {step}" for step in file.steps]
    lines += report.notes
    lines += [f"warning: {warning}" for warning in (*_file_warnings(report), *report.warnings)]
    return "\n".join(lines)


def _file_warnings(report: ExportReport) -> Iterator[str]:
    """Each warning once, with the files that it is about."""
    files: dict[str, list[str]] = defaultdict(list)
    for file in report.files:
        for warning in file.warnings:
            files[warning].append(file.parity.file)
    for warning, names in files.items():
        everything = len(names) == len(report.files) > 1
        yield f"{'all files' if everything else ', '.join(names)}: {warning}"


def _rejected(report: ExportReport) -> str:
    """The least share that any of the files rejects, by kind of picture."""
    kinds = report.files[0].refused
    return ", ".join(f"{kind} {min(file.refused[kind] for file in report.files):.0%}" for kind in kinds)


def _kinds(report: ExportReport) -> str:
    return ", ".join(_REFUSED.get(kind, kind) for kind in report.files[0].refused)
