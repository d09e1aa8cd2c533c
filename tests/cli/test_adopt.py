"""`edgecls adopt`, and what `edgecls predict` tells of a network whose labels are in another order."""

import pytest

pytest.importorskip("onnx", reason="needs edgecls[train]")
pytest.importorskip("sklearn", reason="needs edgecls[train]")

from edgecls.edge_runtime.images.picture_options import PictureOptions
from tests.export.adoption.strangers import LABELS, colour_network, write_labels, write_pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adopt")
    (folder / "their.onnx").write_bytes(colour_network(PictureOptions(scale="0..255")))
    write_labels(folder / "labels.txt")
    write_labels(folder / "mixed.txt", (*LABELS[1:], LABELS[0]))
    write_pictures(folder / "photos", 10)
    return folder


def test_what_is_adopted_needs_no_options(folder, run_here):
    done = run_here("adopt", "their.onnx", "--labels", "labels.txt", "--data", "photos", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "chosen: --scale 0..255" in done.stdout
    assert "wrote their_edgecls.onnx, verified by its golden frames" in done.stdout
    assert "next: edgecls camera --model their_edgecls.onnx" in done.stdout
    assert run_here("verify", "their_edgecls.onnx", cwd=folder).returncode == 0


def test_another_order_is_refused_after_the_table(folder, run_here):
    done = run_here("adopt", "their.onnx", "--labels", "mixed.txt", "--data", "photos", cwd=folder)
    assert done.returncode == 65
    assert "| accuracy, % |" in " ".join(done.stdout.split())
    assert "add --reorder" in done.stderr
    assert done.stderr.count("error") == 1


def test_predict_tells_it_too_where_folders_are_named_after_labels(folder, run_here):
    options = ("--model", "their.onnx", "--scale", "0..255")
    done = run_here("predict", "photos/*/*.png", *options, "--labels", "mixed.txt", cwd=folder)
    assert "with its labels in another order" in done.stderr
    assert "edgecls adopt their.onnx" in done.stderr
    done = run_here("predict", "photos/*/*.png", *options, "--labels", "labels.txt", cwd=folder)
    assert "order" not in done.stderr
