"""Where a replayed model announced something else than the recorded one."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from ..printable import printable
from ..table import table

SHOWN_DIFFERENCES = 50
"""In the table; JSON has all of them."""


@dataclass(frozen=True)
class Difference:
    """Frames in a row on which the same two labels were announced."""

    first_sequence: int
    last_sequence: int
    frames: int
    start_s: float
    """Of the first, since the recording's first frame."""
    at: str
    """Wall clock of the first, ISO 8601 in UTC."""
    recorded: str | None
    """The label that was announced; None for "unknown"."""
    recorded_confidence: float
    """Mean over the frames, 0 to 1."""
    replayed: str | None
    replayed_confidence: float

    def continues(self, before: Self) -> bool:
        """Whether it is more of the same."""
        return (self.recorded, self.replayed) == (before.recorded, before.replayed)

    def joined(self, after: Self) -> Self:
        """This one, and what continues it."""
        frames = self.frames + after.frames

        def mean(mine: float, other: float) -> float:
            return (mine * self.frames + other * after.frames) / frames

        return replace(
            self,
            last_sequence=after.last_sequence,
            frames=frames,
            recorded_confidence=mean(self.recorded_confidence, after.recorded_confidence),
            replayed_confidence=mean(self.replayed_confidence, after.replayed_confidence),
        )


@dataclass(frozen=True)
class ReplayReport:
    """What the replay of a recording found."""

    recorded_model: str
    replayed_model: str
    frames: int
    """That were replayed and compared."""
    equal: int
    """Of them, with the same label announced."""
    recorded_changes: int
    """How often another label was announced while recording."""
    replayed_changes: int
    damaged_frames: int
    """Missing, or cut short: passed over."""
    damaged_lines: int
    invalid_outputs: int
    """Frames for which the replayed network gave NaN or infinity."""
    encoded_frames: int
    """That came as raw pixels and were recorded as JPEG."""
    differences: tuple[Difference, ...]

    @property
    def text(self) -> str:
        """The table of differences and the summary that a person reads."""
        parts = [_table(self.differences)] if self.differences else []
        hidden = len(self.differences) - SHOWN_DIFFERENCES
        if hidden > 0:
            parts.append(f"and {hidden:,} more; --json lists them all")
        return "\n".join([*parts, *self._summary()])

    def _summary(self) -> list[str]:
        share = f", {self.equal / self.frames:.1%} with the same label" if self.frames else ""
        lines = [
            f"{self.recorded_model} -> {self.replayed_model}: {self.frames:,} frames{share}",
            f"changes of the label: {self.recorded_changes:,} recorded, {self.replayed_changes:,} replayed",
        ]
        if self.damaged_frames or self.damaged_lines:
            lines.append(
                f"passed over: {self.damaged_frames:,} damaged frames, {self.damaged_lines:,} damaged lines"
            )
        if self.invalid_outputs:
            lines.append(f"{self.invalid_outputs:,} frames with an invalid output")
        if self.encoded_frames:
            lines.append(
                f"{self.encoded_frames:,} frames came as raw pixels and were recorded as JPEG: "
                "a close call may fall the other way for that alone"
            )
        return lines

    def to_json(self) -> dict[str, Any]:
        """The report as values for JSON."""
        return asdict(self)


def _table(differences: tuple[Difference, ...]) -> str:
    rows = [
        (
            _clock(difference.start_s),
            _frames(difference),
            _answer(difference.recorded, difference.recorded_confidence),
            _answer(difference.replayed, difference.replayed_confidence),
        )
        for difference in differences[:SHOWN_DIFFERENCES]
    ]
    return table(("time", "frames", "recorded", "replayed"), rows) + "\n"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{seconds:04.1f}"


def _frames(difference: Difference) -> str:
    if difference.frames == 1:
        return str(difference.first_sequence)
    return f"{difference.first_sequence}-{difference.last_sequence} ({difference.frames})"


def _answer(label: str | None, confidence: float) -> str:
    return f"{printable(label or 'unknown')} {confidence:.1%}"
