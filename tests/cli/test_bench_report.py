"""`edgecls bench --report`, as a user types it."""

import json
import shutil

import pytest

from ..edge_runtime.test_imports import without

QUICK = ("--data", "digits", "--seconds", 0.1, "--images", 60)


@pytest.fixture
def folder(tiny, tmp_path):
    shutil.copy(tiny.files[1], tmp_path)
    return tmp_path


def test_the_page_is_named_and_lies_there_with_what_it_is_drawn_from(folder, run_here):
    done = run_here("bench", *QUICK, "--report", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "\nreport: out/index.html\n" in done.stdout
    (file,) = json.loads((folder / "out" / "report.json").read_text())["files"]
    assert f'data-value="{file["p50_ms"]}"' in (folder / "out" / "index.html").read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["image_classification.onnx", "out"]


def test_times_alone_have_a_page_too(folder, run_here):
    done = run_here("bench", "--seconds", 0.1, "--report", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "out" / "latency.png").exists()
    assert not (folder / "out" / "scatter.png").exists()


def test_without_matplotlib_the_remedy_is_named_before_anything_is_measured(
    folder, tmp_path_factory, run_edgecls
):
    env = without(tmp_path_factory.mktemp("device"), "matplotlib")
    done = run_edgecls("bench", *QUICK, "--report", "out", cwd=folder, env=env)
    assert done.returncode == 69
    assert 'run `pip install "edgecls[train]"`' in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert not (folder / "out").exists()


def test_a_folder_of_other_things_is_refused_before_anything_is_measured(folder, run_here):
    (folder / "photos").mkdir()
    (folder / "photos" / "cat.jpg").touch()
    done = run_here("bench", *QUICK, "--report", "photos", cwd=folder)
    assert done.returncode == 2
    assert "photos: holds other files; name a new folder" in done.stderr
    assert done.stderr.count("\n") == 1
