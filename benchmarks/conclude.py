"""From what was measured of all files to what is reported of each."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from ..edge_runtime.card import Provenance
from ..edge_runtime.model_file import ModelFile, ModelFormat
from .accuracy import AccuracyReport, score
from .answers import Answers, to_answers
from .find_reference import Baseline, baseline_references, card_reference
from .held_out import HeldOut
from .measure import Subject
from .reference import KerasReference
from .report import KERAS, FileReport, LatencyReport

_FORMATS = {ModelFormat.H5: KERAS, ModelFormat.TFLITE: "TFLite", ModelFormat.ONNX: "ONNX"}
_FEW_SAMPLES = 100
"""Below this, the 99th percentile is little more than the slowest inference."""

_MISSED = "its Keras original is not in the baseline, nor measured here; make a baseline with that .h5"


def conclude(
    subjects: Sequence[Subject], tests: HeldOut, baseline: Baseline | None = None
) -> tuple[FileReport, ...]:
    """Compares each file with the Keras original that it was exported from; reports keep their order.

    An original that was not measured here is known from the baseline, or else from the file's own card.
    """
    originals = {
        hashlib.sha256(subject.model.content).hexdigest(): subject
        for subject in subjects
        if subject.model and subject.model.format is ModelFormat.H5
    }
    elsewhere = baseline_references(baseline, tests) if baseline else None
    return tuple(_report(subject, originals, elsewhere, tests) for subject in subjects)


def _report(
    subject: Subject,
    originals: dict[str, Subject],
    elsewhere: dict[str, KerasReference] | None,
    tests: HeldOut,
) -> FileReport:
    model, error = subject.model, subject.error
    provenance = model.card.provenance if model else Provenance()
    original = originals.get(provenance.weights_sha256)
    measured = original.probabilities if original else None
    known = (elsewhere or {}).get(provenance.weights_sha256)
    reference = (known or card_reference(provenance, tests)) if measured is None else None
    is_missed = elsewhere is not None and measured is None and known is None and model is not None
    return FileReport(
        path=str(subject.path),
        format=_format(model, subject.peer) if model else "",
        peer=subject.peer,
        size_bytes=model.size_bytes if model else None,
        load=subject.load,
        accuracy=_accuracy(subject, reference.probabilities if reference else measured, tests),
        latency=LatencyReport(tuple(subject.windows)) if subject.windows else None,
        cold_starts=tuple(subject.cold_starts),
        notes=(*_notes(subject, originals, tests), *([_MISSED] if is_missed else [])),
        error=str(error) if error else None,
        exit_code=error.exit_code if error else 0,
        sha256=hashlib.sha256(model.content).hexdigest() if model else "",
        answers=_answers(subject, tests),
        reference=reference,
    )


def _format(model: ModelFile, peer: str) -> str:
    quantised = model.card.quantisation
    name = _FORMATS[model.format] + (f" {quantised.scheme}" if quantised else "")
    return f"{name}, {peer}" if peer else name


def _accuracy(subject: Subject, keras: np.ndarray | None, tests: HeldOut) -> AccuracyReport | None:
    if subject.probabilities is None or tests.unscored:
        return None
    return score(subject.probabilities, tests.truth, keras)


def _answers(subject: Subject, tests: HeldOut) -> Answers | None:
    return None if subject.probabilities is None or tests.unscored else to_answers(subject.probabilities)


def _other_data(trained: str, tested: str) -> str:
    if trained == tested:
        return (
            f"was trained on another split or version of {tested}, and may have learnt some of these images"
        )
    return f"was trained on other data ({trained}) than these test images are from ({tested})"


def _notes(subject: Subject, originals: dict[str, Subject], tests: HeldOut) -> Iterator[str]:
    """What a reader must know before trusting the figures."""
    if subject.model is None:
        return
    trained = subject.model.card.provenance
    if not tests.unscored and trained.data_sha256 and trained.data_sha256 != tests.sha256:
        yield _other_data(trained.data, tests.name)
    if originals and subject.model.format is not ModelFormat.H5 and trained.weights_sha256 not in originals:
        yield "was not exported from the .h5 measured here; `edgecls export` makes it anew"
    if subject.windows and (slowdown := LatencyReport(tuple(subject.windows)).slowdown):
        yield (
            f"was {slowdown:.2f} times as slow in the second half of the run: the machine throttles, or "
            "something else began; run it again when it is cool and quiet"
        )
    inferences = sum(len(window.samples_ns) for window in subject.windows)
    if subject.windows and inferences < _FEW_SAMPLES:
        yield f"its p99 rests on {inferences} inferences; measure longer with --seconds"
