import json
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.trainer.train import train


@pytest.fixture
def pets(tmp_path) -> Path:
    """A folder with eight images of each of two classes."""
    folder = tmp_path / "pets"
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for number in range(8):
            pixels = random.integers(0, 256, (20, 30, 3), dtype=np.uint8)
            (folder / label / f"{number}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return folder


def shows_no_more_than_users_need(lines: list[str], epochs: list[str]) -> None:
    """What is loaded, what is trained, the epochs; tests share a cache of pictures."""
    lines = [line for line in lines if not line.startswith("images: ")]
    assert lines[:2] == ["edgecls: reading 17 images ...", "edgecls: loading TensorFlow ..."]
    assert lines[2] == "pets: 2 classes, 12 train, 2 val, 2 test images of 18x18 px"
    assert lines[3:5] == [f"  {label}: 6 train, 1 val, 1 test" for label in ("cat", "dog")]
    assert lines[5].startswith("cnn: ")
    assert lines[6].startswith("warning: only 2 validation images: export cannot fit the threshold for")
    assert [line.split()[0] for line in lines[7:]] == ["epoch", *epochs]


def test_the_summary_is_in_the_form_that_users_know(run_here, pets, tmp_path):
    (pets / "dog" / "broken.jpg").write_text("no image")
    options = ("--data", "pets", "--arch", "cnn", "--epochs", 2, "--imgsz", 18, "--batch-size", 4)
    done = run_here("train", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert 0 <= float(lines[0].removeprefix("accuracy: ")) <= 1
    assert 0 <= float(lines[1].removeprefix("loss: ")) < 10
    assert lines[2].startswith("on 2 test images of pets, after 2 epochs in ")
    assert lines[3:5] == ["skipped 1 file:", "  dog/broken.jpg: not an image"]
    (plots,) = (number for number, line in enumerate(lines) if line.startswith("plots and report: "))
    named = lines[plots].partition("/: ")[2].split(", ")
    assert {*named} == {path.name for path in (tmp_path / "image_classification").iterdir()}
    assert lines[plots + 1] == "is it enough?"
    assert lines[plots + 2].endswith("of 2 test pictures right")
    assert "  see image_classification/report.html" in lines[-2:]
    assert lines[-1] == "next: edgecls export --int8"
    assert {path.name for path in tmp_path.iterdir()} == {
        "pets", "image_classification.h5", "image_classification"
    }  # fmt: skip
    shows_no_more_than_users_need(done.stderr.splitlines(), ["1/2", "2/2"])
    report = json.loads((tmp_path / "image_classification" / "report.json").read_text())
    assert report["data"] == str(pets)  # absolute: found again from any folder


def test_every_option_arrives_and_the_next_command_names_another_output(run_here, pets, tmp_path):
    options = ["--arch", "cnn", "--epochs", 1, "--batch-size", 5, "--seed", 6, "--size", 18]
    options += ["--augment", "jpeg,flip", "--dropout", 0.25, "--early-stopping", "--output", "new/pets.h5"]
    options += ["--optimizer", "adamw", "--learning-rate", 0.002, "--schedule", "one-cycle", "--balance"]
    options += ["--weight-decay", 0.01, "--label-smoothing", 0.1, "--precision", "bfloat16"]
    done = run_here("train", "--data", pets, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "next: edgecls export new/pets.h5 --int8"
    report = json.loads((tmp_path / "new" / "pets" / "report.json").read_text())
    assert report["recipe"] == {
        "arch": "cnn",
        "depth": None,
        "width": None,
        "epochs": 1,
        "batch_size": 5,
        "seed": 6,
        "optimizer": "adamw",
        "learning_rate": 0.002,
        "schedule": "one-cycle",
        "weight_decay": 0.01,
        "label_smoothing": 0.1,
        "augment": ["jpeg", "flip"],
        "dropout": 0.25,
        "average_epochs": 0,
        "early_stopping": True,
        "balance": True,
        "teacher": None,
        "temperature": 4.0,
        "teacher_share": 0.9,
        "precision": "bfloat16",
        "backbone": None,
    }
    assert report["image"]["height_px"] == report["image"]["width_px"] == 18


@pytest.mark.parametrize(
    "command", [["train", "--data", "pets", "--arch", "cnn", "--epochs", "1000", "--size", "18"]]
)
def test_ctrl_c_says_how_to_resume_and_a_kill_can_be_resumed_too(run_edgecls, pets, tmp_path, command):
    def interrupt(arguments: list[str], with_signal: int, after_epochs: int) -> subprocess.CompletedProcess:
        checkpoint = tmp_path / "image_classification" / "checkpoint.npz"
        process = subprocess.Popen(
            [sys.executable, "-m", "edgecls.cli", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        seen = set()
        while len(seen) < after_epochs and process.poll() is None:
            time.sleep(0.02)
            if checkpoint.exists():
                seen.add(checkpoint.stat().st_mtime_ns)
        process.send_signal(with_signal)
        out, err = process.communicate(timeout=900)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    (pets / "dog" / "broken.jpg").write_text("no image")
    stopped = interrupt(command, signal.SIGINT, after_epochs=2)
    assert stopped.returncode == 130
    assert stopped.stdout == ""
    assert "Traceback" not in stopped.stderr
    resume = "train --data pets --arch cnn --epochs 1000 --size 18 --resume"
    *shown, last = [line for line in stopped.stderr.splitlines() if not line.startswith("images: ")]
    assert last == f"edgecls: interrupted; continue with `edgecls {resume}`"
    # Nothing of TensorFlow's own noise.
    shows_no_more_than_users_need(shown, [f"{number + 1}/1000" for number in range(len(shown) - 8)])

    killed = interrupt(resume.split(), signal.SIGKILL, after_epochs=3)
    assert killed.returncode == -signal.SIGKILL
    epochs = [line.split()[0] for line in killed.stderr.splitlines() if "/1000" in line]
    first = int(epochs[0].removesuffix("/1000"))
    assert f"continuing after epoch {first - 1} of 1000" in killed.stderr.splitlines()
    assert first >= 3
    assert not (tmp_path / "image_classification.h5").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--epochs", 0], 2, "Invalid value for '--epochs'"),
        (["--batch-size", "many"], 2, "Invalid value for '--batch-size'"),
        (["--dropout", 1], 2, "Invalid value for '--dropout'"),
        (["--seed", -1], 2, "Invalid value for '--seed'"),
        (["--size", 4], 2, "Invalid value for '--size'"),
        (["--imgsz", 4], 2, "Invalid value for '--imgsz'"),
        (["--imgsz", 12], 2, "--imgsz 12: too small for cnn"),
        (["--size", 12], 2, "--imgsz 12: too small for cnn"),  # its old name
        (["--arch", "vgg"], 2, "--arch vgg: no such network; use cnn"),
        (["--output", "model.onnx"], 2, "--output model.onnx: the name must end in .h5"),
        (["--speed", 3], 2, "No such option: --speed"),
        (["--data", "nowhere"], 66, "error: nowhere: no such file or folder"),
        (["--data", "nowhere/"], 66, "error: nowhere/: no such file or folder"),
        (["--teacher", "no.h5"], 66, "error: --teacher no.h5: no such file"),
        (["--data", "empty"], 65, "error: empty: no class folders with images"),
        (["--data", "one"], 65, "error: one: only one class, cat"),
        (["--data", "notes.txt"], 65, "error: notes.txt: not a folder, a zip or a tar"),
        (["--data", "evil.zip"], 65, "refused: the name '../evil.png' leads out of the zip"),
        (["--data", "digits", "--address", "there:1"], 2, "--address there:1: has no effect on --arch cnn"),
        (["--data", "digits", "--resume"], 66, "there is no training to resume; leave --resume out"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_exit_code(run_here, tmp_path, arguments, code, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "one" / "cat").mkdir(parents=True)
    (tmp_path / "one" / "cat" / "1.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("hello")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../evil.png", b"x")
    done = run_here("train", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("edgecls: error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert not (tmp_path / "image_classification.h5").exists()


def run_without(missing, *arguments):
    program = f"""
import sys
sys.modules.update(dict.fromkeys({missing}))  # importing them fails
sys.argv = ["edgecls", "train", *{arguments}]
from edgecls.cli.main import main
main()
"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "missing", [["tqdm"], ["keras", "tensorflow", "tqdm", "sklearn", "matplotlib", "h5py"]]
)
def test_without_the_training_extra_the_error_names_it(missing):
    done = run_without(missing)
    assert done.returncode == 69
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("edgecls: error: training needs ")
    assert 'run `pip install "edgecls[train]"`' in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [("--arch", "vgg", 2), ("--recipe", "worst", 2), ("--teacher", "no.h5", 66), ("--data", "nowhere", 66)],
)
def test_a_mistake_is_told_before_keras_is_imported(option, value, code):
    done = run_without(["keras", "tensorflow"], option, value)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert f"{value}: no such" in done.stderr


def test_help_names_every_option(tmp_path, run_here):
    done = run_here("train", "--help", cwd=tmp_path)
    assert done.returncode == 0
    options = "data arch epochs batch-size seed output augment dropout early-stopping resume"
    for option in options.split():
        assert f"--{option} " in done.stdout
    assert "--imgsz" in done.stdout
    assert "--size" not in done.stdout


def test_quiet_prints_the_result_alone(tiny):
    """From TensorFlow's start to its end; `test_other_systems` has the same of a folder of pictures."""
    stdout, stderr = tiny.said
    assert stderr == ""
    assert stdout.startswith("accuracy: ")
    assert stdout.splitlines()[-1] == "model: image_classification.h5"


def test_ten_lines_of_python_train_as_the_command_does(pets, tmp_path):
    output = tmp_path / "first.h5"
    report = train(pets, output=output, arch="cnn", imgsz=18, epochs=1, batch_size=4, augment="flip", seed=3)
    assert (report.recipe.epochs, report.recipe.augment, report.recipe.seed) == (1, ("flip",), 3)
    assert report.image.height_px == 18
    assert output.exists()
    again = train(from_report=tmp_path / "first" / "report.json", output=tmp_path / "again.h5", seed=4)
    assert (again.data, again.recipe) == (report.data, replace(report.recipe, seed=4))
    with pytest.raises(UsageError, match="--arch vgg: no such network"):
        train(pets, output=output, arch="vgg")


def test_folders_that_are_no_classes_are_one_line_that_names_the_layout(run_here, tmp_path, write_images):
    for folder in ("train", "test"):
        write_images(tmp_path / "flat" / folder, 2)
    done = run_here("train", "--data", "flat", cwd=tmp_path)
    assert done.returncode == 65
    assert done.stderr.count("\n") == 1
    assert "train/ looks like the training split" in done.stderr
    assert "such as cat/1.jpg and dog/1.jpg, or train/cat/1.jpg and test/cat/1.jpg" in done.stderr


def test_names_in_a_zip_that_may_be_read_in_several_ways_are_asked_about(run_here, tmp_path, write_images):
    write_images(tmp_path / "pets", 1)
    content = (tmp_path / "pets" / "000.png").read_bytes()
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cc/1.png", "dd/1.png"):
            archive.writestr(name, content)
    packed = path.read_bytes()
    for plain, named in ((b"cc/", "猫".encode("gbk") + b"/"), (b"dd/", "狗".encode("gbk") + b"/")):
        packed = packed.replace(plain, named)
    path.write_bytes(packed)
    done = run_here("train", "--data", "pets.zip", cwd=tmp_path)
    assert done.returncode == 65
    assert "names of its folders are in an unknown encoding" in done.stderr
    assert "--zip-encoding" in done.stderr
    done = run_here("train", "--data", "pets.zip", "--zip-encoding", "gbk", cwd=tmp_path)
    assert "pets: class 狗 has 1 different training images" in done.stderr
    done = run_here("train", "--data", "pets.zip", "--zip-encoding", "klingon", cwd=tmp_path)
    assert done.returncode == 2
