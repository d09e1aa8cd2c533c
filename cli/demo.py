"""`edgecls demo`: the whole path in one go, by the very commands that a user would type."""

import json
import subprocess
import sys
import time
from pathlib import Path

import typer

from ..edge_runtime.errors import EdgeclsError

_PICTURES = 60
_FRAMES_EACH = 5


def demo(
    folder: Path = typer.Option(Path("edgecls-demo"), help="Where everything goes; made when missing."),
) -> None:
    """Run the whole path on handwritten digits, in a few minutes.

    Train, export, bench, camera. It needs no network and no camera.
    """
    from ..data import backend  # noqa: F401 - what is not installed is said before a folder is made
    from ..edge_runtime.errors import writing_failed

    started_s = time.monotonic()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise writing_failed(folder, error) from error

    run(folder, "train", "--data", "digits")
    run(folder, "export", "--int8")
    run(folder, "bench", "--json", "bench.json", "--csv", "bench.csv")
    watch(folder)
    print(
        f"Models, plots, the table and annotated.mp4 are in {folder}/ ({time.monotonic() - started_s:.0f} s)."
    )
    print("next: edgecls train --data YOUR_FOLDER   (one sub-folder of pictures for each class)")


def watch(folder: Path) -> None:
    """Lets the camera loop classify a clip of test pictures, and counts how often it is right."""
    from ..edge_runtime.files import write_whole

    truth = _render_clip(folder)
    camera = ("camera", "--source", "clip.mp4", "--no-realtime", "--headless", "--json")
    # A picture stays for half a second: each frame speaks for itself.
    lines = run(folder, *camera, "--smooth", "0", "--hold", "0", "--record", "annotated.mp4", keep=True)
    write_whole(folder / "camera.jsonl", lines)
    answers = [json.loads(line)["label"] for line in lines.splitlines()]
    right = sum(answer == label for answer, label in zip(answers, truth, strict=True))
    unknown = answers.count(None)
    wrong = len(truth) - right - unknown
    print(
        f"\nOf {len(truth)} frames the camera loop had {right} right, {wrong} wrong, and {unknown} unknown."
    )


def run(folder: Path, *arguments: str, keep: bool = False) -> str:
    """Runs one command in a process of its own, as a user would; returns what it printed if `keep`."""
    print(f"\n$ edgecls {' '.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "edgecls.cli", *arguments]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE if keep else None, text=True, check=False
    )
    if done.returncode:
        error = EdgeclsError(
            f"`edgecls {arguments[0]}` ended with {done.returncode}; its reason stands above"
        )
        error.exit_code = done.returncode
        raise error
    return done.stdout or ""


def _render_clip(folder: Path) -> list[str]:
    """Writes clip.mp4 from test pictures of the digits; returns the label of each of its frames."""
    from ..data.model_data import training_data
    from ..edge_runtime.camera.outputs.video_file import render_clip
    from ..edge_runtime.models.model_file import read_model

    model = folder / "image_classification.h5"
    dataset = training_data(model, read_model(model).card, None)
    images, truth = dataset.test.images[:_PICTURES], dataset.test.truth[:_PICTURES]
    print(f"\nrendering clip.mp4: {len(images)} test pictures, {_FRAMES_EACH} frames each", flush=True)
    render_clip(folder / "clip.mp4", images, _FRAMES_EACH)
    return [dataset.labels[label] for label in truth for _ in range(_FRAMES_EACH)]
