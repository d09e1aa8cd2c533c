"""Fuzzing: `python -m tools.fuzz [MODEL...] --minutes 2` gives damaged inputs to whatever reads them.

Half of the time, in this process: cards, multipart streams, JPEGs, TOML, labels, events and recordings. Each
has to be read, or be refused by an error of ours, within a second. In the other half `tools.mutants` runs
damaged model files through the commands. A find is printed with what repeats it, and kept.

Not with atheris, which finds more in the same time, but has wheels for few versions of Python.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edgecls.edge_runtime.camera.event_lines import read_events
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.camera.recording import HEADER_NAME, RecordingHeader
from edgecls.edge_runtime.camera.recording import read_header as read_recording
from edgecls.edge_runtime.camera.sources.network.multipart import MAX_PICTURE_BYTES, Body, Need, pictures
from edgecls.edge_runtime.errors import EdgeclsError
from edgecls.edge_runtime.images import jpeg_header
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.models.builtin import builtin_paths
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.label_file import read_labels
from edgecls.edge_runtime.models.model_file import read_model

from .mutants import mutated, mutated_json

_LIMIT_S = 1.0
"""Of the processor's time, for one input."""
_DAY_S = 86_400


@dataclass(frozen=True)
class Target:
    """What reads an input, and what is damaged for it."""

    read: Callable[[bytes], object]
    samples: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    """What means something to the reader; put anywhere."""
    is_json: bool = False
    """Whether whole values are exchanged, too."""

    def damaged(self, dice: random.Random) -> bytes:
        """Returns a sample with some damage."""
        content = dice.choice(self.samples)
        if self.is_json and dice.random() < 0.7:
            return mutated_json(content, dice)
        if self.words and dice.random() < 0.5:
            at = dice.randrange(len(content) + 1)
            behind = at + dice.choice((0, 0, 1, 8, 64))
            content = (
                content[:at] + dice.choice(self.words) * dice.choice((1, 1, 1, 3, 200)) + content[behind:]
            )
        return mutated(content, dice) if dice.random() < 0.7 else content


def trouble_of(target: Target, content: bytes) -> str:
    """Returns what is wrong with how an input was read; empty if nothing is."""
    started_s = time.thread_time()
    try:
        target.read(content)
    except EdgeclsError:  # one line, whatever it was made of
        pass
    except Exception:
        return traceback.format_exc()
    took_s = time.thread_time() - started_s
    return f"took {took_s:.1f} s" if took_s > _LIMIT_S else ""


def fuzz(name: str, target: Target, seed: int, seconds: float, keep: Path) -> int:
    """Reads damaged inputs until the time is over; returns the number of finds."""
    end_s, number, finds = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end_s:
        content = target.damaged(random.Random(f"{name} {seed} {number}"))  # noqa: S311 - to be repeated
        if trouble := trouble_of(target, content):
            finds += 1
            keep.mkdir(parents=True, exist_ok=True)
            place = keep / f"{name}_{seed}_{number}"
            place.write_bytes(content)
            print(f"{place}: {trouble}", flush=True)
        number += 1
    print(f"{name}: {number:,} inputs, {finds} finds", flush=True)
    return finds


_PART = b"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s"
_EVENT = b'{"sequence":1,"at":"2026-01-01T00:00:00+00:00","monotonic_s":1.5,"kind":"opened","text":"a"}\n'
_TOML = b"""source = "csi"
conf = 0.5
max_frames = 3
serve = true
roi = "0.1,0.1,0.5,0.5"
events_max_mb = 20
"""
_LABELS = ("cat\nHündin\n狗\n".encode(), b"\xef\xbb\xbfa\r\nb\r\n")
_WORDS: dict[str, tuple[bytes, ...]] = {
    "multipart": (
        *(b"\r\n--frame\r\n", b"--frame--", b"Content-Length: 99999999\r\n"),
        *(b"\xff\xd8\xff", b"\xff\xd9", b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
    ),
    "jpeg": (
        *(b"\xff\xd8", b"\xff\xd9", b"\xff\xff", b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"),
        *(b"\xff\xe1\x00\x10Exif\0\0II*\0\x08\0\0\0", b"\xff\xc2\x00\x11\x08\xff\xff\xff\xff"),
    ),
    "toml": (b'"', b"'''", b"[", b"[a]\n", b"= ", b"nan", b"1e999", b"\\u0000", b"9" * 5000, b"2026-01-01"),
    "labels": (b"\n", b"\r", b"\x1b[2J", b"\xed\xa0\x80", b"\0", b"\xe2\x80\xae"),
    "events": (b"\n", b"{", b"[" * 5000, b"\xff", b"NaN"),
}
"""What means something to each reader."""


def targets(folder: Path) -> dict[str, Target]:
    """Returns every target by name; `folder` takes the files of those that read files."""
    card = read_model(builtin_paths("nano")[0]).card.to_json().encode()
    jpegs = tuple(
        _jpeg(*options)
        for options in ((), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 1))
    )
    stream = b"".join(_PART % (len(jpeg), jpeg) for jpeg in jpegs) + b"\r\n--frame--\r\n"
    streams = stream, stream[4:], b"".join(jpegs)
    recording = RecordingHeader("demo", "nano_int8.tflite", "0" * 64, "2026-01-01T00:00:00+00:00")
    by_file = {
        "toml": _by_file(folder / "camera.toml", CameraOptions.from_toml),
        "labels": _by_file(folder / "labels.txt", read_labels),
        "events": _by_file(folder / "events.jsonl", read_events),
        "recording": _by_file(folder / HEADER_NAME, lambda path: read_recording(path.parent)),
    }
    return {
        "card": Target(lambda text: ModelCard.from_json(text, "card"), (card,), is_json=True),
        "multipart": Target(_read_stream, streams, _WORDS["multipart"]),
        "jpeg": Target(_read_jpeg, jpegs, _WORDS["jpeg"]),
        "toml": Target(by_file["toml"], (_TOML,), _WORDS["toml"]),
        "labels": Target(by_file["labels"], _LABELS, _WORDS["labels"]),
        "events": Target(by_file["events"], (_EVENT * 3,), _WORDS["events"]),
        "recording": Target(by_file["recording"], (recording.to_json().encode(),), is_json=True),
    }


def _jpeg(*options: int) -> bytes:
    gradient = np.tile(np.arange(96, dtype=np.uint8)[None, :, None], (64, 1, 3))
    return cv2.imencode(".jpg", gradient, list(options))[1].tobytes()


def _by_file(path: Path, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    def write_and_read(content: bytes) -> object:
        path.write_bytes(content)
        return read(path)

    return write_and_read


def _read_stream(content: bytes) -> None:
    """Gives the parser pieces as a network does; it keeps no more than one picture."""
    body, at = Body(), 0
    parser = pictures(body, "frame")
    for found in parser:
        if isinstance(found, Need):
            if at >= len(content):
                return
            piece = content[at : at + 700]
            body.add(piece)
            at += len(piece)
        if len(body.content) > MAX_PICTURE_BYTES + len(content):
            raise MemoryError(f"{len(body.content):,} bytes are kept")


def _read_jpeg(content: bytes) -> None:
    header = jpeg_header.read_header(content)
    jpeg_header.scan_start(content)
    jpeg_header.is_whole(content)
    if header:
        jpeg_header.why_refused(content, header)
    decode(content, "picture.jpg")


def main() -> int:
    """Runs what the command line asks for; returns 1 if there are finds."""
    parser = argparse.ArgumentParser("python -m tools.fuzz", description=__doc__)
    add = parser.add_argument
    add("models", nargs="*", type=Path, help="model files (default: those of the built-in nano)")
    add("--minutes", type=float, default=2, help="time in all (default: %(default)s)")
    add("--seed", type=int, default=int(time.time()) // _DAY_S, help="(default: another one each day)")
    add("--keep", type=Path, default=Path("finds"), help="folder for finds (default: %(default)s)")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    finds, half_s = 0, arguments.minutes * 30
    with tempfile.TemporaryDirectory() as folder:
        every = targets(Path(folder))
        for name, target in every.items():
            finds += fuzz(name, target, arguments.seed, half_s / len(every), arguments.keep)
    models = arguments.models or list(builtin_paths("nano"))
    for model in models:
        finds += _fuzz_model(model, arguments.seed, half_s / len(models), arguments.keep)
    return int(finds > 0)


def _fuzz_model(model: Path, seed: int, seconds: float, keep: Path) -> int:
    command = [sys.executable, "-m", "tools.mutants", str(model), "--count", "1000000", "--seed", str(seed)]
    limits = ["--seconds", f"{seconds:.0f}", "--keep", str(keep)]
    return subprocess.run([*command, *limits], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
