"""`python -m tools.simulated_recordings DIR`: does `train` report what a recording of another day will give?

Draws things on a table, filmed by a camera that a hand moves at two frames a second: as the guide says, a
folder for each recording, named after the day. Trains on one or more days and prints the accuracy that
`train` reports beside that on a day which the training never saw. One recording judges, so single worlds
differ by tens of points in either direction; the means should agree.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import typer

from edgecls.edge_runtime.camera.recording import HEADER_NAME, RecordingHeader, frame_name
from edgecls.edge_runtime.images.opencv import cv2

THINGS = ("bowl", "cup", "fork", "knife", "plate", "spoon", "tin", "vase")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_SIDE_PX = 96
_TABLE_PX = 768


def draw_day(folder: Path, day: int, *, frames: int = 40, seed: int = 0, side_px: int = _SIDE_PX) -> None:
    """Writes `folder/THING/DAY/`, a recording of each thing, with a table, light and clutter of its own."""
    for number, thing in enumerate(THINGS):
        random = np.random.default_rng((seed, day, number))
        table, thing_drawn = _table(random), _thing(number, seed)
        gain, cast = random.uniform(0.85, 1.15), random.uniform(0.95, 1.05, 3)
        header = RecordingHeader("sim", "none", "", "2026-01-01T00:00:00+00:00").to_json()
        inside = folder / thing / DAYS[day] / "000001"
        inside.mkdir(parents=True)
        (inside.parent / HEADER_NAME).write_text(header, encoding="utf-8")
        for place, seen in enumerate(_frames(random, table, thing_drawn, frames)):
            lit = cv2.resize(seen, (side_px, side_px), interpolation=cv2.INTER_AREA) * gain * cast
            picture = np.clip(lit + random.normal(0, 4, lit.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(inside / frame_name(15 * place)), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


def _thing(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns a thing's pixels and mask, 160x160: an outline of its own with a texture of its own."""
    random = np.random.default_rng((seed, 1000 + number))
    texture = _texture(random, 160, 12)
    mask = np.zeros((160, 160), np.uint8)
    corners = 3 + number
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    reach = random.uniform(45, 75, corners)
    outline = np.stack([80 + reach * np.cos(angles), 80 + reach * np.sin(angles)], 1).astype(np.int32)
    cv2.fillPoly(mask, [outline], (255,))
    return texture, mask


def _texture(random: np.random.Generator, side_px: int, cells: int, muted: float = 0.0) -> np.ndarray:
    """Smooth patches between two colours, the greyer the more `muted`, 0 to 1; float32 (H, W, 3)."""
    rough = random.uniform(0, 1, (cells, cells, 1)).astype(np.float32)
    share = cv2.resize(rough, (side_px, side_px), interpolation=cv2.INTER_CUBIC)[..., np.newaxis]
    first, second = random.uniform(20, 235, (2, 3)) * (1 - muted) + random.uniform(60, 200) * muted
    return (first + (second - first) * np.clip(share, 0, 1)).astype(np.float32)


def _table(random: np.random.Generator) -> np.ndarray:
    """Returns a table with clutter, float32 (H, W, 3)."""
    table = _texture(random, _TABLE_PX, int(random.integers(3, 40)), muted=0.85)
    for _ in range(60):
        patch = _texture(random, int(random.integers(20, 80)), 4, muted=0.5)
        y, x = random.integers(0, _TABLE_PX - len(patch), 2)
        table[y : y + len(patch), x : x + len(patch)] = patch
    return table


def _frames(
    random: np.random.Generator,
    table: np.ndarray,
    thing: tuple[np.ndarray, np.ndarray],
    count: int,
) -> Iterator[np.ndarray]:
    """Yields what the camera sees while one hand moves the thing over the table and the other the camera."""
    pixels, mask = thing
    walk, aim = np.zeros(4), np.zeros(2)
    for _ in range(count):
        walk = 0.85 * walk + random.normal(0, 0.7, 4)
        aim = 0.6 * aim + random.normal(0, 8, 2)
        middle = np.clip(_TABLE_PX / 2 + 120 * walk[:2], 120, _TABLE_PX - 120)
        turn = cv2.getRotationMatrix2D((80, 80), 60 * walk[2], float(np.exp(0.15 * walk[3])))
        turn[:, 2] += middle - 80
        size = table.shape[1::-1]
        on_table = cv2.warpAffine(mask, turn, size) > 127
        scene = np.where(on_table[..., np.newaxis], cv2.warpAffine(pixels, turn, size), table)
        x, y = np.clip(np.round(middle + aim).astype(int), 100, _TABLE_PX - 100)
        yield scene[y - 100 : y + 100, x - 100 : x + 100]


def _train(folder: Path, data: Path, epochs: int) -> tuple[float, Path]:
    """Trains and returns the accuracy that is reported, and the model; what `train` says is shown."""
    model = folder / f"of-{data.name}.h5"
    command = [
        "train",
        "--data",
        str(data),
        "--output",
        str(model),
        "--arch",
        "nano",
        "--epochs",
        str(epochs),
    ]
    subprocess.run([sys.executable, "-m", "edgecls", *command], check=True)
    report = json.loads((model.with_suffix("") / "report.json").read_text(encoding="utf-8"))
    return report["test"]["accuracy"], model


def _accuracy(model: Path, data: Path) -> float:
    """Returns the accuracy of a model on class folders of pictures that it never saw."""
    from edgecls.data.backend import keras  # noqa: PLC0415 - seconds, and not for drawing
    from edgecls.edge_runtime.images.decode import read_image  # noqa: PLC0415
    from edgecls.edge_runtime.images.prepare import prepare  # noqa: PLC0415
    from edgecls.edge_runtime.images.rule import ImageRule  # noqa: PLC0415

    network: Any = keras.models.load_model(model)
    paths = sorted(data.rglob("*.jpg"))
    images = np.stack([prepare(read_image(path), ImageRule(32, 32)) for path in paths])
    truth = np.array([THINGS.index(path.relative_to(data).parts[0]) for path in paths])
    return float((network.predict(images / np.float32(255), verbose=0).argmax(1) == truth).mean())


def main(
    folder: Path,
    days: int = typer.Option(2, min=1, max=5, help="Recordings of each thing to train on."),
    frames: int = typer.Option(40, min=3, help="Pictures in a recording."),
    epochs: int = typer.Option(30, min=1),
    seeds: int = typer.Option(3, min=1, help="Worlds to try: other things, tables and light."),
) -> None:
    """Print the reported accuracy and that on another day, for each of several worlds."""
    figures: list[tuple[float, float]] = []
    for seed in range(seeds):
        data, other = folder / f"world{seed}", folder / f"other{seed}"
        for day in range(days):
            draw_day(data, day, frames=frames, seed=seed)
        draw_day(other, days, frames=frames, seed=seed)
        reported, model = _train(folder, data, epochs)
        figures.append((reported, _accuracy(model, other)))
        print("world {}: reported {:.1%}, another day {:.1%}".format(seed, *figures[-1]), flush=True)
    print("mean: reported {:.1%}, another day {:.1%}".format(*np.mean(figures, axis=0)))


if __name__ == "__main__":
    typer.run(main)
