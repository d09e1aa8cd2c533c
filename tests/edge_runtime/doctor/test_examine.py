"""All checks together, on a made-up Raspberry Pi."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.edge_runtime.doctor.examine import examine
from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.host import this_host


def problems(host, source=None):
    return {found.check: found.command for found in examine(host, source) if found.level is Level.PROBLEM}


def test_where_all_is_well_there_is_nothing_to_fix(host, video):
    video(0, "webcam")

    levels = {found.check: found.level for found in examine(host)}

    assert set(levels.values()) == {Level.OK}
    assert {"camera", "permission", "busy", "power supply", "heat", "memory", "disk", "clock"} < levels.keys()
    assert "picamera2" not in levels


def test_the_builtin_model_is_tried_where_the_folder_has_none_of_its_own(host, write):
    assert "imagenet" in next(found.what for found in examine(host) if found.check == "model")

    write("image_classification.h5", "")
    levels = {found.check: found.level for found in examine(host)}
    assert levels["model"] is Level.UNKNOWN  # `edgecls camera` takes no other in its place


def test_a_misspelled_name_of_a_model_is_a_finding_beside_the_others(host):
    found = {found.check: found for found in examine(host, model=Path("nanno"))}
    assert (found["model"].level, found["clock"].level) == (Level.PROBLEM, Level.OK)
    assert "nano or edge" in found["model"].advice


def test_picamera2_is_looked_at_where_there_is_a_ribbon_cable(host, video):
    video(0, "unicam-image")
    spoilt = replace(host, error_of=lambda s: "ModuleNotFoundError: ..." if "picamera2" in s else None)

    assert list(problems(spoilt)) == ["picamera2"]
    assert problems(spoilt, "0")["camera"] == "edgecls camera --source csi"


def test_picamera2_is_not_needed_for_a_usb_camera(host, video):
    video(0, "webcam")
    video(8, "unicam-image")
    spoilt = replace(host, error_of=lambda s: "ModuleNotFoundError: ..." if "picamera2" in s else None)

    assert not problems(spoilt)
    assert not problems(spoilt, "0")


def test_models_are_not_blamed_for_a_library_that_cannot_be_loaded(host, write):
    write("image_classification.tflite", "")
    spoilt = replace(host, error_of=lambda s: "ImportError: libGL.so.1: x" if "cv2" in s else None)

    assert list(problems(spoilt)) == ["OpenCV"]
    assert list(problems(host)) == ["model"]


@pytest.mark.parametrize(("is_root", "command"), [(True, "apt install"), (False, "sudo apt install")])
def test_root_needs_no_sudo(host, is_root, command):
    no_library = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    user = replace(host.user, is_root=is_root)
    spoilt = replace(host, user=user, error_of=lambda s: no_library if "cv2" in s else None)

    assert problems(spoilt)["OpenCV"].startswith(command)


@pytest.mark.parametrize("source", ["demo", "http://127.0.0.1:1/"])
def test_a_source_that_is_no_camera_of_this_machine(host, source):
    found = {one.check: one.level for one in examine(host, source)}

    assert "permission" not in found
    assert found.get("camera", found.get("stream")) is (Level.OK if source == "demo" else Level.PROBLEM)


def test_this_machine_is_known_well_enough():
    host = this_host()

    assert host.python.bits == 64
    assert {"numpy", "typer"} <= {one.name for one in host.distributions}
    assert {"ai-edge-litert", "opencv-python"} <= set(host.required)
    assert "keras" not in host.required
