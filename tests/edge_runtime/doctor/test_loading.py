import pytest
from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.loading import check_engines, check_numpy, check_opencv
from edgecls.edge_runtime.doctor.machine import Distribution, why_not

PIP = "/home/pi/edgecls/bin/python -m pip"
NO_LIBGL = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
NO_MODULE = "ModuleNotFoundError: No module named 'onnxruntime'"
ALL = [Distribution(name, "1", "x") for name in ("numpy", "opencv-python", "ai-edge-litert", "onnxruntime")]


def test_what_loads_is_fine(python):
    engines = check_engines({"ai-edge-litert": None, "onnxruntime": None}, ALL, python)
    found = [check_numpy(None, ALL, python), check_opencv(None, ALL, python, has_apt=True), *engines]

    assert {one.level for one in found} == {Level.OK}


@pytest.mark.parametrize("library", ["libGL.so.1", "libgthread-2.0.so.0", "libxcb.so.1", "libXext.so.6"])
def test_the_libraries_of_a_screen_come_from_apt(python, library):
    found = check_opencv(NO_LIBGL.replace("libGL.so.1", library), ALL, python, has_apt=True)

    assert found.level is Level.PROBLEM
    assert found.what == f"OpenCV cannot be loaded: the system has no {library}"
    assert found.command == "sudo apt install -y libgl1 libglib2.0-0"
    assert "opencv-python-headless" in found.advice


def test_elsewhere_the_opencv_without_windows_takes_its_place(python):
    found = check_opencv(NO_LIBGL, ALL, python, has_apt=False)

    swap = f"{PIP} uninstall -y opencv-python && {PIP} install opencv-python-headless"
    assert found.command == swap


def test_what_an_opencv_that_was_removed_left_behind_is_no_opencv(python):
    why = "AttributeError: module 'cv2' has no attribute 'imdecode'"

    found = check_opencv(why, ALL, python, has_apt=True)

    assert found.level is Level.PROBLEM
    assert found.command == f"{PIP} install --force-reinstall --no-deps opencv-python"


def test_a_numpy_that_is_not_installed(python):
    found = check_numpy("ModuleNotFoundError: No module named 'numpy'", [], python)

    assert (found.what, found.command) == ("numpy is not installed", f"{PIP} install numpy")


def test_one_engine_is_enough(python):
    litert, onnxruntime = check_engines({"ai-edge-litert": None, "onnxruntime": NO_MODULE}, ALL[:3], python)

    assert litert.level is Level.OK
    assert onnxruntime.level is Level.WARNING
    assert onnxruntime.what == "onnxruntime is not installed; .onnx files cannot be used"
    assert onnxruntime.command == f"{PIP} install onnxruntime"


def test_without_an_engine_nothing_runs(python):
    found = check_engines({"ai-edge-litert": "ended by SIGSEGV", "onnxruntime": NO_MODULE}, ALL, python)

    assert {one.level for one in found} == {Level.PROBLEM}
    assert found[0].command == f"{PIP} install --force-reinstall --no-deps ai-edge-litert"


def test_an_instruction_that_the_processor_lacks_is_not_mended_by_installing_again(python):
    found = check_numpy("ended by SIGILL", ALL, python)

    assert found.level is Level.PROBLEM
    assert not found.command


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("import json", None),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("import os; os.kill(os.getpid(), 4)", "ended by SIGILL"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
def test_a_statement_is_tried_in_a_process_of_its_own(statement, said):
    assert why_not(statement) == said
