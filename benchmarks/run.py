"""`edgecls.bench`: exported files beside the Keras original, and what a caller does with the report."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ..edge_runtime.errors import CheckFailed, EdgeclsError
from ..edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from .earlier import read_earlier
from .file_report import BenchSettings
from .measure import measure_files
from .model_files import find_model_files, read_strangers
from .report import BenchReport
from .test_images import bench_images

_QUICK_S = 1.0
"""Timing that takes less than this shall not wait for three starts of each file: of Keras, 15 s."""


def bench(
    models: str | Path | Sequence[str | Path] = (),
    *,
    data: str | Path | None = None,
    images: int | None = None,
    threads: int = 1,
    seconds: float = 3.0,
    peers: bool = False,
    against: str | Path | None = None,
    labels: str | Path | None = None,
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    on_step: Callable[[str], None] = lambda _: None,
) -> BenchReport:
    """Measures the size, accuracy, latency, cold start and memory of model files, beside the Keras original.

    A file that fails has its error in its report, and the others go on.

    Args:
        models: files, folders or names of built-in models; without any, all files of the current folder.
        data: the data set to test on; by default the one that the model was trained on.
        images: at most this many test images, each class by its share.
        threads: of every engine.
        seconds: for the latency of each file; with less than one, each is started once only, not three times.
        peers: measure each file in the other engines that are installed, too.
        against: an earlier report as JSON. It gives the Keras reference where Keras cannot be measured here;
            `render_changes` shows what has changed since.
        labels: file with the labels of the TFLite and ONNX files that edgecls did not make.
        picture_options: how these want their pictures.
        on_step: called with what is being done, for a progress line.

    Returns:
        The report: its `text` is a table, `to_json` and `to_csv` have every figure.

    Raises:
        MissingInput: a model or the test images are not there.
        BadData: no file can be read, `data` cannot be used, or `against` is no report.
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    earlier = read_earlier(Path(against)) if against else None
    named = [models] if isinstance(models, str | Path) else models
    strangers = read_strangers(labels, picture_options)
    paths = find_model_files([Path(model) for model in named], strangers=strangers)
    tests = bench_images(paths, None if data is None else str(data), images)
    settings = BenchSettings(threads=threads, seconds=seconds, peers=peers)
    if seconds < _QUICK_S:
        settings = replace(settings, cold_starts=1)
    return measure_files(paths, tests, settings, on_step, earlier)


class MeasuredFile(Protocol):
    """A file's part of any report."""

    @property
    def path(self) -> str:
        """As it was named, or found."""
        ...

    @property
    def error(self) -> str | None:
        """Why it could not be measured."""
        ...

    @property
    def exit_code(self) -> int:
        """Of the error."""
        ...


def check_measured(files: Sequence[MeasuredFile], named: Sequence[Path] = ()) -> None:
    """Ends with an error where a file gave NaN, or one that was named could not be measured.

    A damaged file that merely lies in the folder is a line in the table, unless there is no other.

    Raises:
        EdgeclsError: that of the file.
        CheckFailed: there are exported files, and none could be measured.
    """
    failed = [file for file in files if file.error]
    everything = len(failed) == len(files)
    for file in failed:
        if everything or file.exit_code == 1 or Path(file.path) in named:
            error = EdgeclsError(str(file.error))
            error.exit_code = file.exit_code
            raise error
    exported = [file for file in files if not file.path.endswith(".h5")]
    if exported and all(file.error for file in exported):
        raise CheckFailed(f"no exported file could be measured: {exported[0].error}")
