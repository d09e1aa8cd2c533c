"""What every maker is given: the pictures, a way to fit a network to them, and a place for files and answers.

A picture consists of squares of `CELL_PX` pixels of one colour each. Whatever divides it evenly, by averaging
or by picking pixels, gets exactly the same small picture: no difference from edgecls is one of resizing.
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

CELL_PX = 24
ROWS, COLUMNS = 8, 16
HEIGHT_PX, WIDTH_PX = ROWS * CELL_PX, COLUMNS * CELL_PX
LABELS = ("cat", "dog", "bird")
_COLOURS = ((200, 60, 40), (50, 190, 70), (60, 80, 210))


def draw(kind: int, random: np.random.Generator) -> np.ndarray:
    """Returns the squares of a picture of class 0, 1 or 2: uint8 (ROWS, COLUMNS, 3) RGB."""
    cells = random.integers(70, 150, (ROWS, COLUMNS, 3)) + random.integers(-20, 20, 3)
    top, left = random.integers(1, 4), 4 + random.integers(1, 4)
    cells[top : top + 4, left : left + 4] = _COLOURS[kind] + random.integers(-30, 30, (4, 4, 3))
    # Beside the centre: what only a network sees that is given the whole picture.
    cells[:, :3] += random.integers(-60, 60)
    return np.clip(cells, 0, 255).astype(np.uint8)


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the squares of `count` pictures, uint8 (count, ROWS, COLUMNS, 3), and their classes."""
    random = np.random.default_rng(seed)
    kinds = np.arange(count) % len(LABELS)
    return np.stack([draw(int(kind), random) for kind in kinds]), kinds


def prepared(cells: np.ndarray, side_px: int, crop: str = "center") -> np.ndarray:
    """Returns what a network sees: uint8 (N, side, side, 3) RGB, of the centre or of the whole picture."""
    if crop == "center":
        cells = cells[:, :, (COLUMNS - ROWS) // 2 : (COLUMNS + ROWS) // 2]
    tall, wide = side_px // cells.shape[1], side_px // cells.shape[2]
    return cells.repeat(tall, axis=1).repeat(wide, axis=2)


TEST_CELLS, TEST_KINDS = drawn(6, seed=1)
TEST_NAMES = [f"{LABELS[kind]}{index // 3}.png" for index, kind in enumerate(TEST_KINDS)]
FIT_CELLS, FIT_KINDS = drawn(90, seed=2)

SCALES = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0)}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def ridge(features: np.ndarray, targets: np.ndarray, has_bias: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights and biases of a last layer that gives these targets, of features (N, F)."""
    features = features.reshape(len(features), -1).astype(np.float64)
    mean = features.mean(0) * has_bias
    spread = features - mean
    gram = spread.T @ spread
    gram += np.eye(len(gram)) * max(0.03 * np.trace(gram) / len(gram), 1e-9)
    middle = targets.mean(0) * has_bias
    weights = np.linalg.solve(gram, spread.T @ (targets - middle))
    return weights, middle - mean @ weights


def targets(outputs: int, height: float = 2.5) -> np.ndarray:
    """Returns logits for `FIT_KINDS`; one output tells the second class from the first."""
    if outputs == 1:
        return np.where(FIT_KINDS == 1, height, -height)[:, None]
    return height * (2.0 * np.eye(max(3, outputs))[FIT_KINDS] - 1)[:, :outputs]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns probabilities, along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@dataclass
class Case:
    """A file, what a user types for it, and what its maker answers."""

    file: str
    kind: str
    options: list[str] = field(default_factory=list)
    """Of `predict`, or of `export` where the file is a Keras model, beside --labels."""
    answers: dict[str, list[float]] = field(default_factory=dict)
    """For each picture, a probability for each label; empty where the file has to be refused."""
    labels: str | None = "labels.txt"
    tolerance: float = 1e-4
    export: bool = False
    by: str = ""
    note: str = ""
    states_all: bool = False
    """The file says itself how pixels are prepared, so that it is right without options."""


class Corpus:
    """The folder that a maker writes into."""

    def __init__(self, folder: Path, room: str, by: str, only: list[str]):
        self.folder, self.room, self.by, self._only = folder, room, by, only
        (folder / room).mkdir(parents=True, exist_ok=True)
        (folder / "cases").mkdir(exist_ok=True)

    def wants(self, name: str) -> bool:
        """Returns whether this file is to be made."""
        return not self._only or any(part in name for part in self._only)

    def path(self, name: str) -> Path:
        """Returns where a file of this name goes."""
        return self.folder / self.room / name

    def add(self, name: str, kind: str, probabilities=None, **values) -> None:
        """Writes the case of a file that lies at `path(name)`; `probabilities` are of the test pictures."""
        rows = () if probabilities is None else np.asarray(probabilities, np.float64)
        answers = {
            file: [round(float(value), 7) for value in np.atleast_1d(row)]
            for file, row in zip(TEST_NAMES, rows)  # noqa: B905 - Python 3.9 has no strict
        }
        case = Case(f"{self.room}/{name}", kind, answers=answers, by=self.by, **values)
        place = self.folder / "cases" / f"{self.room}-{name.rstrip('/').replace('/', '-')}.json"
        place.write_text(json.dumps(asdict(case), indent=1))

    def attempt(self, name: str, make) -> None:
        """Makes one file; where the tool cannot, says so and goes on."""
        if not self.wants(name):
            return
        try:
            make()
        except Exception as error:
            print(f"{self.room}/{name}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
