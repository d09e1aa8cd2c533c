"""How the cost of each file grows: `edgecls bench --sweep threads|resolution|batch`."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ...edge_runtime.errors import EdgeclsError
from ...edge_runtime.files import whole_file
from ...edge_runtime.image import prepare
from ...edge_runtime.model_file import ModelFormat, read_model
from ..machine import read_machine, read_state
from ..pipeline.run import Pictures
from .batch import batch_subject
from .probe import OnStep, Subject, failed_subject, measure_subjects
from .report import SweepKind, SweepReport, SweepSettings
from .resolution import resolution_subject, write_sizes
from .threads import thread_counts, threads_subject


def sweep(
    kind: SweepKind,
    paths: Sequence[Path],
    pictures: Pictures,
    settings: SweepSettings | None = None,
    on_step: OnStep = lambda _: None,
) -> SweepReport:
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
    settings = settings or SweepSettings()
    machine = read_machine()
    started_at = datetime.now().astimezone().isoformat(timespec="seconds")
    with TemporaryDirectory(prefix="edgecls-sweep-") as name:
        folder = Path(name)
        if kind == "resolution":
            frames = write_sizes(folder, pictures, on_step)
            exported = [path for path in paths if not _is_keras(path)]
            subjects = [resolution_subject(path, frames, settings.threads) for path in exported]
        else:
            if kind == "threads":
                subject_of = partial(threads_subject, counts=thread_counts(machine.cores))
            else:
                subject_of = partial(batch_subject, threads=settings.threads)
            subjects = list(_network_subjects(paths, pictures, folder, subject_of))
        lines = measure_subjects(subjects, settings, on_step)
    return SweepReport(kind, started_at, machine, read_state(), settings, pictures.text, lines)


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
