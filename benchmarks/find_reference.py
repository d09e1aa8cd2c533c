"""Finds what is known of Keras originals that cannot be measured here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..edge_runtime.card import Provenance
from .answers import Answers, to_probabilities
from .held_out import HeldOut
from .reference import CARD, KerasReference
from .report import KERAS


@dataclass(frozen=True)
class Baseline:
    """A report of `edgecls bench --json` from another machine."""

    path: str
    document: Mapping[str, Any]
    """See `read_earlier`."""


def card_reference(provenance: Provenance, tests: HeldOut) -> KerasReference | None:
    """What an exported file's card says of its original; None where it says nothing."""
    if provenance.accuracy is None or not provenance.weights_sha256:
        return None
    is_whole_split = len(tests.truth) == tests.available and provenance.images in (None, tests.available)
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


def baseline_references(baseline: Baseline, tests: HeldOut) -> dict[str, KerasReference]:
    """The Keras originals in a report, by the digests of their files; `tests` are what is asked here."""
    report = baseline.document
    asked = report["data"]
    is_same = asked["sha256"] == tests.sha256 and asked.get("images") == len(tests.truth)
    return {
        file["sha256"]: KerasReference(
            file["sha256"],
            baseline.path,
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
