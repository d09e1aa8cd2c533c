"""Times several ways side by side: each in a process of its own, in windows that take turns."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .frame_file import FrameFile
from .report import WayReport
from .timed_way import TimedWay, timed_way
from .way import Samples

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class WaySettings:
    """How ways are timed."""

    threads: int
    seconds: float
    """For each way."""
    windows: int
    """That these seconds are split into."""


def measure_ways(
    models: Mapping[str, Path], frames: Path, settings: WaySettings, on_step: OnStep
) -> dict[str, WayReport]:
    """Times ways over the frames of one file.

    Args:
        models: of each way its model; the ways are keys of `way_process.WAYS`.
        frames: a `FrameFile`.
        settings: how long.
        on_step: told what is being done.

    Raises:
        EdgeclsError: a way fails.
    """
    with ExitStack() as stack:
        ways = {
            name: stack.enter_context(timed_way(name, model, frames, settings.threads))
            for name, model in models.items()
        }
        for way in ways.values():
            way.opened()
        windows = _rounds(ways, settings, on_step)
        return {
            name: WayReport(name, way.engine, way.stages, tuple(windows[name])) for name, way in ways.items()
        }


def labels_of(models: Mapping[str, Path], frames: Path, threads: int) -> dict[str, list[int | None]]:
    """The best label of each frame, by each way: all of them at the same time, as nothing is timed."""
    count = len(FrameFile(frames))
    with ExitStack() as stack:
        ways = {
            name: stack.enter_context(timed_way(name, model, frames, threads))
            for name, model in models.items()
        }
        for way in ways.values():
            way.opened()
            way.ask_labels()
        return {name: way.labels(count) for name, way in ways.items()}


def _rounds(ways: Mapping[str, TimedWay], settings: WaySettings, on_step: OnStep) -> dict[str, list[Samples]]:
    """One window of each way in every round; every other round backwards: no order favours a way."""
    windows: dict[str, list[Samples]] = {name: [] for name in ways}
    for number in range(settings.windows):
        on_step(f"timing {', '.join(ways)}: round {number + 1} of {settings.windows}")
        for name, way in list(ways.items())[:: 1 if number % 2 == 0 else -1]:
            windows[name].append(way.time_window(settings.seconds / settings.windows))
    return windows
