"""Diagnosis: why a camera or stream could not be opened."""

import os
import subprocess
import sys

import pytest

from edgecls.edge_runtime.camera.sources.diagnosis import first_holder, why_no_camera
from edgecls.edge_runtime.errors import PermissionRefused, Unavailable


@pytest.fixture
def opened_elsewhere(tmp_path):
    """A file that another process has open."""
    path = tmp_path / "camera"
    path.touch()
    code = "import sys; file = open(sys.argv[1]); print(flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    yield path, process.pid
    process.communicate(b"\n")


def test_a_camera_that_is_not_there_is_named_with_what_to_do():
    error = why_no_camera("/dev/video98")

    assert isinstance(error, Unavailable)
    assert str(error).startswith("/dev/video98: no such camera; ")


def test_a_camera_that_we_may_not_open_names_the_group(tmp_path):
    path = tmp_path / "video0"
    path.touch(0)
    if os.geteuid() == 0:  # root may open anything
        os.seteuid(65534)
    try:
        error = why_no_camera(str(path))
    finally:
        if os.getuid() == 0:
            os.seteuid(0)

    assert isinstance(error, PermissionRefused)
    assert str(error) == f"permission denied: {path}; add the user to group video"


def test_a_camera_in_use_names_the_user(opened_elsewhere):
    path, pid = opened_elsewhere

    error = why_no_camera(str(path))

    assert isinstance(error, Unavailable)
    assert f"{path}: in use by another process (" in str(error)
    assert f"pid {pid}); end it or choose another camera" in str(error)


def test_a_link_to_a_camera_in_use_is_followed(opened_elsewhere, tmp_path):
    path, pid = opened_elsewhere
    link = tmp_path / "by-id"
    link.symlink_to(path)

    assert f"pid {pid}" in first_holder(str(link))


def test_what_is_no_camera_is_said_to_give_no_pictures(tmp_path):
    path = tmp_path / "file"
    path.touch()

    assert first_holder(str(path)) is None
    assert f"{path}: gives no pictures, perhaps not a camera; " in str(why_no_camera(str(path)))
