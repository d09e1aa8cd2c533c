"""`edgecls models`, and the commands that take the name of a built-in model, in an empty folder."""

import json
import shutil
from pathlib import Path

import pytest

from edgecls.edge_runtime.images.opencv import cv2
from tests.fakes import picture


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return tmp_path


def test_the_list_says_how_large_and_how_good_they_are_and_what_they_know(run_here, empty: Path):
    done = run_here("models", cwd=empty)
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith(("| nano", "| edge"))]
    assert [row[0].strip("| ") for row in rows] == ["nano", "nano", "edge", "edge"]
    assert [row[1].strip() for row in rows] == ["tflite int8", "onnx int8"] * 2
    assert "| imagenet | tflite int8 |" in done.stdout
    assert all(row[3].strip().endswith("%") and int(row[4].replace(",", "")) > 0 for row in rows)
    assert [row[3].strip() for row in rows] == ["84.87%", "84.87%", "89.61%", "89.61%"]  # not Keras's
    said = " ".join(done.stdout.split())
    assert "nano: knows only airplane, automobile, bird, cat, deer" in said
    assert "imagenet: knows the 1,000 classes of ImageNet" in said
    assert "imagenet: answers below 0.4 are unknown (a fixed value: it could not be fitted" in said
    assert done.stdout.splitlines()[-1] == "next: edgecls camera --model imagenet"


def test_as_json_it_names_the_files(run_here, empty: Path):
    listed = json.loads(run_here("models", "--json", cwd=empty).stdout)
    assert [one["name"] for one in listed] == ["imagenet", "nano", "nano", "edge", "edge"]
    assert all(Path(one["path"]).stat().st_size == one["size_bytes"] for one in listed)
    assert all(0 < one["accuracy_before_export"] < 1 and one["threshold"] for one in listed[1:])
    assert [one["accuracy"] for one in listed] == [None, 0.8487, 0.8487, 0.8961, 0.8961]


def test_a_camera_in_an_empty_folder_says_who_answers_and_how_to_make_ones_own(run_edgecls, empty: Path):
    done = run_edgecls("camera", "--source", "demo", "--max-frames", 20, "--json", cwd=empty)
    assert done.returncode == 0, done.stderr
    told, *_ = done.stderr.splitlines()
    assert told == (
        "edgecls: no model in this folder; using the built-in imagenet (knows the 1,000 classes of ImageNet)"
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 20
    assert all(answer["truth"] in answer["ranking"][0]["label"] for answer in answers[:1])


def test_recording_needs_no_exported_model_and_watching_does(run_edgecls, empty: Path):
    (empty / "pets.h5").touch()
    for target in ("frames/", "clip.webm"):
        done = run_edgecls("camera", "-q", "-s", "demo", "--max-frames", 3, "--record", target, cwd=empty)
        assert done.returncode == 0, done.stderr
        assert (empty / target).exists()
        warning, *results = done.stderr.splitlines()
        assert warning == (
            "edgecls: warning: no exported model in this folder; recording goes on with the answers of "
            "built-in nano"
        )
        assert results[-1].startswith("labels: ")
    for more in ((), ("--record", "other/", "--model", ".")):
        done = run_edgecls("camera", "-s", "demo", "--max-frames", 3, *more, cwd=empty)
        assert (done.returncode, "run `edgecls export pets.h5 --int8`" in done.stderr) == (66, True)


def test_predict_uses_the_builtin_model_with_and_without_its_name(run_edgecls, empty: Path):
    cv2.imwrite(str(empty / "grey.png"), picture())
    unasked = run_edgecls("predict", "grey.png", cwd=empty)
    asked = run_edgecls("predict", "grey.png", "--model", "imagenet", cwd=empty)
    assert unasked.returncode == asked.returncode == 0
    assert unasked.stdout == asked.stdout
    assert asked.stdout.startswith("grey.png: ")
    assert unasked.stderr.count("\n") == 1
    assert asked.stderr == ""


def test_a_file_in_the_folder_answers_without_a_word(run_edgecls, tiny, empty: Path):
    shutil.copy(tiny.files[2], empty)
    cv2.imwrite(str(empty / "grey.png"), picture())
    done = run_edgecls("predict", "grey.png", cwd=empty)
    assert done.returncode == 0
    assert done.stderr == ""


def test_verify_takes_the_names(run_here, empty: Path):
    done = run_here("verify", "nano", "edge", cwd=empty)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": pass (") == 4


def test_verify_checks_nothing_that_was_not_asked_for(run_here, empty: Path):
    done = run_here("verify", cwd=empty)
    assert done.returncode == 66
    assert "or one that `edgecls models` lists" in done.stderr


def test_inspect_takes_a_name(run_here, empty: Path):
    done = run_here("inspect", "edge", cwd=empty)
    assert done.returncode == 0, done.stderr
    assert "10 labels: airplane, automobile" in done.stdout


def test_doctor_tries_a_name(run_here, empty: Path):
    done = run_here("doctor", "nano", "--source", "demo", "--json", cwd=empty)
    tried = [found for found in json.loads(done.stdout)["findings"] if found["check"] == "model"]
    assert [found["level"] for found in tried] == ["ok", "ok"]
    assert "nano_int8.tflite: litert " in tried[0]["what"]


def test_bench_says_that_builtin_models_come_without_test_pictures(run_here, empty: Path):
    done = run_here("bench", "nano", "--seconds", 0.1, "--images", 2, cwd=empty)
    assert done.returncode == 0, done.stderr
    assert "accuracy was not measured: nano comes without test images" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("next: edgecls bench nano --data FOLDER ")
