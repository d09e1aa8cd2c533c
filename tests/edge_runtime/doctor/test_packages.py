from dataclasses import replace

import pytest

from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.host import Distribution, error_of
from edgecls.edge_runtime.doctor.packages import (
    check_complete,
    check_engines,
    check_environment,
    check_glibc,
    check_model,
    check_numpy,
    check_one_opencv,
    check_opencv,
    check_word_size,
)
from edgecls.edge_runtime.engines.names import exported_in

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


def test_an_instruction_that_the_processor_lacks_is_not_fixed_by_installing_again(python):
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
    assert error_of(statement) == said


@pytest.mark.parametrize(("suffix", "engine"), [(".tflite", "litert"), (".onnx", "onnxruntime")])
def test_a_model_that_the_engine_reads_is_fine(tiny, suffix, engine):
    path = next(path for path in tiny.files if path.suffix == suffix)

    found = check_model(path)

    assert found.level is Level.OK
    assert f"{path}: {engine} " in found.what


def test_a_model_that_was_cut_short_is_a_problem_with_what_to_do(tiny, tmp_path):
    path = tmp_path / "cut.tflite"
    path.write_bytes(tiny.files[0].read_bytes()[:5000])

    found = check_model(path)

    assert found.level is Level.PROBLEM
    assert found.what.startswith(f"{path}: truncated at 5,000 of ")
    assert found.advice == "copy it again"


def test_a_model_whose_engine_is_not_installed(tiny, tmp_path, monkeypatch):
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('No module named onnxruntime')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = next(path for path in tiny.files if path.suffix == ".onnx")

    found = check_model(path)

    assert found.level is Level.PROBLEM
    assert found.what == "onnxruntime cannot be loaded: No module named onnxruntime"
    assert "pip install onnxruntime" in found.advice


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"<html>404", "not a TFLite, ONNX or HDF5 file: it starts with '<html"), (b"", "the file is empty")],
)
def test_what_is_no_model(tmp_path, content, what):
    path = tmp_path / "image_classification.tflite"
    path.write_bytes(content)

    assert what in check_model(path).what


def test_a_model_that_is_not_there(tmp_path):
    assert check_model(tmp_path / "none.tflite").what == f"{tmp_path}/none.tflite: no such file"


def test_the_exported_files_of_a_folder_are_tried(tmp_path):
    for name in ("b.onnx", "a.tflite", "a.h5", "notes.txt"):
        (tmp_path / name).touch()

    assert [path.name for path in exported_in(tmp_path)] == ["a.tflite", "b.onnx"]


@pytest.mark.parametrize("processor", ["aarch64", "x86_64"])
def test_64_bits_are_fine(processor):
    assert check_word_size(64, processor).level is Level.OK


@pytest.mark.parametrize(
    ("processor", "what", "advice"),
    [
        ("armv7l", "a 32-bit system (armv7l), and LiteRT and onnxruntime have no wheels", "the 64-bit Rasp"),
        ("aarch64", "a 32-bit system on a 64-bit kernel (aarch64), and LiteRT", "the 64-bit Raspberry Pi OS"),
        ("armv6l", "this board's processor (armv6l) has 32 bits only", "use a Raspberry Pi 3, 4, 5 or Zero"),
    ],
)
def test_a_32_bit_system_has_no_wheels(processor, what, advice):
    found = check_word_size(32, processor)

    assert found.level is Level.PROBLEM
    assert what in found.what
    assert advice in found.advice


def test_the_glibc_that_the_wheels_were_made_for_is_enough():
    assert check_glibc((2, 28)).level is Level.OK
    assert check_glibc((2, 41)).level is Level.OK


def test_an_old_glibc_is_named_with_the_one_that_is_needed():
    found = check_glibc((2, 27))

    assert found.level is Level.PROBLEM
    assert found.what == "glibc 2.27 is too old: the engines' wheels need glibc 2.28 or later"


def test_another_c_library_is_a_problem():
    assert check_glibc(None).level is Level.PROBLEM


def test_a_virtual_environment_is_fine(python):
    assert check_environment(python).level is Level.OK


def test_the_systems_own_python_is_a_warning(python):
    found = check_environment(replace(python, executable="/usr/bin/python3", externally_managed=True))

    assert found.level is Level.WARNING
    assert found.command.startswith("/usr/bin/python3 -m venv --system-site-packages ~/edgecls && ")


def test_pip_may_change_the_systems_python_where_that_is_what_it_takes(python):
    system = replace(python, executable="/usr/bin/python3", externally_managed=True)

    assert system.pip("install", "x") == "/usr/bin/python3 -m pip install --break-system-packages x"
    assert python.pip("install", "x") == "/home/pi/edgecls/bin/python -m pip install x"
