"""The command as it is typed, on the machine that it runs on."""

import json
import os
import re

import pytest

NO_LIBGL = "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"


@pytest.fixture
def without_libgl(tmp_path):
    """An environment where importing OpenCV fails as on a system without a screen."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path/cv2.py").write_text(NO_LIBGL)
    return os.environ | {"PYTHONPATH": str(tmp_path / "path")}


def test_a_machine_that_runs_the_tests_runs_a_demo_camera(run_here, tmp_path):
    done = run_here("doctor", "--source", "demo", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "checks: no problem" in done.stdout.splitlines()[-1]
    names, count = re.findall(
        r"checked: (.*?)(?: not checked: .*)? (\d+) checks: ", " ".join(done.stdout.split())
    )[0]
    assert len(names.split(", ")) == len(set(names.split(", "))) == int(count)
    assert not done.stderr


def test_without_opencv_it_still_runs_and_names_the_command(run_edgecls, tmp_path, without_libgl):
    done = run_edgecls("doctor", "--source", "demo", cwd=tmp_path, env=without_libgl)

    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "problem: OpenCV cannot be loaded: the system has no libGL.so.1"
    assert lines[1].startswith("    ")
    assert " install " in lines[1]
    assert done.stderr.startswith("edgecls: error: this machine: 1 problem; fix as shown, then run ")


def test_json_holds_every_finding(run_edgecls, tmp_path, without_libgl):
    (tmp_path / "clip.mp4").touch()

    done = run_edgecls("doctor", "--json", "--source", "clip.mp4", cwd=tmp_path, env=without_libgl)

    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["problems"] == 1
    levels = {found["check"]: found["level"] for found in told["findings"]}
    assert (levels["word size"], levels["OpenCV"], levels["model"]) == ("ok", "problem", "unknown")


def test_a_source_that_is_not_there_is_a_mistake_and_no_finding(run_here, tmp_path):
    done = run_here("doctor", "--source", "clip.mp4", cwd=tmp_path)

    assert done.returncode == 66
    assert done.stderr == (
        "edgecls: error: clip.mp4: no such file, folder or camera; use an index, csi, demo, "
        "a path, rtsp(s) or http(s)\n"
    )
