"""Terminals, pipes and file systems that know ASCII only: everything runs, and letters become escapes."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.models.builtin import builtin_paths
from edgecls.edge_runtime.models.model_file import attach_to_tflite, read_model
from tests.fakes import picture

LABELS = ("Äpfel", "苹果", "\N{RED APPLE}", *(f"±{number} °C" for number in range(7)))
MODEL = "Größe.tflite"
TERMINAL = {"PYTHONIOENCODING": "ascii"}
LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""The names of files are ASCII too, and what Python opens without saying how."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    nano = read_model(builtin_paths("nano")[0])
    network = nano.content[: nano.content.rfind(b"edgecls-sha256:")]
    (folder / MODEL).write_bytes(attach_to_tflite(network, replace(nano.card, labels=LABELS)))
    (folder / "Bilder").mkdir()
    (folder / "Bilder/ü.jpg").write_bytes(cv2.imencode(".jpg", picture())[1].tobytes())
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def run(run_edgecls, folder: Path):
    def run(environment: dict[str, str], *arguments: str, code: int = 0) -> str:
        done = run_edgecls(*arguments, cwd=folder, env=os.environ | environment)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert (done.stdout + done.stderr).isascii()
        return done.stdout

    return run


@pytest.mark.parametrize("environment", [TERMINAL, LOCALE], ids=["terminal", "locale"])
def test_labels_are_shown_as_escapes_and_json_keeps_them(run, folder, environment):
    assert "\\u00c4pfel, \\u82f9\\u679c" in run(environment, "inspect", MODEL)
    assert json.loads(run(environment, "inspect", MODEL, "--json"))["card"]["labels"] == list(LABELS)
    answered = json.loads(run(environment, "predict", "Bilder", "--json", "--csv", "ä.csv", "--save", "ö"))
    assert {answered["ranking"][0]["label"]} < set(LABELS)
    assert (folder / "ä.csv").read_text(encoding="utf-8").count("\n") == 2
    assert (folder / "ö/ü.jpg").exists()
    run(environment, "nothing.é", code=2)


@pytest.mark.parametrize("record", ["Aufnähme/", "ü.mp4"])
def test_the_camera_writes_files_with_other_names_and_labels(run, folder, record):
    once = ("camera", "--source", "demo", "--max-frames", "2", "--no-realtime")
    run(LOCALE, *once, "--events", "ä.jsonl", "--record", record)
    assert (folder / record).exists()
    events = (folder / "ä.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(events[0])["kind"] == "started"
    if record.endswith(".mp4"):
        run(LOCALE, "camera", "--source", record, "--no-realtime")
    else:
        assert json.loads(run(LOCALE, "camera", "--replay", record, "--json"))["frames"] == 2
