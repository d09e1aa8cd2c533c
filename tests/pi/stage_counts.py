"""The instructions of each stage from a camera's JPEG to a label, for model files on each Pi."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecls.benchmarks.frames import HD, VGA, camera_frames
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat, read_model
from tests.pi.counting import count
from tests.pi.userland import PROCESSORS, Model, Userland

FRAMES = (VGA, HD)
STAGES = ("decode", "resize", "engine", "rank")
_PROGRAM = Path(__file__).with_name("stages.py")
_ROOT = Path(__file__).parents[2]
_NAIVE = ("tools/__init__.py", "tools/naive.py")


@dataclass(frozen=True)
class StageCounts:
    """One file on one processor. All figures are instructions of one frame."""

    file: str
    model: Model
    stages: dict[tuple[str, str], float]
    """By (frame, stage). Engine and rank are those of any frame; `whole` is one call from bytes to label."""
    naive: dict[str, float]
    """By frame: the naive program with the float32 `.onnx` of the same network; empty where there is none."""

    def engine(self) -> float:
        """Of one inference."""
        return self.stages["", "engine"]

    def stage(self, frame: str, stage: str) -> float:
        """Of a stage, with frames of this size."""
        return self.stages.get((frame, stage)) or self.stages["", stage]


def count_stages(userland: Userland, paths: Sequence[Path]) -> list[StageCounts]:
    """Counts each stage of each file on each processor.

    Raises:
        RuntimeError: the program failed in the userland.
        EdgeclsError: a file is not one that edgecls exported.
    """
    models = [read_model(path) for path in paths]
    names = shown_names(paths)
    naive = {
        model.card.provenance.weights_sha256: name
        for model, name in zip(models, names, strict=True)
        if _is_float_onnx(model)
    }
    found = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        copies = {}
        for name, path in zip(names, paths, strict=True):
            copies[name] = f"{len(copies)}{path.suffix}"
            shutil.copy(path, work / copies[name])
        plan = {
            "files": list(copies.values()),
            "naive": [copies[name] for name in naive.values()],
            "frames": _write_frames(work),
        }
        (work / "plan.json").write_text(json.dumps(plan))
        for module in _NAIVE:  # beside the program, as tools/ is not in the wheel
            (work / module).parent.mkdir(exist_ok=True)
            shutil.copy(_ROOT / module, work / module)
        for processor in PROCESSORS:
            counted = paired(*count(userland, processor, _PROGRAM, "plan.json", work=work))
            for name, model in zip(names, models, strict=True):
                same_network = copies.get(naive.get(model.card.provenance.weights_sha256, ""), "")
                found.append(_of_file(name, processor, counted, copies[name], same_network))
    return found


def paired(stdout: str, marks: Sequence[int]) -> dict[tuple[str, str, str], float]:
    """From what stages.py printed and the marks between, instructions by (file, frame, stage)."""
    entries = [json.loads(line) for line in stdout.splitlines()]
    if len(marks) != 3 * len(entries):
        raise RuntimeError(f"{len(entries)} stages left {len(marks)} marks instead of three each")
    counted = {}
    for entry, first, second, third in zip(entries, marks[::3], marks[1::3], marks[2::3], strict=True):
        key = entry["file"], entry.get("frame", ""), entry["stage"]
        counted[key] = ((third - second) - (second - first)) / entry["runs"]
    return counted


def shown_names(paths: Sequence[Path]) -> list[str]:
    """The files' names; with their folders where two would be the same."""
    names = [path.name for path in paths]
    if len(set(names)) == len(names):
        return names
    return [f"{path.resolve().parent.name}/{path.name}" for path in paths]


def _of_file(
    name: str, processor: Model, counted: dict[tuple[str, str, str], float], file: str, naive: str
) -> StageCounts:
    stages = {
        (frame, stage): value
        for (of_file, frame, stage), value in counted.items()
        if of_file == file and not stage.startswith("naive")
    }
    of_naive = {
        frame: value
        for (of_file, frame, stage), value in counted.items()
        if (of_file, stage) == (naive, "naive")
    }
    return StageCounts(name, processor, stages, of_naive)


def _is_float_onnx(model: ModelFile) -> bool:
    return model.format is ModelFormat.ONNX and model.card.quantisation is None


def _write_frames(work: Path) -> list[tuple[str, str]]:
    """The same frame of each size every time, whatever the models: (name, file)."""
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    written = []
    for size in FRAMES:
        (content,) = camera_frames([picture], size, 1)
        file = f"{size.name}.jpg"
        (work / file).write_bytes(content)
        written.append((size.name, file))
    return written
