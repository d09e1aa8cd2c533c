"""`edgecls bench` where a Raspberry Pi runs it: without Keras, and perhaps without test images."""

import json
import shutil

import pytest

from edgecls.benchmarks.file_report import BenchSettings
from edgecls.benchmarks.measure import measure_files
from edgecls.benchmarks.test_images import held_out_images
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.models.model_file import read_model
from tests.cli.test_bench import rows
from tests.edge_runtime.test_imports import WORKSTATION, without

QUICK = ("--seconds", 0.1, "--images", 60)


@pytest.fixture
def device(tiny, tmp_path):
    """A folder with two exported files, to which the .h5 has been copied as well."""
    folder = tmp_path / "device"
    folder.mkdir()
    for file in (tiny.files[0], tiny.files[3], tiny.h5):
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def workstation(tiny, tmp_path_factory):
    """The --json of a workstation, of the .h5 and one export; without cold starts, which take Keras long."""
    report = tmp_path_factory.mktemp("workstation") / "workstation.json"
    tests = held_out_images(read_model(tiny.h5), "digits", 60)
    settings = BenchSettings(seconds=0.1, windows=2, cold_starts=0)
    report.write_text(measure_files([tiny.h5, tiny.files[3]], tests, settings).to_json())
    return report


def test_with_nothing_but_the_files_it_measures_times_and_says_what_is_open(device, tmp_path, run_edgecls):
    done = run_edgecls("bench", *QUICK, cwd=device, env=without(tmp_path, *WORKSTATION))
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    assert table["TFLite"][1] == table["TFLite"][2] == "-"
    assert float(table["TFLite"][3]) > 0
    assert set(table["image_classification.h5"]) == {"-"}
    assert "error: image_classification.h5: reading an .h5 needs h5py" in done.stdout
    assert "Keras:    not measured here; accuracy " in done.stdout
    assert "from the model card" in done.stdout
    assert "note: accuracy was not measured: " in done.stdout


def test_a_workstations_report_gives_the_difference_from_its_keras(
    device, tmp_path, workstation, run_edgecls
):
    blocked = [name for name in WORKSTATION if name != "sklearn"]  # the digits are in it
    blocked.remove("scipy")  # and it needs this one
    env = without(tmp_path, *blocked)
    out = tmp_path / "device.json"
    options = ("--data", "digits", "--against", workstation, "--json", out)
    done = run_edgecls("bench", *QUICK, *options, cwd=device, env=env)
    assert done.returncode == 0, done.stderr
    assert "on the same test images, compared image by image" in done.stdout
    here, there = (
        next(file for file in json.loads(path.read_text())["files"] if file["path"].endswith("_int8.onnx"))
        for path in (out, workstation)
    )
    for figure in ("difference_points", "mcnemar_p", "agreement", "gained_images", "lost_images"):
        assert here[figure] == there[figure]
    assert here["reference"]["source"] == str(workstation)
    assert f"compared with {workstation} of 2" in done.stdout  # and what changed since
    changed = next(
        line for line in done.stdout.splitlines() if line.startswith("| image_classification_int8")
    )
    assert "(=)" in changed


def test_loose_pictures_are_something_to_time(device, tiny, tmp_path, run_edgecls):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, image in enumerate(tiny.dataset.test.images[:5]):
        cv2.imwrite(str(pictures / f"{number}.png"), image[..., ::-1])
    options = ("--data", pictures)
    done = run_edgecls("bench", *QUICK, *options, cwd=device, env=without(tmp_path, *WORKSTATION))
    assert done.returncode == 0, done.stderr
    assert "data:     pictures, 5 pictures, 32x32 px" in done.stdout
    assert "are not in folders of their classes, such as cat/1.jpg" in done.stdout


def test_intervals_that_scipy_would_give_are_told_to_be_missing(device, tiny, tmp_path, run_edgecls):
    classes = tmp_path / "classes"
    for number, image in enumerate(tiny.dataset.test.images[:80]):
        folder = classes / str(tiny.dataset.test.truth[number])
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number}.png"), image[..., ::-1])
    env = without(tmp_path, *WORKSTATION)
    done = run_edgecls("bench", *QUICK, "--data", classes, cwd=device, env=env)
    assert done.returncode == 0, done.stderr
    assert "(" not in rows(done.stdout)["TFLite"][1]
    assert "note: intervals need scipy" in done.stdout


def test_a_file_that_is_no_report_is_refused(device, run_edgecls):
    (device / "page.json").write_text("<html>")
    done = run_edgecls("bench", "--against", "page.json", cwd=device)
    assert done.returncode == 65
    assert "page.json: not a report" in done.stderr
