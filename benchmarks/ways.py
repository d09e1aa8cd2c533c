"""A way from a camera's JPEG to a label, with a clock between its steps."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import NamedTuple, Protocol

import numpy as np

from ..edge_runtime.classifier import Classifier
from ..edge_runtime.engines.tensors import picture_input
from ..edge_runtime.errors import UsageError
from ..edge_runtime.images.prepare import decode, decode_reduced, prepare, prepare_box
from ..edge_runtime.images.rule import crop_box
from ..edge_runtime.models.model_file import ModelFile, ModelFormat
from ..edge_runtime.workers import Dialogue, started
from .frames import FrameFile

Samples = tuple[tuple[int, ...], ...]
"""Nanoseconds, (frames, stages)."""


@dataclass(frozen=True)
class WayReport:
    """One way, timed in windows between which the others had theirs."""

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

    def ratio(self, other: "WayReport") -> float:
        """How many times as long as `other` it takes: the median over the rounds, so that drift falls out."""
        pairs = zip(self.window_ms, other.window_ms, strict=True)
        return median(mine / others for mine, others in pairs)


class Timed(NamedTuple):
    """One frame's answer, and how long each stage took."""

    label: int | None
    """The best label's position; None from a way that gives none."""
    stages_ns: tuple[int, ...]


class Way(Protocol):
    """Something that is done with each frame, in stages."""

    engine: str
    """The engine and its version."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Their names, in order."""
        ...

    def answers(self, frames: Iterable[bytes]) -> Iterator[Timed]:
        """Classifies frame after frame, usually JPEGs, in the loop that a program of this kind is."""
        ...


def time_window(answers: Iterator[Timed], seconds: float) -> Samples:
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


# An engine's library called directly, with no line of edgecls in between: the least that a call can cost.


@dataclass(frozen=True)
class BareEngine:
    """A network in its engine."""

    tensor: Callable[[np.ndarray], np.ndarray]
    """From uint8 (H, W, 3) RGB to what the network takes; to be done before a clock starts."""
    call: Callable[[np.ndarray], np.ndarray]
    """From that to the network's output, as the file has it."""


def open_bare(model: ModelFile, threads: int) -> BareEngine:
    """Opens a `.tflite` or `.onnx`.

    Raises:
        BadModel, Unavailable: see `open_engine`.
        UsageError: a file of another format.
    """
    match model.format:
        case ModelFormat.TFLITE:
            return _litert(model, threads)
        case ModelFormat.ONNX:
            return _onnxruntime(model, threads)
    raise UsageError(f"{model.path}: a Keras model does not run on a device; run `edgecls export` first")


def _litert(model: ModelFile, threads: int) -> BareEngine:
    from ..edge_runtime.engines import litert  # noqa: PLC0415
    from ..edge_runtime.workers import native_stderr_held  # noqa: PLC0415

    name = str(model.path)
    with native_stderr_held():  # it announces its XNNPACK delegate
        interpreter = litert.Interpreter(model_content=model.content, num_threads=threads)
        interpreter.allocate_tensors()
    entry, out = litert.only_tensors(interpreter, name)
    entry_index, out_index = entry["index"], out["index"]

    def call(tensor: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(entry_index, tensor)
        interpreter.invoke()
        return interpreter.get_tensor(out_index)

    return BareEngine(picture_input(litert.spec_of(entry), model.card, name).tensor, call)


def _onnxruntime(model: ModelFile, threads: int) -> BareEngine:
    from ..edge_runtime.engines import onnxruntime as ort  # noqa: PLC0415

    name = str(model.path)
    session = ort.open_session(model.content, name, threads)
    entry, out = ort.only_tensors(session, name)
    entry_name, out_name = entry.name, out.name

    def call(tensor: np.ndarray) -> np.ndarray:
        return session.run([out_name], {entry_name: tensor})[0]

    return BareEngine(picture_input(ort.spec_of(entry), model.card, name).tensor, call)


# One way in a process of its own, as its parent sees it: it asks, the process answers.

_LIMIT_S = 60.0


_PROGRAM = f"{__package__}.way_process"


class TimedWay(Dialogue):
    """Asks a `way_process`, whose docstring says what is asked and answered.

    Its methods raise the error that the process reports, or `BadModel` where it crashed or hung.
    """

    engine: str = ""
    stages: tuple[str, ...] = ()

    def opened(self) -> None:
        """Waits until it is ready; to be called once, before the others."""
        said = self.reply()
        self.engine, self.stages = said["engine"], tuple(said["stages"])

    def ask_labels(self) -> None:
        """Lets it classify every frame once; `labels` waits for the result."""
        self.ask({"do": "labels"})

    def labels(self, frames: int) -> list[int | None]:
        """The best label of each of the process's frames, of which there are so many."""
        return self.reply(frames)["labels"]  # at worst a second for each

    def time_window(self, seconds: float) -> Samples:
        """Times one frame after the other for at least `seconds`."""
        self.ask({"do": "window", "seconds": seconds})
        return tuple(tuple(stages) for stages in self.reply(seconds)["samples_ns"])


@contextmanager
def timed_way(
    way: str, model: Path, frames: Path, threads: int, program: str = _PROGRAM
) -> Iterator[TimedWay]:
    """Starts the process of one way, a name that `program` knows; `frames` is a `FrameFile`."""
    with started(program, str(model), way, str(frames), threads=threads) as child:
        yield TimedWay(child, _LIMIT_S)


# Times several ways side by side: each in a process of its own, in windows that take turns.

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class WaySettings:
    """How ways are timed."""

    threads: int
    seconds: float
    """For each way."""
    windows: int
    """That these seconds are split into."""
    program: str = _PROGRAM
    """The module that is run for each way; it calls `way_process.serve`."""


def measure_ways(
    models: Mapping[str, Path], frames: Path, settings: WaySettings, on_step: OnStep
) -> dict[str, WayReport]:
    """Times ways over the frames of one file.

    Args:
        models: of each way its model; the names are those that the program knows.
        frames: a `FrameFile`.
        settings: how long.
        on_step: told what is being done.

    Raises:
        EdgeclsError: a way fails.
    """
    with ExitStack() as stack:
        ways = {
            name: stack.enter_context(timed_way(name, model, frames, settings.threads, settings.program))
            for name, model in models.items()
        }
        for way in ways.values():
            way.opened()
        windows = _rounds(ways, settings, on_step)
        return {
            name: WayReport(name, way.engine, way.stages, tuple(windows[name])) for name, way in ways.items()
        }


def labels_of(
    models: Mapping[str, Path], frames: Path, threads: int, program: str = _PROGRAM
) -> dict[str, list[int | None]]:
    """The best label of each frame, by each way: all of them at the same time, as nothing is timed."""
    count = len(FrameFile(frames))
    with ExitStack() as stack:
        ways = {
            name: stack.enter_context(timed_way(name, model, frames, threads, program))
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


# The way that `edgecls camera` takes from a JPEG to a label.


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
