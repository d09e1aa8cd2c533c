import pytest
from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.machine import Distribution
from edgecls.edge_runtime.doctor.packages import check_complete, check_one_opencv

PIP = "/home/pi/edgecls/bin/python -m pip"


def installed(*names: str, folder: str = "venv") -> list[Distribution]:
    return [Distribution(name, "5.0", folder) for name in names]


def test_one_opencv_is_fine(python):
    assert check_one_opencv(installed("numpy", "opencv-python-headless"), python).level is Level.OK


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["opencv-python", "opencv-python-headless"], "opencv-python"),
        (["opencv-contrib-python", "opencv-python-headless"], "opencv-contrib-python"),
    ],
)
def test_two_opencvs_are_both_removed_and_one_comes_back(python, names, kept):
    found = check_one_opencv(installed(*reversed(names), "numpy"), python)

    assert found.level is Level.PROBLEM
    assert f"{names[0]} and {names[1]} are in one environment" in found.what
    assert found.command == f"{PIP} uninstall -y {names[0]} {names[1]} && {PIP} install {kept}"


def test_an_opencv_in_another_folder_does_no_harm(python):
    both = installed("opencv-python") + installed("opencv-python-headless", folder="dist-packages")

    assert check_one_opencv(both, python).level is Level.OK


def test_what_is_not_installed_is_named(python):
    found = check_complete({"waitress", "imagesize", "typer"}, installed("typer"), python)

    assert found.level is Level.PROBLEM
    assert found.what == "not installed: imagesize, waitress"
    assert found.command == f"{PIP} install imagesize waitress"


def test_all_installed_is_fine(python):
    assert check_complete({"typer"}, installed("typer", "numpy"), python).level is Level.OK
