"""The programs that train in `edgecls bench --training`, each run in a process of its own."""

import csv
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ...edge_runtime.errors import Unavailable
from .report import TrainingRun

_LOOK_S = 0.05


@dataclass(frozen=True)
class TrainingArrays:
    """A data set as `edgecls train` splits it."""

    train: tuple[np.ndarray, np.ndarray]
    """Images, uint8 (N, H, W, 3) RGB, and their classes, int (N,)."""
    val: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]

    @property
    def size_bytes(self) -> int:
        """Of all images as uint8."""
        return sum(images.nbytes for images, _ in (self.train, self.val, self.test))


def write_arrays(arrays: TrainingArrays, folder: Path) -> None:
    """Writes what the naive program reads; `held_out` is what ours evaluates after each epoch."""
    held_out = tuple(np.concatenate(parts) for parts in zip(arrays.val, arrays.test, strict=True))
    for name, (images, truth) in {
        "train": arrays.train,
        "held_out": held_out,
        "test": arrays.test,
    }.items():
        np.save(folder / f"{name}_images.npy", images)
        np.save(folder / f"{name}_truth.npy", truth)


def run_naive(arrays: Path, epochs: int, seed: int) -> TrainingRun:
    """Runs naive.py on what `write_arrays` wrote.

    Raises:
        Unavailable: it failed.
    """
    answer = arrays / "answer.json"
    module = f"{__package__}.naive"
    seconds, peak_bytes = _run(["-m", module, str(arrays), str(epochs), str(seed), str(answer)])
    values = json.loads(answer.read_text())
    return TrainingRun(tuple(values["seconds"]), values["accuracy"], peak_bytes, seconds)


def run_ours(
    folder: Path, data: str, size_px: int, epochs: int, seed: int, *, precision: str = "float32"
) -> TrainingRun:
    """Runs `edgecls train` with the documented recipe; its files go into `folder`.

    Raises:
        Unavailable: it failed.
    """
    model = folder / "ours.h5"
    options = {"data": data, "size": size_px, "epochs": epochs, "seed": seed, "precision": precision}
    arguments = [f"--{name}={value}" for name, value in options.items()] + [f"--output={model}"]
    seconds, peak_bytes = _run(
        ["-m", "edgecls.cli", "train", "--arch=cnn", "--recipe=documented", *arguments]
    )
    results = model.with_suffix("")
    accuracy = json.loads((results / "report.json").read_text(encoding="utf-8"))["test"]["accuracy"]
    with (results / "history.csv").open(newline="") as lines:
        epoch_s = tuple(float(line["seconds"]) for line in csv.DictReader(lines))
    return TrainingRun(epoch_s, accuracy, peak_bytes, seconds)


def _run(arguments: Sequence[str]) -> tuple[float, int]:
    """Runs our Python to its end: the seconds that took, and the most memory that it had."""
    # -P: a folder `numpy` or `keras` where the user stands must not be imported.
    command = [sys.executable, "-P", *arguments]
    started_s = time.monotonic()
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said) as process,
    ):
        peak_bytes = 0
        while process.poll() is None:
            peak_bytes = max(peak_bytes, _peak_bytes(process.pid))
            time.sleep(_LOOK_S)
        if process.returncode:
            raise Unavailable(
                f"{shlex.join(command)}: ended with {process.returncode}: {_last_line(said)}; try it alone"
            )
    return time.monotonic() - started_s, peak_bytes


def _peak_bytes(process_id: int) -> int:
    """The most memory that a process has had in RAM so far.

    Not `ru_maxrss`: that counts what the parent had, where it started the child.
    """
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:  # it has ended, or there is no /proc
        return 0
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines.get("VmHWM", "0").split()[0]) * 1024


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "no message")
