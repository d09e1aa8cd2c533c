"""From what was measured of all files to what is reported of each."""

import hashlib
from collections.abc import Iterator, Sequence

from ..edge_runtime.model_file import ModelFile, ModelFormat
from .accuracy import AccuracyReport, score
from .held_out import HeldOut
from .measure import Subject
from .report import KERAS, FileReport, LatencyReport

_FORMATS = {ModelFormat.H5: KERAS, ModelFormat.TFLITE: "TFLite", ModelFormat.ONNX: "ONNX"}
_FEW_SAMPLES = 100
"""Below this, the 99th percentile is little more than the slowest inference."""


def conclude(subjects: Sequence[Subject], tests: HeldOut) -> tuple[FileReport, ...]:
    """Compares each file with the Keras original that it was exported from; reports keep their order."""
    originals = {
        hashlib.sha256(subject.model.content).hexdigest(): subject
        for subject in subjects
        if subject.model and subject.model.format is ModelFormat.H5
    }
    return tuple(_report(subject, originals, tests) for subject in subjects)


def _report(subject: Subject, originals: dict[str, Subject], tests: HeldOut) -> FileReport:
    model, error = subject.model, subject.error
    original = originals.get(model.card.provenance.weights_sha256) if model else None
    return FileReport(
        path=str(subject.path),
        format=_format(model, subject.peer) if model else "",
        peer=subject.peer,
        size_bytes=model.size_bytes if model else None,
        load=subject.load,
        accuracy=_accuracy(subject, original, tests),
        latency=LatencyReport(tuple(subject.windows)) if subject.windows else None,
        cold_starts=tuple(subject.cold_starts),
        notes=tuple(_notes(subject, originals, tests)),
        error=str(error) if error else None,
        exit_code=error.exit_code if error else 0,
    )


def _format(model: ModelFile, peer: str) -> str:
    quantised = model.card.quantisation
    name = _FORMATS[model.format] + (f" {quantised.scheme}" if quantised else "")
    return f"{name}, {peer}" if peer else name


def _accuracy(subject: Subject, original: Subject | None, tests: HeldOut) -> AccuracyReport | None:
    if subject.probabilities is None:
        return None
    return score(subject.probabilities, tests.truth, original and original.probabilities)


def _notes(subject: Subject, originals: dict[str, Subject], tests: HeldOut) -> Iterator[str]:
    """What a reader must know before trusting the figures."""
    if subject.model is None:
        return
    trained = subject.model.card.provenance
    if trained.data_sha256 and trained.data_sha256 != tests.sha256:
        yield f"was trained on other data ({trained.data}) than these test images are from ({tests.name})"
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
