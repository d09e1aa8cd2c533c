"""What many pictures need: memory and processor time of `edgecls train`, `export` and `bench`.

The pictures are small JPEGs, made here and all different; two thousand each are for validation and tests.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.text_table import table

from .process_cost import cpu_s, family_of

_LABELS = ("ball", "bar", "cross", "frame", "noise")
_SIZE_PX = (112, 128)
_HELD = 2000
_SAMPLE_S = 0.2
_HEADINGS = ("command", "CPU s", "anonymous MB", "mapped files MB", "both MB")


@dataclass(frozen=True)
class CommandCost:
    """What a command needed, with its descendants."""

    command: str
    cpu_s: float
    anonymous_bytes: int
    """The most that was resident and belongs to no file: memory that the system cannot take back."""
    mapped_bytes: int
    """The most that was resident of files: libraries, and pictures that the system may drop at any time."""
    resident_bytes: int
    """The most of both together."""

    def cells(self) -> list[str]:
        """Returns the row of a table."""
        sizes = (self.anonymous_bytes, self.mapped_bytes, self.resident_bytes)
        return [self.command, f"{self.cpu_s:,.0f}", *(f"{size / 2**20:,.0f}" for size in sizes)]


def measure(
    folder: Path, count: int, side_px: int, arch: str, on_step: Callable[[str], None]
) -> list[CommandCost]:
    """Makes the pictures where they are not there, then trains twice, exports and benches in `folder`."""
    data = folder / f"pictures-{count}"
    if not data.exists():
        on_step(f"making {count:,} pictures")
        beside = data.with_name(f"{data.name}-part")
        make_pictures(beside, count)
        beside.rename(data)
    train = ("train", "--data", data.name, "--arch", arch, "--imgsz", str(side_px))
    train += ("--epochs", "1", "--augment", "flip,shift")
    costs: list[CommandCost] = []
    for command in (train, train, ("export", "--int8"), ("bench", "--seconds", "0.5")):
        on_step(f"edgecls {' '.join(command)}")
        costs.append(run_measured(command, folder))
        on_step(" ".join(costs[-1].cells()))
    return costs


def make_pictures(folder: Path, count: int) -> None:
    """Writes JPEGs of five shapes on random grounds into class folders of train, val and test."""
    for part in ("train", "val", "test"):
        for label in _LABELS:
            (folder / part / label).mkdir(parents=True)
    held = min(_HELD, count // 10)

    def write(number: int) -> None:
        part = "val" if number < held else "test" if number < 2 * held else "train"
        label = _LABELS[number % len(_LABELS)]
        content = cv2.imencode(".jpg", picture(number), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
        (folder / part / label / f"{number:07}.jpg").write_bytes(content.tobytes())

    with ThreadPoolExecutor() as threads:
        for start in range(0, count, 10_000):
            list(threads.map(write, range(start, min(count, start + 10_000))))


def picture(number: int) -> np.ndarray:
    """Draws a picture, uint8 (H, W, 3) BGR: its class is the number's remainder."""
    random = np.random.default_rng(number)
    height_px, width_px = _SIZE_PX
    ground = random.integers(0, 256, (6, 7, 3), np.uint8)
    image = cv2.resize(ground, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    colour = tuple(map(int, random.integers(0, 256, 3)))
    x, y = (int(random.integers(30, side - 30)) for side in (width_px, height_px))
    size = int(random.integers(12, 28))
    match number % len(_LABELS):
        case 0:
            cv2.circle(image, (x, y), size, colour, -1)
        case 1:
            cv2.line(image, (x - size, y), (x + size, y), colour, 9)
        case 2:
            cv2.line(image, (x - size, y), (x + size, y), colour, 5)
            cv2.line(image, (x, y - size), (x, y + size), colour, 5)
        case 3:
            cv2.rectangle(image, (x - size, y - size), (x + size, y + size), colour, 4)
        case _:
            grain = random.integers(0, 60, image.shape, np.uint8)
            image = cv2.add(image, grain)
    return image


def run_measured(command: Sequence[str], folder: Path) -> CommandCost:
    """Runs `edgecls` with these words in `folder`, and looks at its memory five times a second."""
    started = [sys.executable, "-m", "edgecls", "-q", *command]
    most = CommandCost(" ".join(command[:1]), 0.0, 0, 0, 0)
    with subprocess.Popen(started, cwd=folder, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            family = family_of(process.pid)
            anonymous, mapped = (sum(sizes) for sizes in zip(*map(resident, family), strict=True))
            most = replace(
                most,
                cpu_s=max(most.cpu_s, cpu_s(family)),
                anonymous_bytes=max(most.anonymous_bytes, anonymous),
                mapped_bytes=max(most.mapped_bytes, mapped),
                resident_bytes=max(most.resident_bytes, anonymous + mapped),
            )
            time.sleep(_SAMPLE_S)
    if process.returncode:
        raise RuntimeError(f"edgecls {' '.join(command)} ended with {process.returncode}")
    return most


def resident(pid: int) -> tuple[int, int]:
    """Returns the resident memory of a process in bytes: anonymous, and of files and shared memory."""
    sizes = dict(_sizes(pid))
    return sizes.get("RssAnon", 0), sizes.get("RssFile", 0) + sizes.get("RssShmem", 0)


def _sizes(pid: int) -> Iterator[tuple[str, int]]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has just ended
        return
    for line in lines:
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            yield name, int(value.split()[0]) * 1024


def render(costs: Sequence[CommandCost]) -> str:
    """Returns the costs as a table."""
    return table(_HEADINGS, [cost.cells() for cost in costs])
