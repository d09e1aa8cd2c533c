from dataclasses import replace
from pathlib import Path

import pytest
from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.picamera import check_picamera2

NO_MODULE = "ModuleNotFoundError: No module named 'picamera2'"
INSTALL = "sudo apt install -y python3-picamera2"


@pytest.fixture
def let_in(write, python):
    """Whether the virtual environment sees the system's packages."""
    return lambda seen: write(
        "edgecls/pyvenv.cfg", f"home = /usr/bin\ninclude-system-site-packages = {seen}\n"
    )


@pytest.fixture
def from_apt(tmp_path):
    (tmp_path / "usr/lib/python3/dist-packages/picamera2").mkdir(parents=True)


def test_what_loads_is_fine(python, tmp_path):
    assert check_picamera2(None, python, tmp_path).level is Level.OK


def test_a_virtual_environment_that_does_not_see_it(python, tmp_path, let_in, from_apt):
    let_in("false")

    found = check_picamera2(NO_MODULE, python, tmp_path)

    assert found.level is Level.PROBLEM
    assert "installed, and this virtual environment does not see the system's packages" in found.what
    assert found.command == f"/usr/bin/python3 -m venv --system-site-packages {tmp_path}/edgecls"


def test_neither_installed_nor_seen(python, tmp_path, let_in):
    let_in("false")

    found = check_picamera2(NO_MODULE, python, tmp_path)

    assert found.what.startswith("picamera2 is not installed, and ")
    assert found.command.startswith(f"{INSTALL} && /usr/bin/python3 -m venv --system-site-packages ")


def test_not_installed(python, tmp_path, let_in):
    let_in("true")

    found = check_picamera2(NO_MODULE, python, tmp_path)

    assert (found.what, found.command) == ("picamera2 is not installed", INSTALL)


def test_another_python_than_the_systems_cannot_see_it(python, tmp_path, let_in, from_apt):
    let_in("true")
    other = replace(python, base_prefix=Path("/home/pi/.local/share/uv/python/cpython-3.12"))

    found = check_picamera2(NO_MODULE, other, tmp_path)

    assert found.command.startswith("/usr/bin/python3 -m venv --system-site-packages ~/edgecls-csi && ")


def test_outside_a_virtual_environment_it_is_seen(python, tmp_path, from_apt):
    system = replace(python, prefix=Path("/usr"))

    found = check_picamera2("ImportError: libcamera.so.0.5: cannot open", system, tmp_path)

    assert found.command == "sudo apt install -y --reinstall python3-picamera2"


def test_a_part_of_it_that_was_compiled_for_another_numpy(python, tmp_path, let_in, from_apt):
    let_in("true")
    why = (
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header"
    )

    found = check_picamera2(why, python, tmp_path)

    assert found.level is Level.PROBLEM
    assert found.command.endswith("-m pip install --force-reinstall --no-deps simplejpeg")
