"""What a Raspberry Pi's user types, with our wheel alone, on files that were made on this machine."""

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.images.decode import read_image
from tests.mjpeg_server import MjpegServer
from tests.pi.conftest import FRAMES
from tests.pi.guest_memory import guest_memory_bytes
from tests.pi.userland import PROCESSORS
from tools.process_cost import family_of

pytestmark = pytest.mark.pi

CAMERA_MEMORY_BYTES = 130_000_000
"""Of both processes together; the same budget as on x86-64, in benchmarks/pipeline/goals.py."""


def lines_of_json(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("model", PROCESSORS)
def test_golden_frames_hold(run_on_pi, model):
    """The processors matter: the engines have other kernels for each."""
    verified = lines_of_json(run_on_pi("verify", "--json", model=model).stdout)

    assert len(verified) == 4
    assert all(entry["holds"] for entry in verified)
    assert {entry["engine"].split()[0] for entry in verified} == {"litert", "onnxruntime"}


def test_predict_answers_as_on_this_machine(run_on_pi, folder):
    for suffix in (".tflite", "_int8.onnx"):
        name = f"image_classification{suffix}"
        with Classifier(folder / name) as classifier:
            here = classifier.classify(read_image(folder / "digit.png"))
        said = run_on_pi("predict", "digit.png", "--model", name).stdout
        assert here.ranking[0][0] in said


def test_camera_plays_a_video(run_on_pi):
    done = run_on_pi("camera", "--source", "clip.avi", "--no-realtime", "--headless", "--json")

    answers = lines_of_json(done.stdout)
    assert len(answers) == FRAMES
    assert all(answer["ranking"] for answer in answers)


def test_camera_reads_a_camera_on_the_network_within_its_memory(pi, folder, record_property):
    with MjpegServer(rate_fps=5, size_px=(640, 480)) as server:
        arguments = ["camera", "--source", server.url, "--headless", "--json"]
        with started(pi.command("edgecls", *arguments, work=folder), folder) as process:
            answers = [json.loads(process.stdout.readline()) for _ in range(5)]
            used_bytes = guest_memory_bytes(family_of(process.pid))
            process.terminate()
            assert process.wait(timeout=60) == 0, (folder / "stderr").read_text()

    record_property(f"camera on {pi.suite}, both processes", f"{used_bytes / 1e6:.0f} MB")
    sequence = [answer["sequence"] for answer in answers]
    assert sequence == sorted(set(sequence))
    assert used_bytes <= CAMERA_MEMORY_BYTES


def test_bench_measures_without_tensorflow(run_on_pi):
    files = ["image_classification_int8.tflite", "image_classification.onnx"]
    done = run_on_pi("bench", *files, "--seconds", 0.1, "--images", 20, timeout_s=600)

    assert {"TFLite int8", "ONNX"} <= {line[2:13].strip() for line in done.stdout.splitlines()}, done.stdout
    assert "accuracy was not measured" in done.stdout


def test_nothing_of_the_workstation_is_installed(pi):
    installed = {path.name.lower() for path in pi.site_packages.iterdir()}
    assert not installed & {"tensorflow", "keras", "onnx", "matplotlib", "scipy", "h5py", "psutil", "pil"}
    assert "edgecls" in installed


def test_doctor_finds_no_problem(run_on_pi):
    done = run_on_pi("doctor", "--source", "demo", "--json")

    found = json.loads(done.stdout)
    assert found["problems"] == 0
    assert found["findings"]


@contextmanager
def started(command: list[str], folder: Path):
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()
