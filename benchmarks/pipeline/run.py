"""The benchmark of the whole way, from a camera's bytes to a label: `edgecls bench --pipeline`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ...edge_runtime.image import ImageRule, prepare
from ...edge_runtime.opencv import cv2
from ..machine import read_machine
from .age import measure_age
from .frame_file import FrameFile, write_frames
from .frames import HD, VGA, FrameSize, camera_frames
from .idle_cost import measure_idle_cost
from .measure_ways import OnStep, WaySettings, labels_of, measure_ways
from .models import PipelineModels
from .report import CallReport, PipelineReport, PipelineSettings, SizeReport, agreement

_READY = 64
"""Ready inputs that are classified in turn."""


@dataclass(frozen=True)
class Pictures:
    """What the frames show."""

    text: str
    """For people: `cifar10, test images`."""
    images: Sequence[np.ndarray]
    """uint8 (H, W, 3) BGR, of any size."""


def bench_pipeline(
    models: PipelineModels,
    pictures: Pictures,
    settings: PipelineSettings | None = None,
    on_step: OnStep = lambda _: None,
) -> PipelineReport:
    """Measures every stage from a JPEG to its label, frames' ages, and what a camera costs that runs all day.

    Raises:
        BadModel, Unavailable: a model cannot be run.
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    settings = settings or PipelineSettings()
    machine = read_machine()
    started_at = datetime.now().astimezone().isoformat(timespec="seconds")
    fast, naive = models.fast.path, models.naive.path if models.naive else None
    with TemporaryDirectory(prefix="edgecls-bench-") as name:
        vga, hd = (_frames(Path(name), size, pictures, settings, on_step) for size in (VGA, HD))
        sizes = (
            _measure_size(VGA, vga, models, settings, on_step),
            _measure_size(HD, hd, models, settings, on_step),
        )
        ready = _ready_inputs(Path(name), pictures, models.fast.card.image)
        on_step("age of frames with a slow reader")
        age = measure_age(fast, vga, 5 * settings.seconds, settings.threads)
        return PipelineReport(
            created_at=started_at,
            machine=machine,
            settings=settings,
            model=str(fast),
            naive_model=str(naive) if naive else None,
            pictures=pictures.text,
            sizes=sizes,
            calls=_measure_calls(models, ready, settings, on_step),
            age=age,
            idle=measure_idle_cost(fast, naive, vga, settings.seconds, on_step=on_step),
            notes=models.notes,
        )


def _frames(
    folder: Path, size: FrameSize, pictures: Pictures, settings: PipelineSettings, on_step: OnStep
) -> Path:
    on_step(f"making {settings.frames:,} frames of {size.name}")
    path = folder / f"{size.name}.frames"
    write_frames(path, camera_frames(pictures.images, size, settings.frames))
    return path


def _ready_inputs(folder: Path, pictures: Pictures, rule: ImageRule) -> Path:
    """Pictures of the network's own size, raw, uint8 (H, W, 3) BGR."""
    path = folder / "ready.frames"
    prepared = (cv2.cvtColor(prepare(image, rule), cv2.COLOR_RGB2BGR) for image in pictures.images[:_READY])
    write_frames(path, (picture.tobytes() for picture in prepared))
    return path


def _measure_size(
    size: FrameSize, frames: Path, models: PipelineModels, settings: PipelineSettings, on_step: OnStep
) -> SizeReport:
    fast = models.fast.path
    naive = {"naive": models.naive.path} if models.naive else {}
    ways = measure_ways(
        naive | {"edgecls": fast, "floor": fast},
        frames,
        _way_settings(settings),
        _prefixed(on_step, size.name),
    )
    on_step(f"{size.name}: comparing the labels of {settings.frames:,} frames")
    labels = labels_of(naive | {"edgecls": fast, "in full": fast}, frames, settings.threads)
    return SizeReport(
        size=size,
        frames=settings.frames,
        median_bytes=FrameFile(frames).median_bytes,
        ours=ways["edgecls"],
        floor=ways["floor"],
        naive=ways.get("naive"),
        agreement=agreement(labels["naive"], labels["edgecls"]) if naive else None,
        decode_agreement=agreement(labels["in full"], labels["edgecls"]),
    )


def _measure_calls(
    models: PipelineModels, ready: Path, settings: PipelineSettings, on_step: OnStep
) -> CallReport:
    fast = models.fast.path
    ways = measure_ways({"classify": fast, "call": fast}, ready, _way_settings(settings), on_step)
    return CallReport(ways["classify"], ways["call"])


def _way_settings(settings: PipelineSettings) -> WaySettings:
    return WaySettings(settings.threads, settings.seconds, settings.windows)


def _prefixed(on_step: OnStep, name: str) -> OnStep:
    return lambda step: on_step(f"{name}: {step}")
