"""What one trial does on its machine: `edgecls train` and `edgecls export`, as a user would type them."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..edge_runtime.errors import BadData, EdgeclsError
from ..edge_runtime.files import read_whole
from .grid import Point
from .trial_record import FileRecord, TrialRecord

EXPORT_REPORT = "export.json"
CHECKPOINT = "checkpoint.npz"
"""As `trainer.checkpoint` names it, which nothing here may import: a sweep speaks to commands."""


class Killed(Exception):
    """A command was ended by a signal, such as by the system when memory is short: worth trying again."""


@dataclass(frozen=True)
class Job:
    """One training of a sweep."""

    point: Point
    data: str
    """As `--data` takes it; a path is absolute and the same on every machine."""
    epochs: int | None = None
    """None is the recipe's."""
    threads: int = 1
    """For TensorFlow and whatever else would take all cores of a machine that other trials use, too."""
    program: tuple[str, ...] = ("-m", "edgecls.cli")
    """What the machine's Python runs."""

    @property
    def model(self) -> str:
        """The name of the `.h5`; the exports' begin like it."""
        return f"{self.point.name}.h5"

    @property
    def train(self) -> tuple[str, ...]:
        """The arguments that train it."""
        epochs = () if self.epochs is None else ("--epochs", str(self.epochs))
        return ("train", "--data", self.data, *self.point.options, *epochs, "--output", self.model)

    @property
    def export(self) -> tuple[str, ...]:
        """The arguments that export it."""
        return ("export", self.model, "--int8", "--json", EXPORT_REPORT)

    @property
    def commands(self) -> tuple[str, ...]:
        """For people, to run it again by hand."""
        return tuple(f"edgecls {shlex.join(arguments)}" for arguments in (self.train, self.export))


def run_job(job: Job, folder: Path, node: str) -> TrialRecord:
    """Trains and exports in `folder`; a training that was interrupted there goes on at its next epoch.

    Args:
        job: what to do.
        folder: is made if missing; the model, its report and its exports are left in it.
        node: this machine's name, for the record.

    Raises:
        EdgeclsError: a command failed; the error is its own.
        Killed: a command was ended by a signal.
    """
    started_s = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    resume = ("--resume",) if (folder / job.point.name / CHECKPOINT).exists() else ()
    if not (folder / job.model).exists():  # it is written last: where it is, the training is finished
        _run(job, folder, (*job.train, *resume))
    _run(job, folder, job.export)
    return _record(job, folder, node, time.monotonic() - started_s)


def kept_files(job: Job, folder: Path) -> Iterator[Path]:
    """What goes back from a machine; float exports, which `edgecls export` makes anew at any time, do not."""
    float_exports = {f"{job.point.name}{suffix}" for suffix in (".tflite", ".onnx")}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in float_exports:
            yield path.relative_to(folder)


def _run(job: Job, folder: Path, arguments: tuple[str, ...]) -> None:
    """Runs one command; what it prints goes into a log in the folder."""
    tethered = (sys.executable, "-P", "-m", f"{__package__}.tethered", str(os.getpid()))
    log = folder / f"{arguments[0]}.log"
    with log.open("ab") as output:
        done = subprocess.run(
            [*tethered, *job.program, *arguments],
            cwd=folder,
            env=os.environ | _threads(job.threads),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode < 0:
        raise Killed(f"`edgecls {arguments[0]}` was ended by signal {-done.returncode}")
    if done.returncode:
        error = EdgeclsError(_reason(log.read_text(errors="replace"), arguments[0], done.returncode))
        error.exit_code = done.returncode
        raise error


def _threads(count: int) -> dict[str, str]:
    names = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
    return {**dict.fromkeys(names, str(count)), "TF_NUM_INTEROP_THREADS": "1"}


def _reason(log: str, command: str, code: int) -> str:
    """The command's own error, or its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    prefix = "edgecls: error: "
    if last.startswith(prefix):
        return last.removeprefix(prefix)
    return f"`edgecls {command}` ended with {code}: {last[:300]}"


def _record(job: Job, folder: Path, node: str, seconds: float) -> TrialRecord:
    trained: Any = _read_json(folder / job.point.name / "report.json")
    exported: Any = _read_json(folder / EXPORT_REPORT)
    try:
        files = tuple(
            FileRecord(
                file=report["parity"]["file"],
                val_accuracy=report["confidence"]["accuracy"],
                test_accuracy=report["parity"]["accuracy"],
            )
            for report in exported
            if "_int8." in report["parity"]["file"]
        )
        return TrialRecord(
            point=job.point,
            commands=job.commands,
            node=node,
            seconds=round(seconds, 1),
            epochs=trained["epochs_done"],
            data_sha256=trained["data_sha256"],
            val_images=trained["val_images"],
            test_images=trained["test_images"],
            versions=trained["versions"],
            files=files,
        )
    except (KeyError, TypeError) as error:
        raise BadData(
            f"{folder}: a report lacks {error}; install the same edgecls on every machine"
        ) from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_whole(path))
    except ValueError as error:
        raise BadData(f"{path}: not JSON: {error}; run the sweep again with --resume") from error
