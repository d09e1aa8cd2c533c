"""Measuring each file at several numbers of threads, or with camera frames of several sizes."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from ...edge_runtime.errors import EdgeclsError, MissingInput, UsageError
from ...edge_runtime.files import scratch_folder, whole_file
from ...edge_runtime.images.prepare import prepare
from ...edge_runtime.models.model_file import ModelFormat
from ..file_report import Window
from ..frames import HD, VGA, FrameSize, Pictures, camera_frames, write_frames
from ..machine import read_machine, read_state, timestamp
from ..model_files import KERAS_SUFFIXES, ModelFiles, find_model_files, first_readable
from ..pipeline import Samples
from ..test_images import golden_pictures, held_out_images
from ..turns import grouped, places_of, take_turns
from ..worker import FileProcess, PipelineProcess, start_pipeline, timed_file
from .report import ScalingKind, ScalingLine, ScalingPoint, ScalingReport, ScalingSettings

OnStep = Callable[[str], None]

_PICTURES = 64
"""Test images that are classified in turn."""


def bench_scaling(
    kind: ScalingKind,
    models: Sequence[Path] = (),
    *,
    data: str | None = None,
    threads: int = 1,
    seconds: float = 3.0,
    on_step: OnStep = lambda _: None,
) -> ScalingReport:
    """Measures the latency of each file by engine threads, or by the resolution of the camera's frames.

    Args:
        kind: what is varied.
        models: files, folders or names of built-in models; without any, all files of the current folder.
        data: a data set whose test images are classified; by default the golden frames of a model card, or
            the test images that the model was trained beside.
        threads: of every engine, where they are not what is varied.
        seconds: for each point.
        on_step: called with what is being done, for a progress line.

    Raises:
        UsageError: a number of threads is given where threads are varied.
        MissingInput: there is no exported file, or no picture.
    """
    if kind == "threads" and threads != 1:
        raise UsageError("--threads is varied by --scaling threads; leave it out")
    paths = find_model_files(models)
    on_step("reading pictures")
    report = measure_scaling(kind, paths, _pictures(paths, data), ScalingSettings(threads, seconds), on_step)
    if not report.lines:
        raise MissingInput("no exported file to measure; run `edgecls export --int8`")
    return report


def _pictures(paths: Sequence[Path], data: str | None) -> Pictures:
    """Golden frames of a card; test images of a data set that is named, or where there are no such frames."""
    if data is None and (found := golden_pictures(paths)):
        model, golden = found
        return Pictures(f"{len(golden)} golden frames of {model.path.name}", golden)
    tests = held_out_images(first_readable(paths), data, _PICTURES)
    return Pictures(f"{tests.name}, {len(tests.images)} test images", list(tests.images[..., ::-1]))


def measure_scaling(
    kind: ScalingKind,
    paths: Sequence[Path],
    pictures: Pictures,
    settings: ScalingSettings | None = None,
    on_step: OnStep = lambda _: None,
) -> ScalingReport:
    """Measures each file at many settings that take turns. One that fails is a line with its error.

    Args:
        kind: what is varied. A resolution is that of the camera's frames: a network's own input is fixed, and
            so Keras, which reads no camera, is left out of it.
        paths: `.h5`, `.tflite` and `.onnx` files.
        pictures: what is classified; their pixels change no time.
        settings: how long.
        on_step: called with what is being done.

    Raises:
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    settings = settings or ScalingSettings()
    models = ModelFiles.of(paths)
    machine = read_machine()
    created_at = timestamp()
    with scratch_folder() as folder:
        if kind == "resolution":
            frames = write_sizes(folder, pictures, on_step)
            files = [
                resolution_file(path, frames, settings.threads)
                for path in models
                if not _is_keras(models, path)
            ]
        else:
            counts = thread_counts(machine.cores)
            files = list(_thread_files(models, pictures, folder, counts))
        lines = _measure_files(files, settings, on_step)
    return ScalingReport(kind, created_at, machine, read_state(), settings, pictures.text, lines)


# Points while they are measured: they take turns, and a file that fails does not stop the others.


@dataclass(frozen=True)
class PointTiming:
    """What one window of one point gave."""

    window: Window
    stages: Samples = ()
    """The same samples stage by stage; empty where a call has one stage."""


@dataclass
class OpenPoint:
    """One file at one setting, with its process, and what was measured so far."""

    value: int
    name: str
    time_window: Callable[[float], PointTiming]
    stages: tuple[str, ...] = ()
    timings: list[PointTiming] = field(default_factory=list)

    @property
    def point(self) -> ScalingPoint:
        """The result."""
        return ScalingPoint(
            self.value,
            self.name,
            tuple(timing.window for timing in self.timings),
            {stage: self._stage_ms(place) for place, stage in enumerate(self.stages)},
        )

    def _stage_ms(self, place: int) -> float:
        """The median of the windows' medians of one stage."""
        return median(median(frame[place] for frame in timing.stages) for timing in self.timings) / 1e6


@dataclass
class ScaledFile:
    """One file, and its points while they are measured."""

    path: Path
    places: int
    """That its processes take; see `places_of`."""
    open: Callable[[ExitStack], tuple[str, Sequence[OpenPoint]]]
    """Opens it at all its settings, for as long as the stack lasts; gives its engine and its points."""
    engine: str = ""
    points: Sequence[OpenPoint] = ()
    error: EdgeclsError | None = None

    @property
    def line(self) -> ScalingLine:
        """The result."""
        if self.error:
            return ScalingLine(
                str(self.path), self.engine, error=str(self.error), exit_code=self.error.exit_code
            )
        return ScalingLine(
            str(self.path), self.engine, tuple(one.point for one in self.points if one.timings)
        )


def _measure_files(
    files: Iterable[ScaledFile], settings: ScalingSettings, on_step: OnStep
) -> tuple[ScalingLine, ...]:
    """Measures group after group of files; within one, all points of all files take turns."""
    lines: list[ScalingLine] = []
    for group in grouped(files, lambda file: file.places):  # points compare within a file
        with ExitStack() as stack:
            for file in group:
                on_step(f"opening {file.path.name}")
                try:
                    file.engine, file.points = file.open(stack)
                except EdgeclsError as error:
                    file.error = error
            _measure_group(group, settings, on_step)
            lines += [file.line for file in group]
    return tuple(lines)


def _measure_group(group: Sequence[ScaledFile], settings: ScalingSettings, on_step: OnStep) -> None:
    turns = [(file, point) for file in group if not file.error for point in file.points]
    begun = 0

    def windows_of(file: ScaledFile, point: OpenPoint) -> Generator[None]:
        """Times a point window after window, until another point of its file has failed."""
        nonlocal begun
        for number in range(1, settings.windows + 1):
            if number > begun:
                begun = number
                on_step(f"timing: window {number} of {settings.windows}")
            if file.error:
                return
            point.timings.append(point.time_window(settings.seconds / settings.windows))
            yield

    def failed(place: int, error: EdgeclsError) -> None:
        turns[place][0].error = error

    take_turns([windows_of(file, point) for file, point in turns], failed)


# Resolution: from a camera's JPEG to a label, for frames of many sizes.

FRAMES = 24
"""Different ones of each size."""
_BYTES_PER_PIXEL = VGA.jpeg_bytes / VGA.width_px / VGA.height_px


def _size(width_px: int, height_px: int) -> FrameSize:
    """A frame with as much detail as the others: bytes in proportion to the pixels."""
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


def resolution_file(path: Path, frames: Mapping[FrameSize, Path], threads: int) -> ScaledFile:
    """One process for each size, which does what `edgecls camera` does with a JPEG."""

    def open_all(stack: ExitStack) -> tuple[str, Sequence[OpenPoint]]:
        pipelines = {
            size: stack.enter_context(start_pipeline("edgecls", path, file, threads))
            for size, file in frames.items()
        }
        for pipeline in pipelines.values():
            pipeline.opened()
        engine = next(iter(pipelines.values())).engine
        return engine, [_resolution_point(pipeline, size) for size, pipeline in pipelines.items()]

    return ScaledFile(path, len(frames), open_all)


def _resolution_point(pipeline: PipelineProcess, size: FrameSize) -> OpenPoint:
    def time_window(seconds: float) -> PointTiming:
        samples = pipeline.time_window(seconds)
        return PointTiming(Window(0, tuple(map(sum, samples))), samples)

    return OpenPoint(size.width_px * size.height_px, size.name, time_window, stages=pipeline.stages)


def _is_keras(models: ModelFiles, path: Path) -> bool:
    try:
        return models.read(path).format is ModelFormat.H5
    except EdgeclsError:
        return path.suffix in KERAS_SUFFIXES


# Threads: each file at 1, 2, 4, ... of them, one image at a time.


def thread_counts(cores: int) -> tuple[int, ...]:
    """1, 2, 4, ... and the number of cores."""
    doubled = [2**power for power in range(cores.bit_length()) if 2**power < cores]
    return (*doubled, cores)


def threads_file(path: Path, images: Path, counts: Sequence[int]) -> ScaledFile:
    """One process for each number of threads; `images` is an .npy, uint8 (N, H, W, 3) RGB."""

    def open_all(stack: ExitStack) -> tuple[str, Sequence[OpenPoint]]:
        processes = [stack.enter_context(timed_file(path, images, count)) for count in counts]
        loads = [process.opened() for process in processes]
        points = [_threads_point(process, count) for process, count in zip(processes, counts, strict=True)]
        return loads[0].engine, points

    return ScaledFile(path, len(counts) * places_of(path), open_all)


def _threads_point(process: FileProcess, count: int) -> OpenPoint:
    return OpenPoint(count, str(count), lambda seconds: PointTiming(process.time_window(seconds)))


def _thread_files(
    models: ModelFiles, pictures: Pictures, folder: Path, counts: Sequence[int]
) -> Iterator[ScaledFile]:
    """Each file with pictures of its own size."""
    for number, path in enumerate(models):
        images = folder / f"{number}.npy"
        try:
            rule = models.read(path).card.image
        except EdgeclsError as error:
            yield _unreadable(path, error)
            continue
        with whole_file(images) as beside:
            np.save(beside, np.stack([prepare(picture, rule) for picture in pictures.images]))
        yield threads_file(path, images, counts)


def _unreadable(path: Path, error: EdgeclsError) -> ScaledFile:
    def fail(_: ExitStack) -> tuple[str, Sequence[OpenPoint]]:
        raise error

    return ScaledFile(path, 0, fail)
