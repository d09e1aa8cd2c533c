"""`edgecls sweep`: what it refuses before anything is trained, and once the whole of it."""

import json
import os
import subprocess
from dataclasses import replace

import pytest

from edgecls.cli.sweep import _print_report
from edgecls.cli.sweep_grid import points_of
from edgecls.edge_runtime.errors import CheckFailed, EdgeclsError, UsageError
from edgecls.sweep.report import Failure, Limits
from tests.sweep.test_report import REPORT

LISTS = {"arch": "cnn", "imgsz": "32", "seed": "0", "recipe": None, "width": None, "depth": None}


def test_lists_are_combined_and_what_a_network_does_not_come_in_is_left_out():
    lists = {**LISTS, "arch": "nano, mobilenet", "width": "0.5,1", "seed": "0,1,1"}
    assert [point.name for point in points_of("digits", None, **lists)] == [
        "nano-32px-seed0",
        "mobilenet-w0.5-32px-seed0",
        "mobilenet-w1-32px-seed0",
        "nano-32px-seed1",
        "mobilenet-w0.5-32px-seed1",
        "mobilenet-w1-32px-seed1",
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"arch": "cnn,vgg"}, "--arch vgg: no such network"),
        ({"arch": "cnn,"}, "--arch cnn,: not a list of names"),
        ({"imgsz": "32,big"}, "--imgsz 32,big: not a list of numbers"),
        ({"imgsz": "32,4"}, "--imgsz 4: not a side"),
        ({"imgsz": "12"}, "--imgsz 12: too small for cnn"),
        ({"seed": "-1"}, "--seed -1: not 0 to"),
        ({"recipe": "best,worst"}, "--recipe worst: no such recipe"),
        ({"width": "0.5"}, "--width: cnn come"),
        ({"arch": "cnn,mobilenet", "width": "0.5,9"}, "--width 9: mobilenet can be"),
        ({"arch": "resnet", "depth": "20,21"}, "--depth 21: resnet has"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_trained(wrong, message):
    with pytest.raises(UsageError, match=message):
        points_of("digits", None, **{**LISTS, **wrong})


def test_the_best_file_is_named_with_what_it_is_on_the_test_images(capsys, tmp_path):
    _print_report(REPORT, tmp_path)
    said = capsys.readouterr().out
    path = "sweep/trials/nano-32px-seed0/nano-32px-seed0_int8.tflite"
    assert f"best under 200 kB and 5 ms: {path}: validation accuracy 87.00%" in said
    assert "on the 10,000 test images (not used to choose): 86.00%" in said
    assert said.endswith(f"next: edgecls camera --model {path}\n")


def test_where_no_file_fits_the_nearest_is_named_and_the_check_has_failed(tmp_path):
    with pytest.raises(
        CheckFailed, match="no file is under 50 kB; the nearest is sweep/trials/nano-32px-seed0"
    ):
        _print_report(replace(REPORT, limits=Limits(max_kb=50)), tmp_path)


def test_a_training_that_failed_is_named_after_the_table_and_ends_with_its_code(capsys, tmp_path):
    failed = replace(REPORT, failures=(Failure("cnn-32px-seed9", "no space; free some", 74),))
    with pytest.raises(EdgeclsError, match="1 training failed, first cnn-32px-seed9") as caught:
        _print_report(failed, tmp_path)
    assert caught.value.exit_code == 74
    assert "best under" in capsys.readouterr().out


def test_on_a_device_it_names_the_package_to_install(run_edgecls, tmp_path):
    (tmp_path / "ray.py").write_text("raise ImportError('not installed here')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = run_edgecls("sweep", "--data", "digits", cwd=tmp_path, env=environment)
    assert done.returncode == 69
    assert 'run `pip install "edgecls[sweep]"`' in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_whole_sweep_on_one_machine(run_here, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'edgecls[sweep]'")
    options = ("--data", "digits", "--arch", "cnn", "--epochs", 1, "--seconds", 0.2)
    options = (*options, "--max-kb", 200, "--max-ms", 50)
    done: subprocess.CompletedProcess[str] = run_here("sweep", *options, "--seed", "0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "best under 200 kB and 50 ms: sweep/trials/cnn-32px-seed0/" in done.stdout
    assert (tmp_path / "sweep" / "pareto.png").exists()
    trial = tmp_path / "sweep" / "trials" / "cnn-32px-seed0"
    first = (trial / "cnn-32px-seed0_int8.tflite").read_bytes()

    again = run_here("sweep", *options, "--seed", "0", cwd=tmp_path)
    assert (again.returncode, "already has a sweep" in again.stderr) == (2, True)
    larger = run_here("sweep", *options, "--seed", "0,1", "--resume", cwd=tmp_path)
    assert larger.returncode == 0, larger.stderr
    assert "2 trainings, 1 already finished" in larger.stderr
    assert len(json.loads((tmp_path / "sweep" / "results.json").read_text())["files"]) == 4
    assert (trial / "cnn-32px-seed0_int8.tflite").read_bytes() == first
