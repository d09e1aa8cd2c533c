"""What the way from a camera's bytes to a label is meant to reach, and whether it does."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Literal

from .frames import HD, VGA
from .report import AgeReport, CallReport, IdleReport, PipelineReport, SizeReport

FASTER_THAN_NAIVE = {VGA: 3.0, HD: 3.5}
"""Times."""
ABOVE_FLOOR = 1.15
SAME_LABEL = 0.99
ABOVE_CALL = 1.10
IDLE_CPU_SHARE = 0.15
IDLE_MEMORY_BYTES = 130_000_000
FIRST_LABEL_S = 0.5


@dataclass(frozen=True)
class Goal:
    """One figure and its limit."""

    text: str
    value: float
    limit: float
    kind: Literal["at most", "at least"]
    format: str = "{:.2f}"
    """Of value and limit, for people."""

    @property
    def met(self) -> bool:
        """Whether the value keeps the limit."""
        return self.value <= self.limit if self.kind == "at most" else self.value >= self.limit

    @property
    def line(self) -> str:
        """`met: VGA, naive / edgecls: 3.35, goal at least 3.00`."""
        value, limit = self.format.format(self.value), self.format.format(self.limit)
        return f"{'met' if self.met else 'MISSED'}: {self.text}: {value}, goal {self.kind} {limit}"


def goals(report: PipelineReport) -> tuple[Goal, ...]:
    """All that could be measured."""
    parts = [
        *map(_of_size, report.sizes),
        _of_calls(report.calls),
        _of_age(report.age),
        _of_idle(report.idle),
    ]
    return tuple(goal for part in parts for goal in part)


def _of_size(report: SizeReport) -> Iterator[Goal]:
    name = report.size.name
    if report.naive:
        ratio = report.naive.ratio(report.ours)
        yield Goal(f"{name}, naive / edgecls", ratio, FASTER_THAN_NAIVE[report.size], "at least")
    yield Goal(f"{name}, edgecls / floor", report.ours.ratio(report.floor), ABOVE_FLOOR, "at most")
    if report.agreement:
        text = f"{name}, same label as naive, {report.agreement.frames:,} frames"
        yield Goal(text, report.agreement.share, SAME_LABEL, "at least", "{:.2%}")


def _of_calls(report: CallReport) -> Iterator[Goal]:
    yield Goal("classify on a ready input / engine call", report.classify_ratio, ABOVE_CALL, "at most")


def _of_age(report: AgeReport) -> Iterator[Goal]:
    for percent in (50, 95, 99):
        text = f"age with a slow reader, p{percent}, against a frame interval and the classification"
        yield Goal(text, report.age_ms(percent), report.limit_ms(percent), "at most", "{:.0f} ms")
    yield Goal("frames classified twice or out of order", report.misplaced, 0, "at most", "{:.0f}")


def _of_idle(report: IdleReport) -> Iterator[Goal]:
    cpu = median(run.cpu_share for run in report.ours)
    yield Goal(f"{report.rate_fps:g} fps, processor", cpu, IDLE_CPU_SHARE, "at most", "{:.1%} of a core")
    memory = max(run.memory.together_bytes for run in report.ours) / 1e6
    yield Goal("memory of all processes together", memory, IDLE_MEMORY_BYTES / 1e6, "at most", "{:.0f} MB")
    first = median(run.first_label_s for run in report.ours)
    yield Goal("first label after the command", first, FIRST_LABEL_S, "at most", "{:.2f} s")
