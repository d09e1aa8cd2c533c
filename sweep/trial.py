"""A trial: one training and its exports, by the commands of `edgecls`, on any machine of the cluster.

A trial runs where Ray has a core free; its files and its record go back to the machine that started the
sweep.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from ..edge_runtime.errors import BadData, EdgeclsError
from ..edge_runtime.files import REPORT_BYTES, read_whole, whole_folder, write_whole
from ..edge_runtime.schema import Range, Raw, checked, parse_json
from .cluster import NodeFacts, check_same, node_facts, node_name, ray, tune
from .grid import GridPoint

NAME = "trial.json"
EXPORT_REPORT = "export.json"
CHECKPOINT = "checkpoint.npz"
"""Its name in `trainer.checkpoint`, which this package must not import: a sweep runs commands."""


Share = Annotated[float, Range(0, 1)]
Count = Annotated[int, Range(0)]


@dataclass(frozen=True)
class FileRecord:
    """One int8 file."""

    file: str
    """Its name in the trial's folder."""
    val_accuracy: Share
    """Top-1 on the validation split, 0 to 1: for choices."""
    test_accuracy: Share
    """Top-1 on the test split, 0 to 1: for reporting what was chosen."""


@dataclass(frozen=True)
class TrialRecord:
    """The result of a training and its exports, kept beside the files."""

    point: GridPoint
    commands: tuple[Annotated[str, Raw], ...]
    """The commands that made it, as a user would type them."""
    node: str
    """The machine it ran on."""
    seconds: Annotated[float, Range(0)]
    epochs: Count
    data_sha256: str
    """As in the model's card."""
    val_images: Count
    test_images: Count
    versions: dict[str, str]
    """Of Python and the packages that the result depends on."""
    files: tuple[FileRecord, ...]

    def to_json(self) -> str:
        """Returns the record as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def read_trial(folder: Path) -> TrialRecord:
    """Reads the record in a trial's folder.

    Raises:
        MissingInput: there is none.
        BadData: it is damaged.
    """
    path = folder / NAME
    try:
        return checked(TrialRecord, parse_json(read_whole(path, REPORT_BYTES)), only_known=True)
    except ValueError as error:
        raise BadData(
            f"{path}: not a record that this edgecls wrote: {error}; remove {folder} and run with --resume"
        ) from error


class Killed(Exception):
    """A command was ended by a signal, for example because memory ran out: worth another attempt."""


@dataclass(frozen=True)
class Job:
    """One trial of a sweep: what to train and export."""

    point: GridPoint
    data: str
    """As `--data` takes it; a path is absolute and the same on every machine."""
    epochs: int | None = None
    """None is the recipe's own number."""
    threads: int = 1
    """For TensorFlow and others that would otherwise use all cores of the machine."""
    program: tuple[str, ...] = ("-m", "edgecls.cli")
    """Arguments of Python that run `edgecls`."""
    zip_encoding: str | None = None
    """See `load_dataset`."""

    @property
    def model(self) -> str:
        """The name of the `.h5`; names of exports begin with its stem."""
        return f"{self.point.name}.h5"

    @property
    def train(self) -> tuple[str, ...]:
        """The arguments of `edgecls` for the training."""
        epochs = () if self.epochs is None else ("--epochs", str(self.epochs))
        names = () if self.zip_encoding is None else ("--zip-encoding", self.zip_encoding)
        return ("train", "--data", self.data, *names, *self.point.options, *epochs, "--output", self.model)

    @property
    def export(self) -> tuple[str, ...]:
        """The arguments of `edgecls` for the exports."""
        return ("export", self.model, "--int8", "--json", EXPORT_REPORT)

    @property
    def commands(self) -> tuple[str, ...]:
        """Both commands as text, to run them by hand."""
        return tuple(f"edgecls {shlex.join(arguments)}" for arguments in (self.train, self.export))


def run_job(job: Job, folder: Path, node: str) -> TrialRecord:
    """Trains and exports in `folder`; resumes a training that was interrupted there.

    Args:
        job: what to do.
        folder: for the model, its report and its exports; made if missing.
        node: this machine's name, for the record.

    Raises:
        EdgeclsError: a command failed; has the command's own message and exit code.
        Killed: a command was ended by a signal.
    """
    started_s = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    resume = ("--resume",) if (folder / job.point.name / CHECKPOINT).exists() else ()
    if not (folder / job.model).exists():  # written last, when the training is finished
        _run(job, folder, (*job.train, *resume))
    _run(job, folder, job.export)
    return _record(job, folder, node, time.monotonic() - started_s)


def kept_files(job: Job, folder: Path) -> Iterator[Path]:
    """Yields the files to keep: all but float exports, which `edgecls export` can make again at any time."""
    float_exports = {f"{job.point.name}{suffix}" for suffix in (".tflite", ".onnx")}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in float_exports:
            yield path.relative_to(folder)


def _run(job: Job, folder: Path, arguments: tuple[str, ...]) -> None:
    """Runs one command; its output goes into a log in the folder."""
    tethered = (sys.executable, "-P", "-m", f"{__package__}.tethered", str(os.getpid()))
    log = folder / f"{arguments[0]}.log"
    with log.open("ab") as output:
        done = subprocess.run(
            [*tethered, *job.program, *arguments],
            cwd=folder,
            env=os.environ | threads_of(job.threads),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode < 0:
        raise Killed(f"`edgecls {arguments[0]}` was ended by signal {-done.returncode}")
    if done.returncode:
        said = log.read_text(encoding="utf-8", errors="replace")
        error = EdgeclsError(_reason(said, arguments[0], done.returncode))
        error.exit_code = done.returncode
        raise error


def threads_of(count: int) -> dict[str, str]:
    """Returns environment variables for TensorFlow and others that would otherwise use all cores."""
    names = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
    return {**dict.fromkeys(names, str(count)), "TF_NUM_INTEROP_THREADS": "1"}


def _reason(log: str, command: str, code: int) -> str:
    """Returns the command's own error, or its last line of output."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    last = lines[-1] if lines else "no output"
    prefix = "edgecls: error: "
    if last.startswith(prefix):
        return last.removeprefix(prefix)
    return f"`edgecls {command}` ended with {code}: {last[:300]}"


def _record(job: Job, folder: Path, node: str, seconds: float) -> TrialRecord:
    trained: _Trained = _read(_Trained, folder / job.point.name / "report.json")
    exported: tuple[_Exported, ...] = _read(tuple[_Exported, ...], folder / EXPORT_REPORT)
    files = tuple(
        FileRecord(
            file=report.parity.file,
            val_accuracy=report.confidence.accuracy,
            test_accuracy=report.parity.accuracy,
        )
        for report in exported
        if "_int8." in report.parity.file
    )
    return TrialRecord(
        point=job.point,
        commands=job.commands,
        node=node,
        seconds=round(seconds, 1),
        epochs=trained.epochs_done,
        data_sha256=trained.data_sha256,
        val_images=trained.val_images,
        test_images=trained.test_images,
        versions=trained.versions,
        files=files,
    )


# What is read of the reports of the two commands.


@dataclass(frozen=True)
class _Trained:
    epochs_done: Count
    data_sha256: str
    val_images: Count
    test_images: Count
    versions: dict[str, str]


@dataclass(frozen=True)
class _Confidence:
    accuracy: Share


@dataclass(frozen=True)
class _Parity:
    file: str
    accuracy: Share


@dataclass(frozen=True)
class _Exported:
    parity: _Parity
    confidence: _Confidence


def _read(kind: Any, path: Path) -> Any:
    try:
        return checked(kind, parse_json(read_whole(path, REPORT_BYTES)))
    except ValueError as error:
        raise BadData(
            f"{path}: not a report of this edgecls: {error}; install the same edgecls on every machine"
        ) from error


@dataclass(frozen=True)
class TrialContext:
    """What all trials of a sweep share."""

    jobs: Mapping[str, Job]
    """By name."""
    key: str
    """Of the sweep."""
    here: NodeFacts
    """Of the machine that started the sweep."""
    store: Any
    """A Ray actor of `ResultStore` on that machine."""


class ResultStore:
    """Keeps the files of finished trials, on the machine that started the sweep: no shared disk is needed."""

    def __init__(self, trials: Path) -> None:
        self._trials = trials

    def keep(self, name: str, files: Mapping[str, bytes]) -> tuple[str, int] | None:
        """Writes a trial's folder, whole or not at all; returns None, or an error and its exit code."""
        try:
            folder = self._trials / name
            if folder.exists():  # its worker died after this, and the trial ran again
                return None
            with whole_folder(folder) as beside:
                for file, content in files.items():
                    write_whole(beside / file, content)
        except EdgeclsError as error:
            return str(error), error.exit_code
        return None


def run_trial(config: Mapping[str, str], context: TrialContext) -> None:
    """Trains, exports, sends the files back and reports the accuracy.

    An error that would occur again is reported like a result. Only what another attempt may fix is raised, so
    that Ray makes that attempt: a worker or a machine that died, a command that was killed.
    """
    job, node = context.jobs[config["name"]], node_name()
    try:
        record = _train(job, context, node)
    except EdgeclsError as error:
        tune.report({"node": node, "error": str(error), "exit_code": error.exit_code})
        return
    best = max(file.val_accuracy for file in record.files)
    tune.report({"node": node, "val_accuracy": best, "seconds": record.seconds})


def _train(job: Job, context: TrialContext, node: str) -> TrialRecord:
    check_same(node_facts(job.data, node), context.here, node, job.data)
    base = _scratch(context.key)
    folder = base / job.point.name
    record = run_job(job, folder, node)
    _hand_over(job, folder, record, context.store)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # other trials are still in it
        base.rmdir()
    return record


def _scratch(key: str) -> Path:
    """Returns the folder in which trials work on this machine; a killed one resumes from what is there."""
    base = Path(tempfile.gettempdir()) / f"edgecls-sweep-{key}"
    base.mkdir(mode=0o700, exist_ok=True)
    return base


def _hand_over(job: Job, folder: Path, record: TrialRecord, store: Any) -> None:
    files = {path.as_posix(): (folder / path).read_bytes() for path in kept_files(job, folder)}
    files[NAME] = record.to_json().encode()
    refused = ray.get(store.keep.remote(job.point.name, files))
    if refused:
        error = EdgeclsError(refused[0])
        error.exit_code = refused[1]
        raise error
