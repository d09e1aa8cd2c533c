"""The camera pipeline beside a naive program, from a camera's bytes to a label: `make bench-pipeline`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edgecls.benchmarks.frames import HD, VGA, FrameFile, FrameSize, Pictures, camera_frames, write_frames
from edgecls.benchmarks.machine import read_machine, timestamp
from edgecls.edge_runtime.errors import EdgeclsError, MissingInput
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat, read_model

from .camera_cost import measure_idle_cost
from .frame_age import measure_age
from .pipeline_report import (
    CallReport,
    PipelineReport,
    PipelineSettings,
    SizeReport,
)
from .pipelines import OnStep, TimingSettings, agreement, labels_of, time_pipelines

# The two files that are measured: the one that a camera runs, and that of the naive program.


@dataclass(frozen=True)
class PipelineModels:
    """The files, and notes about them."""

    fast: ModelFile
    naive: ModelFile | None
    """A float32 `.onnx` of the same network; None leaves the naive program out."""
    notes: tuple[str, ...] = ()


def choose_models(paths: Sequence[Path]) -> PipelineModels:
    """Chooses among model files; those that cannot be read are passed over.

    The fast one is the int8 `.tflite`, or else the best that there is, as `edgecls camera` chooses.

    Raises:
        MissingInput: no exported file.
        EdgeclsError: none can be read; the error is that of the first.
    """
    models, first_error = [], None
    for path in paths:
        try:
            models.append(read_model(path))
        except EdgeclsError as error:
            first_error = first_error or error
    exported = [model for model in models if model.format is not ModelFormat.H5]
    if not exported:
        raise first_error or MissingInput(
            "this needs an int8 .tflite and the float32 .onnx of one network; run `edgecls export --int8`"
        )
    fast = max(exported, key=_merit)
    naive = next((model for model in exported if _is_naive(model, fast)), None)
    return PipelineModels(fast, naive, tuple(_notes(fast, naive)))


def _merit(model: ModelFile) -> tuple[bool, bool]:
    return model.format is ModelFormat.TFLITE, model.card.quantisation is not None


def _is_naive(model: ModelFile, fast: ModelFile) -> bool:
    """Whether it is float32 and of the same network, without which labels could not be compared."""
    card = model.card
    return (
        model.format is ModelFormat.ONNX
        and card.quantisation is None
        and card.labels == fast.card.labels
        and card.provenance.weights_sha256 == fast.card.provenance.weights_sha256
    )


def _notes(fast: ModelFile, naive: ModelFile | None) -> list[str]:
    notes = []
    if _merit(fast) != (True, True):
        notes.append(
            f"no int8 .tflite among the files: {fast.path.name} was measured in its place; "
            "`edgecls export --int8` makes one"
        )
    if naive is None:
        notes.append(
            f"no float32 .onnx of the same network as {fast.path.name}: the naive program was left out; "
            "`edgecls export` makes one"
        )
    return notes


_READY = 64
"""Prepared inputs that are classified in turn."""


def bench_pipeline(
    models: PipelineModels,
    pictures: Pictures,
    settings: PipelineSettings | None = None,
    on_step: OnStep = lambda _: None,
) -> PipelineReport:
    """Measures every stage from a JPEG to its label, the age of frames, and the cost of a camera program.

    Raises:
        BadModel, Unavailable: a model cannot be run.
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    settings = settings or PipelineSettings()
    machine = read_machine()
    created_at = timestamp()
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
            created_at=created_at,
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
    times = time_pipelines(
        naive | {"edgecls": fast, "floor": fast},
        frames,
        _timing_settings(settings),
        _prefixed(on_step, size.name),
    )
    on_step(f"{size.name}: comparing the labels of {settings.frames:,} frames")
    labels = labels_of(naive | {"edgecls": fast, "in full": fast}, frames, settings.threads)
    return SizeReport(
        size=size,
        frames=settings.frames,
        median_bytes=FrameFile(frames).median_bytes,
        ours=times["edgecls"],
        floor=times["floor"],
        naive=times.get("naive"),
        agreement=agreement(labels["naive"], labels["edgecls"]) if naive else None,
        decode_agreement=agreement(labels["in full"], labels["edgecls"]),
    )


def _measure_calls(
    models: PipelineModels, ready: Path, settings: PipelineSettings, on_step: OnStep
) -> CallReport:
    fast = models.fast.path
    times = time_pipelines({"classify": fast, "call": fast}, ready, _timing_settings(settings), on_step)
    return CallReport(times["classify"], times["call"])


def _timing_settings(settings: PipelineSettings) -> TimingSettings:
    return TimingSettings(settings.threads, settings.seconds, settings.windows)


def _prefixed(on_step: OnStep, name: str) -> OnStep:
    return lambda step: on_step(f"{name}: {step}")
