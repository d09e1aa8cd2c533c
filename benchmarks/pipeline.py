"""From a camera's JPEG to a label, as `edgecls camera` does it, with a clock between the stages."""

from collections.abc import Iterable, Iterator
from time import perf_counter_ns
from typing import NamedTuple, Protocol

from ..edge_runtime.classifier import Classifier
from ..edge_runtime.images.prepare import decode_reduced, prepare_box
from ..edge_runtime.images.rule import crop_box

Samples = tuple[tuple[int, ...], ...]
"""Nanoseconds, (frames, stages)."""


class TimedAnswer(NamedTuple):
    """One frame's answer, and how long each stage took."""

    label: int | None
    """The best label's position; None from a pipeline that gives none."""
    stages_ns: tuple[int, ...]


class Pipeline(Protocol):
    """What is done with each frame, in stages."""

    engine: str
    """The engine and its version."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Their names, in order."""
        ...

    def answers(self, frames: Iterable[bytes]) -> Iterator[TimedAnswer]:
        """Classifies frame after frame, usually JPEGs, in the loop that a program of this kind is."""
        ...


class CameraPipeline:
    """Decodes at a reduced scale, resizes and swaps, runs the engine and ranks its probabilities.

    The first two stages are what `jpeg.prepare_jpeg` consists of.
    """

    stages = ("decode", "resize", "engine", "rank")

    def __init__(self, classifier: Classifier) -> None:
        self.engine = classifier.engine.name
        self._classifier = classifier
        self._places = {label: place for place, label in enumerate(classifier.card.labels)}

    def answers(self, frames: Iterable[bytes]) -> Iterator[TimedAnswer]:
        """See `Pipeline.answers`."""
        classifier, rule = self._classifier, self._classifier.card.image
        for content in frames:
            started_ns = perf_counter_ns()
            pixels, box, scale = decode_reduced(
                content, rule, lambda height, width: crop_box(height, width, rule)
            )
            decoded_ns = perf_counter_ns()
            image = prepare_box(pixels, box, rule, scale)
            prepared_ns = perf_counter_ns()
            probabilities = classifier.engine.probabilities(image)
            answered_ns = perf_counter_ns()
            prediction = classifier.rank(probabilities)
            prediction.label  # noqa: B018 - worked out when it is first asked for
            ranked_ns = perf_counter_ns()
            yield TimedAnswer(
                self._places[prediction.ranking[0][0]],
                (
                    decoded_ns - started_ns,
                    prepared_ns - decoded_ns,
                    answered_ns - prepared_ns,
                    ranked_ns - answered_ns,
                ),
            )


def time_window(answers: Iterator[TimedAnswer], seconds: float) -> Samples:
    """Times frame after frame for at least `seconds`; nothing is left out.

    One frame comes before them, for the caches and clocks that other processes had meanwhile: a camera runs
    all the time.
    """
    next(answers)
    samples: list[tuple[int, ...]] = []
    end_ns = perf_counter_ns() + round(seconds * 1e9)
    while not samples or perf_counter_ns() < end_ns:
        samples.append(next(answers).stages_ns)
    return tuple(samples)
