"""Row F27: the commands on macOS and Windows; `other_systems/sitecustomize.py` hides what these lack."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.images.opencv import cv2
from edgecls.trainer.enough.examine import FEWEST_EXAMINED
from tests.test_repository import ROOT

from .mjpeg_server import MjpegServer

HIDING = Path(__file__).parent / "other_systems"
SYSTEMS = ["macos", "windows"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

IMPORT_ALL = """
import importlib, sys
from pathlib import Path
import edgecls.edge_runtime
for path in sorted(Path(edgecls.edge_runtime.__path__[0]).rglob("*.py")):
    name = path.relative_to(edgecls.edge_runtime.__path__[0]).with_suffix("").parts
    if name[-1] != "picamera":
        importlib.import_module(".".join(["edgecls", "edge_runtime", *name]).removesuffix(".__init__"))
"""
RUN_ALL = """
import json, sys
from edgecls.cli.main import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["edgecls", *arguments]
    try:
        main()
    except SystemExit as ended:
        print(ended.code or 0, file=sys.stderr)
"""
"""Runs several commands in one process, and writes the exit code of each as the last line of its stderr."""


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def run(system: str, tmp_path: Path) -> Run:
    """Runs Python there, with these arguments, as on the other system."""

    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"EDGECLS_SYSTEM": system, "PYTHONPATH": str(HIDING)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


@pytest.fixture
def edgecls(run: Run) -> Run:
    def command(*arguments: object) -> "subprocess.CompletedProcess[str]":
        done = run("-m", "edgecls.cli", *arguments)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return command


def test_what_is_hidden_is_hidden(run, system):
    """Or the tests below prove nothing."""
    program = f"""
import sys
sys.path.insert(0, {str(HIDING.parent)!r})
exec(compile('import os, sys; print(hasattr(os, "memfd_create"), sys.platform)', 'edgecls', 'exec'),
     {{'__package__': 'edgecls'}})
import os, sys
print(hasattr(os, "memfd_create"), sys.platform)
"""
    platform = {"macos": "darwin", "windows": "win32"}[system]
    assert run("-c", program).stdout.split() == ["False", platform, "True", sys.platform]


def test_every_module_of_a_device_can_be_imported(run):
    done = run("-c", IMPORT_ALL)
    assert done.returncode == 0, done.stderr


def test_models_answer_and_are_checked(edgecls, tiny, tmp_path: Path):
    model = tiny.folder / "image_classification_int8.onnx"
    (tmp_path / "cat.png").write_bytes(cv2.imencode(".png", PIXELS)[1].tobytes())
    done = edgecls("predict", "cat.png", "--model", model, "--csv", "a.csv", "--save", "shown")
    assert (done.returncode, done.stdout[:8]) == (0, "cat.png:"), done.stderr
    assert {"a.csv", "shown"} <= {path.name for path in tmp_path.iterdir()}
    done = edgecls("verify", model)
    assert done.returncode == 0, done.stderr


def test_a_video_is_classified_and_recorded(edgecls, tiny, tmp_path: Path):
    _write_video(tmp_path / "clip.avi")
    model = ["--model", tiny.folder / "image_classification_int8.onnx", "--headless", "--no-realtime"]
    done = edgecls("camera", "-s", "clip.avi", *model, "--json", "--events", "log/e.jsonl", "--record", "r/")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 8
    events = (tmp_path / "log" / "e.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["kind"] for line in events][0 :: len(events) - 1] == ["started", "stopped"]
    assert edgecls("camera", "--replay", "r/", *model[:2]).returncode == 0
    (tmp_path / "old.jsonl").write_bytes(b'{"sequence": 1}\n' * 320)
    edgecls("camera", "-s", "clip.avi", *model, "--events", "old.jsonl", "--events-max-mb", "0.01")
    assert (tmp_path / "old.jsonl.1").exists()


def test_pictures_come_from_another_process(edgecls, tiny, tmp_path: Path):
    """As those of a webcam do: through shared memory, the newest first, and their process ends with ours."""
    model = ["--model", tiny.folder / "image_classification_int8.onnx", "--headless", "--json"]
    with MjpegServer() as server:
        done = edgecls("camera", "-s", server.url, *model, "--max-frames", 5, "--serve", ":0", "-q")
    assert done.returncode == 0, done.stderr
    sequences = [json.loads(line)["sequence"] for line in done.stdout.splitlines()]
    assert len(sequences) == 5
    assert sequences == sorted(set(sequences))
    done = edgecls("camera", "-s", "demo", *model, "--max-frames", 3)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3), done.stderr
    assert not list(tmp_path.glob("edgecls-*"))


def test_what_does_not_work_there_says_so_in_a_line(run, tiny):
    model = ["--model", str(tiny.folder / "image_classification_int8.onnx"), "--headless"]
    expected = [
        (["camera", "-s", "0", "--once", *model], 69, "camera 0: cannot be opened"),
        (["camera", "-s", "csi", *model], 2, "csi: a camera of a Raspberry Pi"),
        (["camera", "-s", "demo", "--cpu", "20%", *model], 78, "use --fps"),
        (["doctor"], 69, "works on Linux only"),
        (["service", "status"], 69, "does not use systemd"),
    ]
    done = run("-c", RUN_ALL, json.dumps([arguments for arguments, _, _ in expected]))
    lines = done.stderr.splitlines()
    errors = [line for line in lines if line.startswith("edgecls: error:") or line.isdecimal()]
    assert len(errors) == 2 * len(expected), done.stderr
    for (_, code, words), error, found in zip(expected, errors[::2], errors[1::2], strict=True):
        assert words in error
        assert int(found) == code


@pytest.mark.parametrize("system", ["windows"], indirect=True)  # which lacks what macOS lacks, too
def test_a_network_is_trained_exported_and_measured(run, write_images, tmp_path: Path):
    for label in ("cat", "dog"):
        write_images(tmp_path / "pets" / label, FEWEST_EXAMINED // 2 - 1)  # so few are not examined
    commands = [
        ["train", "--data", "pets", "--epochs", "1", "--arch", "nano", "--imgsz", "16", "-q"],
        ["export", "-q"],
        ["bench", "image_classification.onnx", "--data", "pets", "--seconds", "0.01", "-q"],
    ]
    done = run("-c", RUN_ALL, json.dumps(commands))
    said = [
        line for line in done.stderr.splitlines() if not line.startswith(("warning: ", "edgecls: warning: "))
    ]
    assert said == ["0"] * 3  # and nothing of TensorFlow's own noise
    assert done.stdout.startswith("accuracy: ")


def test_every_text_file_is_opened_with_an_encoding():
    """Windows would take cp1252."""
    ruff = [sys.executable, "-m", "ruff", "check", "--preview", "--select", "PLW1514", "--no-cache"]
    folders = ("edgecls", "cli", "sweep", "benchmarks", "export", "data", "trainer", "edge_runtime")
    done = subprocess.run(
        [*ruff, *folders], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout


PIXELS = np.full((120, 160, 3), 90, np.uint8)


def _write_video(path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120))
    for number in range(8):
        writer.write(PIXELS + np.uint8(number))
    writer.release()
