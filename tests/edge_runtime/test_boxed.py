"""The models in the box: what is shipped is whole, small, complete, and answers here as where it was made."""

from pathlib import Path

import pytest
from edgecls.edge_runtime import boxed
from edgecls.edge_runtime.boxed import boxed_name, boxed_names, boxed_paths, means_boxed, with_boxed
from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.engine import open_engine
from edgecls.edge_runtime.errors import MissingInput
from edgecls.edge_runtime.golden import replay
from edgecls.edge_runtime.model_file import ModelFile, read_model

from ..fakes import picture

LARGEST_BYTES = {"nano": 100_000, "edge": 600_000}
CIFAR_10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHIPPED = [path for name in boxed_names() for path in boxed_paths(name)]


@pytest.fixture(params=SHIPPED, ids=lambda path: path.name)
def shipped(request: pytest.FixtureRequest) -> ModelFile:
    return read_model(request.param)


def test_there_are_two_models_of_two_files_and_the_default_comes_first():
    assert boxed_names() == ("nano", "edge")
    names = [path.name for path in SHIPPED]
    assert names == ["nano_int8.tflite", "nano_int8.onnx", "edge_int8.tflite", "edge_int8.onnx"]


def test_they_are_small(shipped: ModelFile):
    assert shipped.size_bytes <= LARGEST_BYTES[shipped.path.parent.name]


def test_nothing_else_is_in_the_box():
    box = [path for path in Path(boxed.__file__).with_name("models").rglob("*") if path.is_file()]
    assert sorted(box) == sorted(SHIPPED)
    assert sum(path.stat().st_size for path in box) <= 2_000_000


def test_the_golden_frames_hold(shipped: ModelFile):
    engine = open_engine(shipped)
    results = replay(engine, shipped.card)
    engine.close()
    assert len(results) >= 2
    assert [result.text for result in results if not result.holds] == []


def test_the_card_says_what_they_know_and_where_it_comes_from(shipped: ModelFile):
    card, made = shipped.card, shipped.card.provenance
    assert card.labels == CIFAR_10
    assert 0 < card.threshold < 1
    assert (card.io, card.image.height_px, card.image.width_px) == ("uint8", 32, 32)
    assert card.quantisation
    assert card.quantisation.scheme == "int8"
    assert card.quantisation.calibration_prints
    assert made.recipe["arch"] == shipped.path.parent.name
    assert made.accuracy
    assert made.images
    assert (made.split, len(made.data_sha256), len(made.weights_sha256)) == ("test", 64, 64)
    assert "/" not in made.data


@pytest.mark.parametrize("name", boxed_names())
def test_both_files_of_a_model_come_from_the_same_weights(name: str):
    cards = [read_model(path).card for path in boxed_paths(name)]
    assert len({card.provenance.weights_sha256 for card in cards}) == 1


def test_a_program_needs_no_file_of_its_own():
    with Classifier() as classifier:
        assert boxed_name(classifier.path) == "nano"
        assert len(classifier.classify(picture()).ranking) == 3
    with Classifier("edge", engine="onnxruntime") as classifier:
        assert classifier.path.name == "edge_int8.onnx"


def test_names_are_replaced_by_files_and_all_else_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("models/edge").mkdir(parents=True)
    typed = [Path("a.onnx"), Path("nano"), Path("models/edge")]
    assert with_boxed(typed) == [Path("a.onnx"), *boxed_paths("nano"), Path("models/edge")]
    assert with_boxed(typed, "litert") == [Path("a.onnx"), boxed_paths("nano")[0], Path("models/edge")]


@pytest.mark.parametrize("name", ["nanno", "models/nano"])
def test_a_misspelled_name_is_told_those_that_there_are(name: str):
    with pytest.raises(MissingInput, match=rf"^{name}: no such file; check the name, or use nano or edge"):
        with_boxed([Path("edge"), Path(name)])


def test_a_users_file_of_that_name_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert means_boxed(Path("nano"))
    Path("nano").mkdir()
    Path("nano/curves.png").touch()  # as `edgecls train --output nano.h5` leaves it
    assert means_boxed(Path("nano"))
    Path("nano/mine.tflite").touch()
    assert not means_boxed(Path("nano"))


def test_only_files_in_the_box_have_a_name_there(tmp_path: Path):
    assert [boxed_name(path) for path in SHIPPED] == ["nano", "nano", "edge", "edge"]
    assert boxed_name(tmp_path / "nano" / "nano_int8.tflite") is None
    assert boxed_name(Path("nano_int8.tflite")) is None
