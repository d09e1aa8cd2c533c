import os

import pytest

from edgecls.edge_runtime.errors import UsageError
from edgecls.trainer.networks import Design, build, catalogue
from edgecls.trainer.networks.catalogue import LISTED, USUAL_COSTS, Expected, network_table, usual_size_px
from edgecls.trainer.networks.costs import costs, int8_bytes, macs
from edgecls.trainer.networks.design import ARCHITECTURES


def test_it_lists_each_network_and_a_dash_where_nothing_was_measured(monkeypatch):
    monkeypatch.setattr(catalogue, "EXPECTED", {"cnn": Expected(0.6724, "documented", 10)})
    lines = network_table(None, 10).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert [row[0] for row in cells if row[0] in LISTED] == list(LISTED)
    assert {design.arch for design in LISTED.values()} == set(ARCHITECTURES)
    rows = {row[0]: row for row in cells}
    assert rows["cnn"] == ["cnn", "122,570", "4,548,608", "151 kB", "0.672", "documented", "10"]
    assert rows["resnet8"][1:] == ["78,666", "12,501,632", "110 kB", "-", "-", "-"]
    assert rows["lite0"] == [
        "lite0", "3,425,834", "70,526,432", "4,334 kB", "12.1 M", "0.986", "frozen"
    ]  # fmt: skip
    assert lines[0] == "Trained from nothing, for images of 32x32 px and 10 classes:"
    assert "Pretrained on ImageNet, for images of 96x96 px and 10 classes:" in lines


def test_it_fits_80_columns():
    assert max(map(len, network_table(None, 10, width=80).splitlines())) <= 80


def test_it_refuses_a_size_that_is_too_small_for_one():
    with pytest.raises(UsageError, match=r"^--imgsz 16: too small for cnn"):
        network_table(16, 10)


def test_macs_are_those_that_one_counts_by_hand():
    conv1, conv2, conv3 = 30 * 30 * 27 * 32, 13 * 13 * 288 * 64, 4 * 4 * 576 * 64
    assert macs(build(Design(), 32, 32, 10)) == conv1 + conv2 + conv3 + 1024 * 64 + 64 * 10


def test_the_bytes_are_within_a_tenth_of_a_whole_file(tiny):
    size_bytes = (tiny.folder / "image_classification_int8.tflite").stat().st_size
    assert int8_bytes(build(Design(), 32, 32, 10)) == pytest.approx(size_bytes, rel=0.1)


def test_the_figures_for_the_usual_size_are_those_of_the_networks():
    assert {name: costs(design, usual_size_px(design), 10) for name, design in LISTED.items()} == USUAL_COSTS


def test_the_list_for_the_usual_size_needs_no_keras(tmp_path, run_edgecls):
    (tmp_path / "keras.py").write_text("raise ImportError")
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = run_edgecls("train", "--list", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "nano" in done.stdout
    assert run_edgecls("train", "--list", "--imgsz", 64, cwd=tmp_path, env=env).returncode == 69
