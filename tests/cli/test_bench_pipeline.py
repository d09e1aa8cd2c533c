import json
import shutil

import pytest

QUICK = ("--seconds", 0.1, "--images", 12)


@pytest.fixture(scope="module")
def measured(tiny, tmp_path_factory, run_edgecls):
    """What the command says and writes on a device: exported files alone, and no data set."""
    folder = tmp_path_factory.mktemp("device")
    for file in tiny.files:
        shutil.copy(file, folder)
    done = run_edgecls("bench", "--pipeline", *QUICK, "--json", "way.json", cwd=folder, timeout=240)
    assert done.returncode == 0, done.stderr
    return done, json.loads((folder / "way.json").read_text())


def test_every_way_program_and_goal_stands_in_the_report(measured):
    done, document = measured
    for size in ("640x480", "1280x720"):
        assert [f"| {size} {way}" in done.stdout for way in ("naive", "edgecls", "floor")] == [True] * 3
        assert set(document["figures"]["sizes"][size]["ms"]) == {"naive", "edgecls", "floor"}
    assert "| edgecls camera" in done.stdout
    assert "| naive program" in done.stdout
    assert len(document["goals"]) == 14
    assert all(goal["text"] in done.stdout for goal in document["goals"])


def test_what_was_measured_is_named(measured):
    done, document = measured
    assert document["model"] == "image_classification_int8.tflite"
    assert document["naive_model"] == "image_classification.onnx"
    assert "golden frames of the card" in done.stdout
    assert document["idle"]["ours"][0]["processes"] == 2
    assert document["age"]["samples"]


def test_without_an_exported_file_the_remedy_is_named(tiny, tmp_path, run_edgecls):
    shutil.copy(tiny.h5, tmp_path)
    done = run_edgecls("bench", "--pipeline", cwd=tmp_path)
    assert done.returncode == 66
    assert "edgecls export --int8" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", [("--csv", "a.csv"), ("--fail-under", "accuracy=0.7")])
def test_options_about_the_table_of_files_are_refused(tiny, run_edgecls, option):
    done = run_edgecls("bench", "--pipeline", *option, cwd=tiny.folder)
    assert done.returncode == 2
    assert f"{option[0]} is about a table of files" in done.stderr


def test_a_data_set_that_is_not_there_is_an_error_where_it_was_named(tiny, tmp_path, run_edgecls):
    for file in tiny.files:
        shutil.copy(file, tmp_path)
    done = run_edgecls("bench", "--pipeline", "--data", "nowhere", cwd=tmp_path)
    assert done.returncode != 0
    assert "nowhere" in done.stderr
