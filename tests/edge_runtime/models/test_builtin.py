"""The built-in models: what is shipped is whole, small, complete, and answers here as where it was made."""

from pathlib import Path

import pytest

from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.engines.engine import open_engine
from edgecls.edge_runtime.errors import MissingInput
from edgecls.edge_runtime.models import builtin
from edgecls.edge_runtime.models.builtin import (
    builtin_name,
    builtin_names,
    builtin_paths,
    expand_builtin,
    is_builtin_name,
)
from edgecls.edge_runtime.models.golden import replay_golden
from edgecls.edge_runtime.models.model_file import ModelFile, read_model
from tests.fakes import picture

LARGEST_BYTES = {"nano": 100_000, "edge": 600_000}
CIFAR_10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHIPPED = [path for name in builtin_names() for path in builtin_paths(name)]


@pytest.fixture(params=SHIPPED, ids=lambda path: path.name)
def shipped(request: pytest.FixtureRequest) -> ModelFile:
    return read_model(request.param)


def test_there_are_two_models_of_two_files_and_the_default_comes_first():
    assert builtin_names() == ("nano", "edge")
    names = [path.name for path in SHIPPED]
    assert names == ["nano_int8.tflite", "nano_int8.onnx", "edge_int8.tflite", "edge_int8.onnx"]


def test_they_are_small(shipped: ModelFile):
    assert shipped.size_bytes <= LARGEST_BYTES[shipped.path.parent.name]


def test_no_other_model_is_shipped():
    shipped = [
        path for path in Path(builtin.__file__).parent.rglob("*.*") if path.suffix in (".tflite", ".onnx")
    ]
    assert sorted(shipped) == sorted(SHIPPED)
    assert sum(path.stat().st_size for path in shipped) <= 2_000_000


def test_the_golden_frames_hold(shipped: ModelFile):
    engine = open_engine(shipped)
    results = replay_golden(engine, shipped.card)
    engine.close()
    assert len(results) >= 2
    assert [result.text for result in results if not result.holds] == []


def test_the_accuracy_of_each_file_is_known_and_near_that_before_the_export(shipped: ModelFile):
    assert set(builtin.ACCURACY) == {path.name for path in SHIPPED}
    before = shipped.card.provenance.accuracy
    assert before
    assert abs(builtin.ACCURACY[shipped.path.name] - before) < 0.005


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


@pytest.mark.parametrize("name", builtin_names())
def test_both_files_of_a_model_come_from_the_same_weights(name: str):
    cards = [read_model(path).card for path in builtin_paths(name)]
    assert len({card.provenance.weights_sha256 for card in cards}) == 1


def test_a_program_needs_no_file_of_its_own():
    with Classifier() as classifier:
        assert builtin_name(classifier.path) == "nano"
        assert len(classifier.classify(picture()).ranking) == 3
    with Classifier("edge", engine="onnxruntime") as classifier:
        assert classifier.path.name == "edge_int8.onnx"


def test_names_are_replaced_by_files_and_all_else_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("models/edge").mkdir(parents=True)
    typed = [Path("a.onnx"), Path("nano"), Path("models/edge")]
    assert expand_builtin(typed) == [Path("a.onnx"), *builtin_paths("nano"), Path("models/edge")]
    assert expand_builtin(typed, "litert") == [Path("a.onnx"), builtin_paths("nano")[0], Path("models/edge")]


@pytest.mark.parametrize("name", ["nanno", "models/nano"])
def test_the_error_for_a_misspelled_name_lists_the_builtin_models(name: str):
    with pytest.raises(MissingInput, match=rf"^{name}: no such file; check the name, or use nano or edge"):
        expand_builtin([Path("edge"), Path(name)])


def test_a_users_file_of_that_name_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert is_builtin_name(Path("nano"))
    Path("nano").mkdir()
    Path("nano/curves.png").touch()  # as `edgecls train --output nano.h5` leaves it
    assert is_builtin_name(Path("nano"))
    Path("nano/mine.tflite").touch()
    assert not is_builtin_name(Path("nano"))


def test_only_the_files_of_a_builtin_model_have_its_name(tmp_path: Path):
    assert [builtin_name(path) for path in SHIPPED] == ["nano", "nano", "edge", "edge"]
    assert builtin_name(tmp_path / "nano" / "nano_int8.tflite") is None
    assert builtin_name(Path("nano_int8.tflite")) is None
