"""The processes that measure model files, as their parent sees them: it asks, they answer."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from ..edge_runtime.files import write_whole
from ..edge_runtime.models.model_file import ModelFile
from ..edge_runtime.workers import Worker, start_worker
from .file_report import ColdStart, LoadReport, Window
from .pipeline import Samples

LIMIT_S = 120.0
"""For opening a file, and beyond the time that a request needs: TensorFlow alone takes 4 to 30 seconds."""


def measuring_worker(
    module: str, model: Path, *arguments: object, threads: int
) -> AbstractContextManager[Worker]:
    """Runs `python -m MODULE MODEL ARGUMENTS... THREADS` until the block ends; see `start_worker`."""
    # TensorFlow takes every core unless it is limited, and is slower for it: 0.72 ms against 0.38 ms.
    environment = {"TF_NUM_INTRAOP_THREADS": str(threads), "TF_NUM_INTEROP_THREADS": "1"}
    return start_worker(module, model, *arguments, threads, name=str(model), environment=environment)


class FileProcess:
    """One model file in a process of its own; `worker_main` describes what is asked and answered.

    Its methods raise the error that the process reports, or `BadModel` where it crashed or hung.
    """

    def __init__(self, worker: Worker, limit_s: float) -> None:
        self.worker = worker
        self._limit_s = limit_s

    def opened(self) -> LoadReport:
        """Waits until the file is open; to be called once, before the others."""
        return LoadReport(**self.worker.reply(self._limit_s))

    def score(self, images: int, out: Path, of: Path | None = None) -> np.ndarray:
        """The probabilities of so many images, float32 (N, C); the process leaves them in `out`.

        They are those that it was started with, or others, an .npy like that.
        """
        self.worker.ask({"do": "score", "out": str(out)} | ({"images": str(of)} if of else {}))
        self.worker.reply(self._limit_s + images)  # at worst a second for each image
        return np.load(out)

    def time_window(self, seconds: float) -> Window:
        """Times one inference after the other for at least `seconds`."""
        self.worker.ask({"do": "window", "seconds": seconds})
        reply = self.worker.reply(self._limit_s + seconds)
        return Window(reply["wake_ns"], tuple(reply["samples_ns"]), reply["cpu_ns"])


@contextmanager
def timed_file(
    model: ModelFile | Path, images: Path, threads: int, limit_s: float = LIMIT_S, peer: str = ""
) -> Iterator[FileProcess]:
    """Starts the process of one file; `images` is an .npy, uint8 (N, H, W, 3) RGB."""
    arguments = (_path(model), images, peer, _card_beside(images, model))
    with measuring_worker(f"{__package__}.worker_main", *arguments, threads=threads) as worker:
        yield FileProcess(worker, limit_s)


def _path(model: ModelFile | Path) -> Path:
    return model.path if isinstance(model, ModelFile) else model


def _card_beside(images: Path, model: ModelFile | Path) -> str:
    """Writes the card of a file that has none inside, for the process; returns its path, or an empty text."""
    if isinstance(model, Path) or not model.is_foreign:
        return ""
    path = images.with_name(f"{model.sha256}.json")
    write_whole(path, model.card.to_json())
    return str(path)


def measure_cold_start(model: ModelFile | Path, image: Path, threads: int, peer: str = "") -> ColdStart:
    """Starts Python, imports, loads, decodes and classifies one image file, and stops the clock at the label.

    Only the process is cold: the system may hold the files in memory.

    Raises:
        EdgeclsError: the one that the process reports, or `BadModel` where it crashed or hung.
    """
    start_ns = perf_counter_ns()
    arguments = (_path(model), image, peer, _card_beside(image, model))
    with measuring_worker(f"{__package__}.first_label", *arguments, threads=threads) as worker:
        label = worker.reply(LIMIT_S)["label"]
        seconds = (perf_counter_ns() - start_ns) / 1e9
        return ColdStart(label, seconds, worker.reply(LIMIT_S)["peak_memory_bytes"])


PIPELINE_LIMIT_S = 60.0
"""The same for a pipeline, which needs no TensorFlow."""
PROGRAM = f"{__package__}.pipeline_process"


class PipelineProcess:
    """A pipeline in a process of its own; `pipeline_process` describes what is asked and answered.

    Its methods raise the error that the process reports, or `BadModel` where it crashed or hung.
    """

    engine: str = ""
    stages: tuple[str, ...] = ()

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def opened(self) -> None:
        """Waits until it is ready; to be called once, before the others."""
        reply = self._worker.reply(PIPELINE_LIMIT_S)
        self.engine, self.stages = reply["engine"], tuple(reply["stages"])

    def ask_labels(self) -> None:
        """Lets it classify every frame once; `labels` waits for the result."""
        self._worker.ask({"do": "labels"})

    def labels(self, frames: int) -> list[int | None]:
        """The best label of each of the process's frames, of which there are so many."""
        return self._worker.reply(PIPELINE_LIMIT_S + frames)["labels"]  # at worst a second for each

    def time_window(self, seconds: float) -> Samples:
        """Times one frame after the other for at least `seconds`."""
        self._worker.ask({"do": "window", "seconds": seconds})
        return tuple(tuple(stages) for stages in self._worker.reply(PIPELINE_LIMIT_S + seconds)["samples_ns"])


@contextmanager
def start_pipeline(
    name: str, model: Path, frames: Path, threads: int, program: str = PROGRAM
) -> Iterator[PipelineProcess]:
    """Starts the process of a pipeline, by a name that `program` knows; `frames` is a `FrameFile`."""
    with measuring_worker(program, model, name, frames, threads=threads) as worker:
        yield PipelineProcess(worker)
