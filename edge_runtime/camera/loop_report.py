"""Loop report: what a camera loop did, counted while it runs."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from ..errors import EdgeclsError
from .answer import Answer, Deliveries
from .frame import Frame
from .rates import Latencies
from .scenes import NO_SCENES, SceneJudge, SceneReport
from .sources.source import Source

_KEPT_UP = 0.8
"""Of the rate that was asked for: a loop that reaches so much of it, with its stalls, is not overloaded."""


@dataclass(frozen=True)
class LoopReport:
    """Counts, rates and latencies of one run."""

    frames: int
    """Frames that got an answer."""
    skipped: int
    """Frames that a live source gave while an older one was classified."""
    invalid_outputs: int
    """Frames for which the network gave NaN or infinity."""
    corrupt_frames: int
    """Frames that arrived damaged; none was classified."""
    reconnects: int
    """Number of times that a live source was opened again."""
    seconds: float
    """From the first answer to the last."""
    latency_p50_ms: float | None
    """Over the last 10,000 frames, as the others; None where there was no frame."""
    latency_p90_ms: float | None
    age_p50_ms: float | None
    age_p95_ms: float | None
    age_p99_ms: float | None
    labels: tuple[tuple[str, int], ...]
    """(label or `unknown`, frames), the most frequent first."""
    failure: EdgeclsError | None = None
    """Error that ended the loop early; the caller raises it after showing the rest."""
    judged: int = 0
    """Frames whose true label is known, as with `--source demo`."""
    right: int = 0
    """Of these, frames whose own label was right."""
    right_announced: int = 0
    """Of these, frames whose announced label was right; it changes a moment after the picture does."""
    scenes: SceneReport = NO_SCENES
    """Of these frames, the scenes."""
    still_frames: int = 0
    """Frames that were not classified because nothing moved; see `Stillness`."""
    left_out: int = 0
    """Frames whose picture held nothing of the region to classify."""
    lost_answers: int = 0
    """Answers that an output did not get while it failed."""
    not_yet: int = 0
    """Frames counted as unknown although a label won: it had not yet held long enough to be announced."""
    dropped_lines: int = 0
    """Lines on stdout and stderr that nobody read in time."""
    deliveries: tuple[Deliveries, ...] = ()
    """Of actions and the like, to each place."""
    fps_asked: float | None = None
    """The rate of `--fps`."""
    cpu_asked: str | None = None
    """The share of a core of `--cpu`."""

    @property
    def fps(self) -> float | None:
        """Answers per second over the whole run; None for fewer than two."""
        return (self.frames - 1) / self.seconds if self.seconds > 0 else None

    @property
    def text(self) -> str:
        """Summary for people, one to six lines."""
        lines = [", ".join([self._took, *self._exceptions])]
        if self.latency_p50_ms is not None:
            lines.append(
                f"latency p50 {self.latency_p50_ms:.1f} ms, p90 {self.latency_p90_ms:.1f} ms; "
                f"age p50 {self.age_p50_ms:.0f} ms, p95 {self.age_p95_ms:.0f}, p99 {self.age_p99_ms:.0f}"
            )
            lines.append(self.labels_text)
        if self.deliveries:
            lines += self._deliveries_texts
        if self.scenes.scenes:
            lines.append(f"demo: {self.scenes.text}")
        if self.judged:
            frames = "frame" if self.judged == 1 else "frames"
            lines.append(
                f"correct: {self.right / self.judged:.1%} of {self.judged:,} {frames} with a known label, "
                "each by itself"
            )
        return "\n".join(lines)

    @property
    def labels_text(self) -> str:
        """The line of the most frequent labels with their shares."""
        shares = [f"{label} {count / self.frames:.1%}" for label, count in self.labels[:5]]
        rest = len(self.labels) - len(shares)
        others = f" and {rest} other label{'' if rest == 1 else 's'}" if rest else ""
        early = self.not_yet / self.frames
        note = f" (in {early:.1%} a label had not yet held for --hold)" if self.not_yet else ""
        return "labels: " + ", ".join(shares) + others + note

    @property
    def _deliveries_texts(self) -> list[str]:
        """The lines of what actions did, together, and of what was published."""
        published = [each for each in self.deliveries if each.name.startswith("mqtt ")]
        done = [each for each in self.deliveries if each not in published]
        return [
            f"{name}: {_counts_text(deliveries)}"
            for name, deliveries in (("actions", done), ("mqtt", published))
            if deliveries
        ]

    @property
    def _took(self) -> str:
        frames = f"{self.frames:,} frame{'' if self.frames == 1 else 's'}"
        if self.fps is None:
            return frames
        took = f"{self.seconds:.1f} s" if self.seconds >= 1 else f"{self.seconds * 1000:.0f} ms"
        return f"{frames} in {took}: {self.fps:.1f} per second"

    @property
    def _exceptions(self) -> list[str]:
        """What else there was, as far as there was any."""
        counts = (
            (self.skipped, self._why_skipped),
            (self.still_frames, "more without motion"),
            (self.invalid_outputs, "with an invalid output"),
            (self.corrupt_frames, "damaged"),
            (self.left_out, "outside --roi"),
            (self.reconnects, "reconnect" if self.reconnects == 1 else "reconnects"),
            (self.lost_answers, "lost by an output that failed"),
            (self.dropped_lines, "line dropped" if self.dropped_lines == 1 else "lines dropped"),
        )
        return [f"{count:,} {what}" for count, what in counts if count]

    @property
    def _why_skipped(self) -> str:
        """What the skipped frames are called: they are no overload where a lower rate was asked for."""
        if self.cpu_asked:
            return f"left out for --cpu {self.cpu_asked}"
        taken = self.frames + self.still_frames - 1
        if self.fps_asked and taken >= _KEPT_UP * self.fps_asked * self.seconds:
            return f"not needed at --fps {self.fps_asked:g}"
        return "skipped for newer ones"

    def to_json(self) -> dict[str, Any]:
        """The report as values for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)} | {"fps": self.fps}
        rounded = {
            name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()
        }
        failure = str(self.failure) if self.failure else None
        scenes = {**asdict(self.scenes), "delay_s": self.scenes.delay_s and round(self.scenes.delay_s, 3)}
        deliveries = [asdict(each) for each in self.deliveries]
        exact = {"labels": dict(self.labels), "scenes": scenes, "failure": failure}
        return rounded | exact | {"deliveries": deliveries}


class Tally:
    """Counts answers into a `LoopReport`, in memory that does not grow with the time it runs."""

    def __init__(self) -> None:
        self._labels: Counter[str] = Counter()
        self._not_yet = 0
        self._latency = Latencies()
        self._age = Latencies()
        self._first_s = self._last_s = 0.0
        self._first_sequence = self._last_sequence = 0
        self._judged = self._right = self._right_announced = 0
        self._scenes = SceneJudge()
        self._failed: Counter[str] = Counter()
        self._answers = self._still_frames = 0
        self._last_answered = True

    @property
    def seen(self) -> int:
        """How many frames were answered, or found still."""
        return self._answers + self._still_frames

    def add(self, answer: Answer) -> None:
        """Counts one answer."""
        self._answers += 1
        frame, timing = answer.frame, answer.timing
        self._last_s, self._last_sequence = time.monotonic(), frame.sequence
        if not self._labels:
            self._first_s, self._first_sequence = self._last_s, frame.sequence
        self._last_answered = True
        self._labels[answer.decision.shown.text] += 1
        self._not_yet += bool(answer.decision.waiting and not answer.decision.shown.label)
        self._latency.add(timing.latency_ms)
        self._age.add(timing.age_ms)
        if frame.truth:
            self._judged += 1
            self._right += answer.prediction.label == frame.truth
            self._right_announced += answer.decision.shown.label == frame.truth
        self._scenes.add(frame.truth, answer.decision.shown.label, frame.time_s)

    def add_failed(self, kind: Literal["corrupt", "invalid_output", "left_out"]) -> bool:
        """Counts a frame without an answer; True for the first in a row."""
        self._failed[kind] += 1
        first, self._last_answered = self._last_answered, False
        return first

    def add_still(self, frame: Frame) -> None:
        """Counts a frame that was not classified because nothing moved; never the first."""
        self._still_frames += 1
        self._last_sequence = frame.sequence

    def report(self, source: Source, failure: EdgeclsError | None = None) -> LoopReport:
        """What was counted so far, here and by the source."""
        frames = self._labels.total()
        seen = self._last_sequence - self._first_sequence + 1 if frames else 0
        latency = self._latency.percentiles((50, 90)) or (None, None)
        age = self._age.percentiles((50, 95, 99)) or (None, None, None)
        return LoopReport(
            frames=frames,
            skipped=max(0, seen - frames - self._still_frames - self._failed.total()),
            invalid_outputs=self._failed["invalid_output"],
            corrupt_frames=self._failed["corrupt"] + source.corrupt_frames,
            reconnects=source.reconnects,
            seconds=self._last_s - self._first_s,
            latency_p50_ms=latency[0],
            latency_p90_ms=latency[1],
            age_p50_ms=age[0],
            age_p95_ms=age[1],
            age_p99_ms=age[2],
            labels=tuple(self._labels.most_common()),
            failure=failure,
            not_yet=self._not_yet,
            judged=self._judged,
            right=self._right,
            right_announced=self._right_announced,
            scenes=self._scenes.report(),
            still_frames=self._still_frames,
            left_out=self._failed["left_out"],
        )


def _counts_text(deliveries: Sequence[Deliveries]) -> str:
    counts = [
        f"{count:,} {name}"
        for name in ("done", "failed", "dropped", "skipped")
        if (count := sum(getattr(each, name) for each in deliveries)) or name == "done"
    ]
    return ", ".join(counts)
