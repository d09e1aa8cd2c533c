"""Points of a sweep while they are measured: they take turns, and a file that fails takes none with it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from ...edge_runtime.errors import EdgeclsError
from ..grouping import grouped
from ..pipeline.way import Samples
from ..report import Window
from .report import SweepLine, SweepPoint, SweepSettings

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Timing:
    """What one window of one point gave."""

    window: Window
    stages: Samples = ()
    """The same samples stage by stage; empty where a call has one stage."""


@dataclass
class Probe:
    """One point, open, and what was measured of it so far."""

    value: int
    name: str
    time_window: Callable[[float], Timing]
    images: int = 1
    """That one call classifies."""
    stages: tuple[str, ...] = ()
    timings: list[Timing] = field(default_factory=list)

    @property
    def point(self) -> SweepPoint:
        """What it came to."""
        return SweepPoint(
            self.value,
            self.name,
            tuple(timing.window for timing in self.timings),
            self.images,
            {stage: self._stage_ms(place) for place, stage in enumerate(self.stages)},
        )

    def _stage_ms(self, place: int) -> float:
        """The median of the windows' medians of one stage."""
        return median(median(frame[place] for frame in timing.stages) for timing in self.timings) / 1e6


@dataclass(frozen=True)
class Opened:
    """One file, open at all its settings."""

    engine: str
    probes: Sequence[Probe]
    note: str = ""


@dataclass(frozen=True)
class Subject:
    """One file of a sweep."""

    path: Path
    places: int
    """That its processes take; see `places_of`."""
    open: Callable[[ExitStack], Opened]
    """Opens it at all its settings, for as long as the stack lasts."""


def failed_subject(path: Path, error: EdgeclsError) -> Subject:
    """A file that cannot be opened, as its line will tell."""

    def fail(_: ExitStack) -> Opened:
        raise error

    return Subject(path, 0, fail)


@dataclass
class _Going:
    subject: Subject
    opened: Opened
    error: EdgeclsError | None = None

    @property
    def line(self) -> SweepLine:
        timed = tuple(probe.point for probe in self.opened.probes if probe.timings)
        path, opened = str(self.subject.path), self.opened
        if self.error is None:
            return SweepLine(path, opened.engine, timed, opened.note)
        return SweepLine(path, opened.engine, (), opened.note, str(self.error), self.error.exit_code)


def measure_subjects(
    subjects: Iterable[Subject], settings: SweepSettings, on_step: OnStep
) -> tuple[SweepLine, ...]:
    """Measures group after group of files; within one, all points of all files take turns."""
    lines: list[SweepLine] = []
    for group in grouped(subjects, lambda subject: subject.places):  # points compare within a file
        with ExitStack() as stack:
            going = [_open(subject, stack, on_step) for subject in group]
            _rounds([one for one in going if one.error is None], settings, on_step)
            lines += [one.line for one in going]
    return tuple(lines)


def _open(subject: Subject, stack: ExitStack, on_step: OnStep) -> _Going:
    on_step(f"opening {subject.path.name}")
    try:
        return _Going(subject, subject.open(stack))
    except EdgeclsError as error:
        return _Going(subject, Opened("", ()), error)


def _rounds(going: Sequence[_Going], settings: SweepSettings, on_step: OnStep) -> None:
    """One window of each point in every round; every other round backwards: no order favours a point."""
    for number in range(settings.windows):
        on_step(f"timing, window {number + 1} of {settings.windows}")
        turns = [(one, probe) for one in going for probe in one.opened.probes]
        for one, probe in turns[:: 1 if number % 2 == 0 else -1]:
            if one.error:
                continue
            try:
                probe.timings.append(probe.time_window(settings.seconds / settings.windows))
            except EdgeclsError as error:
                one.error = error
