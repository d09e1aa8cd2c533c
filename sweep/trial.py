"""One trial as Ray runs it: on whichever machine has a core free, and back to the one that asked."""

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune

from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.files import whole_folder, write_whole
from .job import Job, kept_files, run_job
from .node import NodeFacts, check_same, node_facts, node_name
from .trial_record import NAME, TrialRecord


@dataclass(frozen=True)
class Errand:
    """What a trial takes along, whichever it is."""

    jobs: Mapping[str, Job]
    """By their names."""
    key: str
    """Of the sweep."""
    here: NodeFacts
    """Of the machine that asks."""
    keeper: Any
    """A Ray actor of `Keeper`, on that machine."""


class Keeper:
    """Takes the files of finished trials in, on the machine that asked: the others need not share a disk."""

    def __init__(self, trials: Path) -> None:
        self._trials = trials

    def keep(self, name: str, files: Mapping[str, bytes]) -> tuple[str, int] | None:
        """Writes a trial's folder, whole or not at all; returns why it could not, and an exit code."""
        try:
            folder = self._trials / name
            if folder.exists():  # its worker died after it had been here, and it was done again
                return None
            with whole_folder(folder) as beside:
                for file, content in files.items():
                    write_whole(beside / file, content)
        except EdgeclsError as error:
            return str(error), error.exit_code
        return None


def run_trial(config: Mapping[str, str], errand: Errand) -> None:
    """Trains, exports, hands the files over and reports the accuracy.

    An error that would come again is reported like a result. Only what another attempt may put right is
    raised, and Ray makes that attempt: a worker or a machine that died, a command that was killed.
    """
    job, node = errand.jobs[config["name"]], node_name()
    try:
        record = _train(job, errand, node)
    except EdgeclsError as error:
        tune.report({"node": node, "error": str(error), "exit_code": error.exit_code})
        return
    best = max(file.val_accuracy for file in record.files)
    tune.report({"node": node, "val_accuracy": best, "seconds": record.seconds})


def _train(job: Job, errand: Errand, node: str) -> TrialRecord:
    check_same(node_facts(job.data, node), errand.here, node, job.data)
    base = _scratch(errand.key)
    folder = base / job.point.name
    record = run_job(job, folder, node)
    _hand_over(job, folder, record, errand.keeper)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # other trials are still in it
        base.rmdir()
    return record


def _scratch(key: str) -> Path:
    """Where the trials of a sweep work on this machine: a killed one goes on with what is there."""
    base = Path(tempfile.gettempdir()) / f"edgecls-sweep-{key}"
    base.mkdir(mode=0o700, exist_ok=True)
    return base


def _hand_over(job: Job, folder: Path, record: TrialRecord, keeper: Any) -> None:
    files = {path.as_posix(): (folder / path).read_bytes() for path in kept_files(job, folder)}
    files[NAME] = record.to_json().encode()
    refused = ray.get(keeper.keep.remote(job.point.name, files))
    if refused:
        error = EdgeclsError(refused[0])
        error.exit_code = refused[1]
        raise error
