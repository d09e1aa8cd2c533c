"""`edgecls demo`: runs the whole workflow, by the commands that a user would type."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import typer

from .. import data as data_sets
from .. import edge_runtime
from ..edge_runtime.engines.names import DEFAULT_H5
from ..edge_runtime.errors import EdgeclsError, writing_failed
from ..edge_runtime.files import write_whole
from ..edge_runtime.text import duration
from .messages import detail, show_next, verbosity_options

_PICTURES = 60
_FRAMES_EACH = 5


def demo(
    output: Path = typer.Option(
        Path("edgecls-demo"), "--output", "-o", help="Folder for all files; made when missing."
    ),
    folder: Path | None = typer.Option(None, "--folder", hidden=True, help="Old name of --output."),
) -> None:
    """Train, export, compare and run the camera loop on handwritten digits, in a few minutes.

    It needs no network and no camera.

    Examples:
        edgecls demo
        edgecls demo --output /tmp/demo
    """
    folder = folder or output
    detail(f"training with {data_sets.backend_version()}")  # an error where it is not installed
    started_s = time.monotonic()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise writing_failed(folder, error) from error

    run(folder, "train", "--data", "digits")
    run(folder, "export", "--int8")
    run(folder, "bench", "--json", "bench.json", "--csv", "bench.csv")
    watch(folder)
    print(f"models, plots, table and annotated.webm: {folder}/ ({duration(time.monotonic() - started_s)})")
    show_next("edgecls train --data YOUR_FOLDER", "one sub-folder of pictures for each class")


def watch(folder: Path) -> None:
    """Has the camera loop classify a clip of test pictures, and counts the right answers."""
    truth = _render_clip(folder)
    camera = ("camera", "--source", "clip.mp4", "--no-realtime", "--headless", "--json")
    # A picture stays for half a second: each frame speaks for itself.
    lines = run(folder, *camera, "--smooth", "0", "--hold", "0", "--record", "annotated.webm", keep=True)
    write_whole(folder / "camera.jsonl", lines)
    answers = [json.loads(line)["label"] for line in lines.splitlines()]
    right = sum(answer == label for answer, label in zip(answers, truth, strict=True))
    unknown = answers.count(None)
    wrong = len(truth) - right - unknown
    print(f"\n{len(truth)} frames: {right} right, {wrong} wrong, {unknown} unknown")


def run(folder: Path, *arguments: str, keep: bool = False) -> str:
    """Runs one command in a process of its own, as a user would; returns what it printed if `keep`."""
    print(f"\n$ edgecls {' '.join(arguments)}", flush=True)
    env = os.environ | {"PYTHONIOENCODING": "utf-8"} if keep else None
    command = [sys.executable, "-m", "edgecls", *verbosity_options(), *arguments]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE if keep else None, encoding="utf-8", env=env, check=False
    )
    if done.returncode:
        error = EdgeclsError(
            f"`edgecls {arguments[0]}` ended with exit code {done.returncode}; see its error above"
        )
        error.exit_code = done.returncode
        raise error
    return done.stdout or ""


def _render_clip(folder: Path) -> list[str]:
    """Writes clip.mp4 from test pictures of the digits; returns the label of each of its frames."""
    model = folder / DEFAULT_H5
    dataset = data_sets.training_data(model, edge_runtime.read_model(model).card, None)
    images, truth = dataset.test.images[:_PICTURES], dataset.test.truth[:_PICTURES]
    print(f"\nrendering clip.mp4: {len(images)} test pictures, {_FRAMES_EACH} frames each", flush=True)
    edge_runtime.render_clip(folder / "clip.mp4", images, _FRAMES_EACH)
    return [dataset.labels[label] for label in truth for _ in range(_FRAMES_EACH)]
