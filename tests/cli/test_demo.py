"""`edgecls demo`: its own steps on the tiny model; the whole of it is slow, as it trains one of its own."""

import re
import shutil

import pytest

from edgecls.cli.demo import run, watch
from edgecls.edge_runtime.errors import EdgeclsError

from ..edge_runtime.test_imports import without


def test_the_camera_loop_knows_most_of_the_pictures_in_the_clip(tiny, tmp_path, capsys):
    folder = shutil.copytree(tiny.folder, tmp_path / "demo")
    watch(folder)
    check_count(capsys.readouterr().out)
    assert len((folder / "camera.jsonl").read_text().splitlines()) == 300
    assert (folder / "annotated.webm").stat().st_size > 0


def check_count(text: str) -> None:
    count = re.search(r"(\d+) frames: (\d+) right, (\d+) wrong, (\d+) unknown", text)
    assert count, text
    frames, right, wrong, unknown = map(int, count.groups())
    assert frames == 300 == right + wrong + unknown
    assert right > 240
    assert wrong < 15


def test_a_step_that_fails_ends_it_with_the_exit_code_of_that_step(tmp_path, capfd):
    with pytest.raises(
        EdgeclsError, match="`edgecls export` ended with exit code 66; see its error above"
    ) as raised:
        run(tmp_path, "export", "--int8")
    assert raised.value.exit_code == 66
    assert "image_classification.h5: no such file" in capfd.readouterr().err


def test_a_folder_that_cannot_be_made_is_named(tmp_path, run_here):
    (tmp_path / "file").touch()
    done = run_here("demo", "--folder", "file/demo", cwd=tmp_path)
    assert done.returncode == 74
    assert done.stderr.startswith("edgecls: error: cannot write file/demo: ")
    assert done.stderr.count("\n") == 1


def test_where_nothing_can_be_trained_no_folder_is_left(tmp_path, run_edgecls):
    env = without(tmp_path, "tensorflow", "keras")
    done = run_edgecls("demo", cwd=tmp_path, env=env)
    assert done.returncode == 69
    assert "training needs Keras and tensorflow" in done.stderr
    assert not (tmp_path / "edgecls-demo").exists()


@pytest.mark.slow
def test_the_whole_path_in_one_go(tmp_path, run_edgecls):
    done = run_edgecls("demo", cwd=tmp_path, timeout=900)
    assert done.returncode == 0, done.stderr
    steps = re.findall(r"^\$ edgecls (\w+)", done.stdout, re.MULTILINE)
    assert steps == ["train", "export", "bench", "camera"]
    check_count(done.stdout)
    assert done.stdout.splitlines()[-1].startswith("next: edgecls train --data YOUR_FOLDER")
    files = {path.name for path in (tmp_path / "edgecls-demo").iterdir()}
    assert {"image_classification.h5", "image_classification_int8.tflite", "bench.json", "bench.csv"} < files
