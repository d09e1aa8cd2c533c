"""Which capture size one can afford: the way from a camera's JPEG to a label, for frames of many sizes."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from ..pipeline.frame_file import write_frames
from ..pipeline.frames import HD, VGA, FrameSize, camera_frames
from ..pipeline.run import Pictures
from ..pipeline.timed_way import TimedWay, timed_way
from ..report import Window
from .probe import OnStep, Opened, Probe, Subject, Timing

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
        return Opened(engine, [_probe(way, size) for size, way in ways.items()])

    return Subject(path, len(frames), open_all)


def _probe(way: TimedWay, size: FrameSize) -> Probe:
    def time_window(seconds: float) -> Timing:
        samples = way.time_window(seconds)
        return Timing(Window(0, tuple(map(sum, samples))), samples)

    return Probe(size.width_px * size.height_px, size.name, time_window, stages=way.stages)
