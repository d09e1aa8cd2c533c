"""How the cost of each file grows: `edgecls bench --scaling threads|resolution`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from ...edge_runtime.errors import EdgeclsError
from ...edge_runtime.files import whole_file
from ...edge_runtime.images.prepare import prepare
from ...edge_runtime.models.model_file import ModelFormat, read_model
from ..frames import HD, VGA, FrameSize, Pictures, camera_frames, write_frames
from ..machine import read_machine, read_state
from ..report import Window
from ..turns import grouped, places_of
from ..ways import Samples, TimedWay, timed_way
from ..worker import TimedFile, timed_file
from .report import ScalingKind, ScalingLine, ScalingPoint, ScalingReport, ScalingSettings

# Points of a sweep while they are measured: they take turns, and a file that fails takes none with it.

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
    stages: tuple[str, ...] = ()
    timings: list[Timing] = field(default_factory=list)

    @property
    def point(self) -> ScalingPoint:
        """What it came to."""
        return ScalingPoint(
            self.value,
            self.name,
            tuple(timing.window for timing in self.timings),
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
    def line(self) -> ScalingLine:
        timed = tuple(probe.point for probe in self.opened.probes if probe.timings)
        path, opened = str(self.subject.path), self.opened
        if self.error is None:
            return ScalingLine(path, opened.engine, timed, opened.note)
        return ScalingLine(path, opened.engine, (), opened.note, str(self.error), self.error.exit_code)


def measure_subjects(
    subjects: Iterable[Subject], settings: ScalingSettings, on_step: OnStep
) -> tuple[ScalingLine, ...]:
    """Measures group after group of files; within one, all points of all files take turns."""
    lines: list[ScalingLine] = []
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


def _rounds(going: Sequence[_Going], settings: ScalingSettings, on_step: OnStep) -> None:
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


# Which capture size one can afford: the way from a camera's JPEG to a label, for frames of many sizes.

FRAMES = 24
"""Different ones of each size."""
_BYTES_PER_PIXEL = VGA.jpeg_bytes / VGA.width_px / VGA.height_px


def _size(width_px: int, height_px: int) -> FrameSize:
    """A frame as full of detail as the others: bytes grow with the pixels."""
    jpeg_bytes = round(width_px * height_px * _BYTES_PER_PIXEL)
    return FrameSize(f"{width_px}x{height_px}", width_px, height_px, jpeg_bytes)


SIZES = (_size(160, 120), _size(320, 240), VGA, HD, _size(1920, 1080))


def write_sizes(folder: Path, pictures: Pictures, on_step: OnStep) -> dict[FrameSize, Path]:
    """Writes frames of each size, which all processes share.

    Raises:
        OutputFailed, PermissionRefused: they cannot be written.
    """
    paths = {size: folder / f"{size.name}.frames" for size in SIZES}
    for size, path in paths.items():
        on_step(f"making frames of {size.name}")
        write_frames(path, camera_frames(pictures.images, size, FRAMES))
    return paths


def resolution_subject(path: Path, frames: Mapping[FrameSize, Path], threads: int) -> Subject:
    """One process for each size, which does what `edgecls camera` does with a JPEG."""

    def open_all(stack: ExitStack) -> Opened:
        ways = {
            size: stack.enter_context(timed_way("edgecls", path, file, threads))
            for size, file in frames.items()
        }
        for way in ways.values():
            way.opened()
        engine = next(iter(ways.values())).engine
        return Opened(engine, [_resolution_probe(way, size) for size, way in ways.items()])

    return Subject(path, len(frames), open_all)


def _resolution_probe(way: TimedWay, size: FrameSize) -> Probe:
    def time_window(seconds: float) -> Timing:
        samples = way.time_window(seconds)
        return Timing(Window(0, tuple(map(sum, samples))), samples)

    return Probe(size.width_px * size.height_px, size.name, time_window, stages=way.stages)


# Whether more threads help: each file at 1, 2, 4, ... threads, one image at a time.


def thread_counts(cores: int) -> tuple[int, ...]:
    """1, 2, 4, ... and the number of cores."""
    doubled = [2**power for power in range(cores.bit_length()) if 2**power < cores]
    return (*doubled, cores)


def threads_subject(path: Path, images: Path, counts: Sequence[int]) -> Subject:
    """One process for each number of threads; `images` is an .npy, uint8 (N, H, W, 3) RGB."""

    def open_all(stack: ExitStack) -> Opened:
        processes = [stack.enter_context(timed_file(path, images, count)) for count in counts]
        loads = [process.opened() for process in processes]
        probes = [_threads_probe(process, count) for process, count in zip(processes, counts, strict=True)]
        return Opened(loads[0].engine, probes)

    return Subject(path, len(counts) * places_of(path), open_all)


def _threads_probe(process: TimedFile, count: int) -> Probe:
    return Probe(count, str(count), lambda seconds: Timing(process.time_window(seconds)))


def measure_scaling(
    kind: ScalingKind,
    paths: Sequence[Path],
    pictures: Pictures,
    settings: ScalingSettings | None = None,
    on_step: OnStep = lambda _: None,
) -> ScalingReport:
    """Measures each file at many settings that take turns. One that fails is a line with its error.

    Args:
        kind: what is swept. A resolution is that of the camera's frames: a network's own input is fixed, and
            so Keras, which reads no camera, is left out of it.
        paths: `.h5`, `.tflite` and `.onnx` files.
        pictures: what is classified; their pixels change no time.
        settings: how long.
        on_step: told what is being done.

    Raises:
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    settings = settings or ScalingSettings()
    machine = read_machine()
    started_at = datetime.now().astimezone().isoformat(timespec="seconds")
    with TemporaryDirectory(prefix="edgecls-sweep-") as name:
        folder = Path(name)
        if kind == "resolution":
            frames = write_sizes(folder, pictures, on_step)
            exported = [path for path in paths if not _is_keras(path)]
            subjects = [resolution_subject(path, frames, settings.threads) for path in exported]
        else:
            subject_of = partial(threads_subject, counts=thread_counts(machine.cores))
            subjects = list(_network_subjects(paths, pictures, folder, subject_of))
        lines = measure_subjects(subjects, settings, on_step)
    return ScalingReport(kind, started_at, machine, read_state(), settings, pictures.text, lines)


def _network_subjects(
    paths: Sequence[Path], pictures: Pictures, folder: Path, subject_of: Callable[[Path, Path], Subject]
) -> Iterator[Subject]:
    """Each file with pictures of its own size, which `subject_of` makes something to measure from."""
    for number, path in enumerate(paths):
        images = folder / f"{number}.npy"
        try:
            rule = read_model(path).card.image
        except EdgeclsError as error:
            yield failed_subject(path, error)
            continue
        with whole_file(images) as beside:
            np.save(beside, np.stack([prepare(picture, rule) for picture in pictures.images]))
        yield subject_of(path, images)


def _is_keras(path: Path) -> bool:
    try:
        return read_model(path).format is ModelFormat.H5
    except EdgeclsError:
        return path.suffix == ".h5"
