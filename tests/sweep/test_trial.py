import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import BadData, EdgeclsError
from edgecls.sweep.grid import GridPoint
from edgecls.sweep.trial import CHECKPOINT, NAME, Job, Killed, kept_files, read_trial, run_job

STAND_IN = (str(Path(__file__).with_name("stand_in.py")),)


def job(arch="cnn", **changes):
    return Job(GridPoint(arch, 32, 0), "digits", 3, program=STAND_IN, **changes)


def test_a_trial_is_the_users_own_two_commands():
    assert job().commands == (
        "edgecls train --data digits --arch cnn --imgsz 32 --seed 0 --epochs 3 --output cnn-32px-seed0.h5",
        "edgecls export cnn-32px-seed0.h5 --int8 --json export.json",
    )


def test_its_record_holds_the_validation_accuracy_of_the_int8_files(tmp_path):
    record = run_job(job(), tmp_path, "here")
    assert [file.file for file in record.files] == ["cnn-32px-seed0_int8.tflite", "cnn-32px-seed0_int8.onnx"]
    assert 0 < record.files[0].val_accuracy < 1
    assert (record.node, record.val_images) == ("here", 1000)


def test_a_record_survives_the_disk(tmp_path):
    record = run_job(job(), tmp_path, "here")
    (tmp_path / NAME).write_text(record.to_json())
    assert read_trial(tmp_path) == record


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"point": {}, "files": []}'])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / NAME).write_text(content)
    with pytest.raises(BadData, match=r"trial\.json: not a record"):
        read_trial(tmp_path)


def test_float_exports_stay_behind_and_all_else_goes_back(tmp_path):
    run_job(job(), tmp_path, "here")
    kept = {path.as_posix() for path in kept_files(job(), tmp_path)}
    assert {"cnn-32px-seed0.h5", "cnn-32px-seed0_int8.tflite", "cnn-32px-seed0/report.json"} <= kept
    assert "cnn-32px-seed0.tflite" not in kept


def test_an_interrupted_training_goes_on_and_a_finished_one_is_not_done_again(tmp_path):
    (tmp_path / "cnn-32px-seed0").mkdir()
    (tmp_path / "cnn-32px-seed0" / CHECKPOINT).touch()
    run_job(job(), tmp_path, "here")
    assert "--resume" in (tmp_path / "train.log").read_text()
    run_job(job(), tmp_path, "here")
    assert (tmp_path / "train.log").read_text().count("training:") == 1


def test_the_checkpoint_is_the_one_that_train_writes():
    from edgecls.trainer.checkpoint import checkpoint_path

    assert checkpoint_path(Path("a.h5")) == Path("a") / CHECKPOINT


def test_an_error_of_the_command_is_passed_on_with_its_code(tmp_path):
    with pytest.raises(EdgeclsError, match=r"^digits: no such thing; think again$") as caught:
        run_job(job("broken"), tmp_path, "here")
    assert caught.value.exit_code == 65


def test_a_command_that_was_killed_is_no_error_of_ours(tmp_path):
    with pytest.raises(Killed, match="signal 9"):
        run_job(job("killed"), tmp_path, "here")


def test_reports_of_another_edgecls_are_named(tmp_path):
    run_job(job(), tmp_path, "here")
    report = tmp_path / "cnn-32px-seed0" / "report.json"
    report.write_text(json.dumps({"colour": "red"}))
    with pytest.raises(BadData, match="epochs_done: is missing; install the same edgecls"):
        run_job(job(), tmp_path, "here")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_a_training_ends_with_its_worker(tmp_path):
    program = (
        "from pathlib import Path; from edgecls.sweep.grid import GridPoint\n"
        "from edgecls.sweep.trial import *\n"
        f"run_job(Job(GridPoint('patient', 32, 0), 'digits', program={STAND_IN}), Path('a/b'), 'here')"
    )
    worker = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    while not (notes := list((tmp_path / "a" / "b").glob("patient-*.[0-9]*"))):
        assert worker.poll() is None
        time.sleep(0.01)
    training = os.pidfd_open(int(notes[0].suffix[1:]))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert select.select([training], [], [], 10)[0], "the training outlived its worker"
    os.close(training)


def test_the_encoding_of_folder_names_reaches_the_training():
    assert "--zip-encoding" not in job().train
    train = job(zip_encoding="cp866").train
    assert train[train.index("--zip-encoding") + 1] == "cp866"
