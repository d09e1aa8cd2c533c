"""The way that `edgecls camera` takes from a JPEG to a label."""

from collections.abc import Iterable, Iterator
from time import perf_counter_ns

from ...edge_runtime.classifier import Classifier
from ...edge_runtime.image import crop_box, decode, prepare, prepare_box
from ...edge_runtime.jpeg import decode_reduced
from .way import Timed


class Ours:
    """Decodes at a reduced scale, resizes and swaps, runs the engine and ranks its probabilities.

    The first two stages are what `jpeg.prepare_jpeg` consists of.
    """

    stages = ("decode", "resize", "engine", "rank")

    def __init__(self, classifier: Classifier) -> None:
        self.engine = classifier.engine.name
        self._classifier = classifier
        self._places = {label: place for place, label in enumerate(classifier.card.labels)}

    def answers(self, frames: Iterable[bytes]) -> Iterator[Timed]:
        """See `Way.answers`."""
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
            yield Timed(
                self._places[prediction.ranking[0][0]],
                (
                    decoded_ns - started_ns,
                    prepared_ns - decoded_ns,
                    answered_ns - prepared_ns,
                    ranked_ns - answered_ns,
                ),
            )


class InFull:
    """The same engine behind a full decode: what the reduced one changes about the labels."""

    stages = ("all",)

    def __init__(self, classifier: Classifier) -> None:
        self.engine = classifier.engine.name
        self._classifier = classifier

    def answers(self, frames: Iterable[bytes]) -> Iterator[Timed]:
        """See `Way.answers`."""
        for content in frames:
            started_ns = perf_counter_ns()
            image = prepare(decode(content, "frame"), self._classifier.card.image)
            label = int(self._classifier.engine.probabilities(image).argmax())
            yield Timed(label, (perf_counter_ns() - started_ns,))
