"""Line output: one line for each frame, to a pipe, a file or a terminal, as text or JSON."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from ...errors import writing_failed
from ...text import encoded_for, printable
from ..answer import Answer, Sink
from ..control import StopRequest
from .background import output_to


class LineOutput(Sink):
    """Writes each answer as a line, which the loop does not wait for; see `BackgroundOutput`.

    When the reader has gone, the loop is asked to stop.

    Args:
        descriptor: an open file descriptor; 1 is stdout.
        stop: requested when the reader has gone; a request also ends the wait for a slow reader.
        render: gives the line for an answer, without its newline: `answer_line` or `json_line`.
        may_drop: whether lines are dropped, and counted, where the reader is too slow; otherwise it gets all.
    """

    name = "stdout"

    def __init__(
        self,
        descriptor: int,
        stop: StopRequest,
        render: Callable[[Answer], str],
        *,
        may_drop: bool = False,
    ) -> None:
        self._stream = sys.stdout if descriptor == 1 else None
        self._stop = stop
        self._render = render
        self._output = output_to(descriptor, stop, may_drop=may_drop)

    def write(self, answer: Answer) -> None:
        """See `Sink.write`.

        Raises:
            OutputFailed: the disk is full or broken.
        """
        line = encoded_for(self._stream, f"{self._render(answer)}\n")
        try:
            self.dropped += self._output.put(line)
        except OSError as error:
            self._note_failure(error)

    def idle(self) -> None:
        """Notes a reader that has gone; see `Sink.idle`."""
        if self._output.is_broken:
            self._stop.request()

    def close(self) -> None:
        """Waits for a slow reader, though not for ever; see `Sink.close`."""
        try:
            self.dropped += self._output.drain()
        except OSError as error:
            self._note_failure(error)

    def _note_failure(self, error: OSError) -> None:
        if not isinstance(error, BrokenPipeError):
            raise writing_failed("the answers", error) from error
        self._stop.request()


def answer_line(answer: Answer) -> str:
    """Returns a line for people: `cat.jpg: cat 93.1%  (dog 4.0%, deer 1.2%)`.

    What is unknown only because it is unlike the training pictures is `unknown, never seen`.
    """
    prediction = answer.prediction
    best, *others = (f"{label} {confidence:.1%}" for label, confidence in prediction.ranking)
    if prediction.label is None:
        best, others = "unknown, never seen" if prediction.is_never_seen else "unknown", [best, *others]
    return f"{printable(answer.frame.name)}: {best}" + (f"  ({', '.join(others)})" if others else "")


def json_line(answer: Answer) -> str:
    """Returns an answer as one compact line of JSON, for programs.

    - `sequence`; `name`, for frames from files; `truth`, for frames with a known label.
    - `frozen`: true where the camera has shown the same picture, or none since, for too long; nothing is
      announced then.
    - `label` (null for "unknown"), `confidence` and `ranking` are of this frame alone; `announced` takes
      earlier frames into account, and is null for "unknown" too.
    - `familiarity`, 0 to 1, for models that know how much a picture is like their training pictures.
    - `age_ms` and `latency_ms` of this frame; `age_p50_ms`, `age_p95_ms` and `age_p99_ms` over the last
      minute, from the second frame on.
    - `at` is the wall clock in UTC. Age and latency are measured with the monotonic clock.
    """
    frame, prediction, timing = answer.frame, answer.prediction, answer.timing
    ages, familiarity = timing.recent_ages, prediction.familiarity
    values = {
        "sequence": frame.sequence,
        **({"name": frame.name} if frame.name else {}),
        **({"truth": frame.truth} if frame.truth else {}),
        **({"frozen": True} if frame.is_frozen else {}),
        "label": prediction.label,
        "confidence": round(prediction.confidence, 6),
        "ranking": [
            {"label": label, "confidence": round(confidence, 6)} for label, confidence in prediction.ranking
        ],
        "announced": answer.decision.shown.label,
        **({} if familiarity is None else {"familiarity": round(familiarity, 6)}),
        "age_ms": round(timing.age_ms, 3),
        **({f"age_{name}": round(value, 3) for name, value in vars(ages).items()} if ages else {}),
        "latency_ms": round(timing.latency_ms, 3),
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
