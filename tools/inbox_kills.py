"""The inbox when it is killed: `kill -9` at random moments while pictures are kept and let go."""

import os
import random
import signal
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import numpy as np

from edgecls.edge_runtime.camera.answer import Answer, Timing
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.inbox.folder import CameraOrigin, CandidateFrame, InboxFolder
from edgecls.edge_runtime.camera.inbox.kept import Kept
from edgecls.edge_runtime.camera.outputs.destination import Carrying
from edgecls.edge_runtime.camera.view import View
from edgecls.edge_runtime.errors import Unavailable
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.prediction import Prediction

_ORIGIN = CameraOrigin("a.tflite", "12ab", "camera", ImageRule(32, 32), View())
_MOST_PICTURES, _MOST_BYTES = 10, 40_000
"""So few that most pictures let another one go."""
_LONGEST_S = 0.1
"""A child is killed after so long at most."""
_SIDE_PX = 96


@dataclass(frozen=True)
class KillReport:
    """What was found in the folder."""

    kills: int
    kept: int
    """Pictures that all the processes had kept together, at least."""
    interrupted: int
    """Times that a file was being written, or a note had no picture yet or any more."""
    torn: int
    """Pictures without a note, or not whole; notes that are not whole."""
    over: int
    """Times that there were more pictures or bytes than the limit."""
    litter: int
    """Files that were still there after the next start, and should not."""


def measure_kills(kills: int, seed: int = 0) -> KillReport:
    """Kills a process that fills an inbox that often; the next one starts on what is left."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    seen: set[str] = set()
    interrupted = torn = over = litter = 0
    with tempfile.TemporaryDirectory() as parent:
        path = Path(parent, "inbox")
        for number in range(kills):
            _kill_a_child(path, chance.uniform(0, _LONGEST_S), number)
            seen |= {file.name for file in path.glob("*.jpg")}
            torn += _torn(path)
            over += _is_over(path)
            interrupted += _litter(path) > 0
            with closing(InboxFolder(path, _ORIGIN, _MOST_PICTURES, _MOST_BYTES)) as folder:
                folder.open()
            litter += _litter(path)
            for picture in sorted(path.glob("*.jpg"))[_MOST_PICTURES // 2 :]:
                picture.unlink()  # somebody labels some
    return KillReport(kills, len(seen), interrupted, torn, over, litter)


def render_kills(report: KillReport) -> str:
    """The counts as a line."""
    return (
        f"{report.kills:,} kills, {report.interrupted:,} of them while a picture was written or removed; "
        f"{report.kept:,} pictures seen: {report.torn} torn or without their note, {report.over} times over "
        f"the limits, {report.litter} left-over files after the next start"
    )


def _kill_a_child(path: Path, after_s: float, number: int) -> None:
    ready, says_ready = os.pipe()
    child = os.fork()
    if child == 0:
        _fill(path, number, says_ready)
    os.close(says_ready)
    is_ready = os.read(ready, 1)
    os.close(ready)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not is_ready or os.WTERMSIG(status) != signal.SIGKILL:
        raise Unavailable("the process that fills the inbox ended by itself")


def _fill(path: Path, number: int, says_ready: int) -> NoReturn:
    """Keeps pictures until it is killed."""
    try:
        random_bytes = np.random.default_rng(number)
        folder = InboxFolder(path, _ORIGIN, _MOST_PICTURES, _MOST_BYTES)
        folder.open()
        os.write(says_ready, b"1")
        margin = 1.0
        while True:  # each is worth more than those before, so that it is kept and another goes
            folder.deliver(_candidate(random_bytes, margin), Carrying(0.0))
            margin *= 0.97
    finally:
        os._exit(1)


def _candidate(chance: np.random.Generator, margin: float) -> CandidateFrame:
    coarse = chance.integers(0, 255, (6, 6, 3), np.uint8)
    pixels = cv2.resize(coarse, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_NEAREST)
    jpeg = cv2.imencode(".jpg", pixels)[1].tobytes()
    prediction = Prediction((("cat", 0.5 + margin / 2), ("dog", 0.5 - margin / 2)), "cat")
    answer = Answer(
        Frame(jpeg, 1, 0.0), prediction, Decision(prediction, 0.0, changed=False), Timing(0, 0, 0)
    )
    reason = "random" if chance.random() < 0.2 else "unsure"
    return CandidateFrame(answer, margin, float(chance.random()), datetime.now(UTC), reason)


def _torn(path: Path) -> int:
    """How many files under their final names are not whole, or pictures without their note."""
    pictures, notes = list(path.glob("*.jpg")), list(path.glob("*.json"))
    alone = {file.stem for file in pictures} - {file.stem for file in notes}
    cut = sum(not file.read_bytes().endswith(b"\xff\xd9") for file in pictures)
    return len(alone) + cut + sum(Kept.read(file) is None for file in notes)


def _is_over(path: Path) -> bool:
    pictures = list(path.glob("*.jpg"))
    files = [*pictures, *(picture.with_suffix(".json") for picture in pictures)]
    size = sum(file.stat().st_size for file in files if file.exists())
    return len(pictures) > _MOST_PICTURES or size > _MOST_BYTES


def _litter(path: Path) -> int:
    """Notes without a picture, and what else is no picture and no note."""
    return sum(
        not (file.suffix == ".jpg" or (file.suffix == ".json" and file.with_suffix(".jpg").exists()))
        for file in path.iterdir()
    )


if __name__ == "__main__":
    print(render_kills(measure_kills(int(sys.argv[1]))))
