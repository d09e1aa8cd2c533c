"""Pipelines side by side: each in a process of its own, timed in windows that take turns."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

from edgecls.benchmarks.frames import FrameFile
from edgecls.benchmarks.pipeline import Samples
from edgecls.benchmarks.turns import take_turns
from edgecls.benchmarks.worker import PipelineProcess, start_pipeline

_PROGRAM = f"{__package__}.naive"
"""The module that is run for each pipeline; it calls `serve_pipelines`."""

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class PipelineTimes:
    """One pipeline, timed in windows between which the others had theirs."""

    name: str
    engine: str
    stages: tuple[str, ...]
    windows: tuple[Samples, ...]
    """Every sample of every window; nothing is ever trimmed."""

    def stage_ms(self, stage: str) -> float:
        """The median of the windows' medians of one stage."""
        place = self.stages.index(stage)
        return median(median(frame[place] for frame in window) for window in self.windows) / 1e6

    @cached_property
    def window_ms(self) -> tuple[float, ...]:
        """The median of each window, all stages together."""
        return tuple(median(map(sum, window)) / 1e6 for window in self.windows)

    @property
    def total_ms(self) -> float:
        """The median of the windows' medians, all stages together."""
        return median(self.window_ms)

    def ratio(self, other: "PipelineTimes") -> float:
        """How many times as long as `other` it takes: the median over the rounds, so that drift falls out."""
        pairs = zip(self.window_ms, other.window_ms, strict=True)
        return median(mine / others for mine, others in pairs)


@dataclass(frozen=True)
class TimingSettings:
    """How pipelines are timed."""

    threads: int
    seconds: float
    """For each pipeline."""
    windows: int
    """That these seconds are split into."""


def time_pipelines(
    models: Mapping[str, Path], frames: Path, settings: TimingSettings, on_step: OnStep
) -> dict[str, PipelineTimes]:
    """Times pipelines over the frames of one file.

    Args:
        models: each pipeline's model, by the name that tools/naive.py knows the pipeline by.
        frames: a `FrameFile`.
        settings: how long.
        on_step: called with what is being done.

    Raises:
        EdgeclsError: a pipeline fails.
    """
    with _started(models, frames, settings.threads) as pipelines:
        windows: dict[str, list[Samples]] = {name: [] for name in pipelines}

        def turns_of(name: str) -> Generator[None]:
            for number in range(settings.windows):
                on_step(f"timing {name}: round {number + 1} of {settings.windows}")
                seconds = settings.seconds / settings.windows
                windows[name].append(pipelines[name].time_window(seconds))
                yield

        take_turns([turns_of(name) for name in pipelines])
        return {
            name: PipelineTimes(name, pipeline.engine, pipeline.stages, tuple(windows[name]))
            for name, pipeline in pipelines.items()
        }


def labels_of(models: Mapping[str, Path], frames: Path, threads: int) -> dict[str, list[int | None]]:
    """The best label of each frame, by each pipeline: all at the same time, as nothing is timed."""
    count = len(FrameFile(frames))
    with _started(models, frames, threads) as pipelines:
        for pipeline in pipelines.values():
            pipeline.ask_labels()
        return {name: pipeline.labels(count) for name, pipeline in pipelines.items()}


@contextmanager
def _started(models: Mapping[str, Path], frames: Path, threads: int) -> Iterator[dict[str, PipelineProcess]]:
    """A process for each pipeline, ready to be asked, until the block ends."""
    with ExitStack() as stack:
        pipelines = {
            name: stack.enter_context(start_pipeline(name, model, frames, threads, _PROGRAM))
            for name, model in models.items()
        }
        for pipeline in pipelines.values():
            pipeline.opened()
        yield pipelines


@dataclass(frozen=True)
class Agreement:
    """The labels of two pipelines, frame by frame."""

    same: int
    frames: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.same / self.frames


def agreement(labels: Sequence[int | None], others: Sequence[int | None]) -> Agreement:
    """Counts the frames that two pipelines give the same label."""
    return Agreement(sum(a == b for a, b in zip(labels, others, strict=True)), len(labels))
