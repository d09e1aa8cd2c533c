"""What the benchmark of corruptions found: plain values that JSON and the table are made from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from ..machine import Machine
from ..report import DataReport, JsonValue
from .corrupt import CORRUPTIONS, Corruption
from .scores import Scores

SCHEMA_VERSION = 1
"""Of the JSON. Raised when an older reader would misread it; new fields do not raise it."""

FIGURES = (
    "accuracy",
    "mean_accuracy",
    "drop_points",
    "jpeg_drop_points",
    *(f"{corruption.name}_mean_drop_points" for corruption in CORRUPTIONS),
)
"""Of each file. `jpeg_drop_points` is from quality 100 to 50, the others are from the images as they are."""


@dataclass(frozen=True)
class FileReport:
    """One model file."""

    path: str
    """As the user named it, or as it was found."""
    engine: str = ""
    """The engine and its version."""
    scores: Scores | None = None
    error: str | None = None
    """Why there are no scores."""
    exit_code: int = 0
    """Of the error."""

    @property
    def figures(self) -> dict[str, JsonValue]:
        """One value for each of `FIGURES`; None where nothing was measured."""
        scores = self.scores
        if scores is None:
            return dict.fromkeys(FIGURES)
        values = (
            scores.accuracy,
            scores.mean_accuracy,
            scores.drop.points,
            scores.jpeg_drop.points,
            *(scores.drop_under(corruption.name).points for corruption in CORRUPTIONS),
        )
        return dict(zip(FIGURES, values, strict=True))

    def to_json(self, height_px: int, width_px: int) -> dict[str, Any]:
        """The figures with their intervals, and every level; of images of this size."""
        scores = self.scores
        return {
            "path": self.path,
            "engine": self.engine,
            **self.figures,
            "accuracy_interval": scores and scores.accuracy_interval and asdict(scores.accuracy_interval),
            "drop": scores and asdict(scores.drop),
            "jpeg_drop": scores and asdict(scores.jpeg_drop),
            "corruptions": [
                _to_json(scores, corruption, corruption.values(height_px, width_px))
                for corruption in CORRUPTIONS
                if scores
            ],
            "error": self.error,
        }


@dataclass(frozen=True)
class CorruptionReport:
    """All files, asked the same images."""

    created_at: str
    """ISO 8601, with its offset from UTC."""
    machine: Machine
    data: DataReport
    threads: int
    files: tuple[FileReport, ...]

    def to_json(self) -> str:
        """One line of JSON with every figure."""
        document = {
            "schema": SCHEMA_VERSION,
            "kind": "corruptions",
            "edgecls": version("edgecls"),
            "created_at": self.created_at,
            "machine": asdict(self.machine),
            "data": asdict(self.data),
            "threads": self.threads,
            "files": [file.to_json(self.data.height_px, self.data.width_px) for file in self.files],
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _to_json(scores: Scores, corruption: Corruption, values: Sequence[float]) -> dict[str, Any]:
    name = corruption.name
    return {
        "name": name,
        "parameter": corruption.text,
        "mean_drop": asdict(scores.drop_under(name)),
        "levels": [
            {"value": value, "accuracy": accuracy, "drop": asdict(scores.drop_at(name, level))}
            for level, (value, accuracy) in enumerate(zip(values, scores.accuracies(name), strict=True))
        ],
    }
