"""The built-in models: what is shipped is whole, small, complete, and answers here as where it was made."""

from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.sources.demo import demo_scenes, read_scenes
from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.errors import MissingInput
from edgecls.edge_runtime.models import builtin
from edgecls.edge_runtime.models.builtin import (
    NAMES,
    builtin_name,
    builtin_paths,
    expand_builtin,
    is_builtin_name,
)
from edgecls.edge_runtime.models.golden import replay_golden
from edgecls.edge_runtime.models.model_file import ModelFile, read_model
from tests.fakes import picture

LARGEST_BYTES = {"imagenet": 5_900_000, "nano": 100_000, "edge": 600_000}
PHOTOGRAPHS = Path(__file__).parents[2] / "photographs"
CIFAR_10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHIPPED = [path for name in NAMES for path in builtin_paths(name)]


@pytest.fixture(params=SHIPPED, ids=lambda path: path.name)
def shipped(request: pytest.FixtureRequest) -> ModelFile:
    return read_model(request.param)


@pytest.fixture(params=[path for path in SHIPPED if "imagenet" not in path.name], ids=lambda path: path.name)
def of_cifar_10(request: pytest.FixtureRequest) -> ModelFile:
    return read_model(request.param)


@pytest.fixture(scope="module")
def imagenet() -> ModelFile:
    return read_model(builtin_paths("imagenet")[0])


def test_there_are_three_models_and_the_default_comes_first():
    assert NAMES == ("imagenet", "nano", "edge")
    names = [path.name.replace("_int8", "") for path in SHIPPED]
    assert names == ["imagenet.tflite", "nano.tflite", "nano.onnx", "edge.tflite", "edge.onnx"]


def test_they_are_small(shipped: ModelFile):
    assert shipped.size_bytes <= LARGEST_BYTES[shipped.path.parent.name]


def test_no_other_model_is_shipped():
    shipped = [
        path for path in Path(builtin.__file__).parent.rglob("*.*") if path.suffix in (".tflite", ".onnx")
    ]
    assert sorted(shipped) == sorted(SHIPPED)
    assert sum(path.stat().st_size for path in shipped) <= 7_200_000


def test_the_golden_frames_hold(shipped: ModelFile):
    engine = open_engine(shipped)
    results = replay_golden(engine, shipped.card)
    engine.close()
    assert len(results) >= 2
    assert [result.text for result in results if not result.holds] == []


def test_the_accuracy_of_each_file_is_known_and_near_that_before_the_export(of_cifar_10: ModelFile):
    assert {"imagenet_int8.tflite", *builtin.ACCURACY} == {path.name for path in SHIPPED}
    before = of_cifar_10.card.provenance.accuracy
    assert before
    assert abs(builtin.ACCURACY[of_cifar_10.path.name] - before) < 0.005


def test_the_card_of_imagenet_says_what_was_used_in_place_of_a_fitted_threshold(imagenet: ModelFile):
    card = imagenet.card
    assert len(set(card.labels)) == len(card.labels) == 1000
    assert (card.labels[0], card.labels[967], card.labels[999]) == ("tench", "espresso", "toilet paper")
    assert (card.io, card.image.height_px, card.image.width_px) == ("uint8", 224, 224)
    assert card.threshold == 0.4
    assert "could not be fitted" in card.threshold_note
    assert card.quantisation
    assert card.quantisation.calibration_images >= 100


def test_imagenet_recognises_the_photographs_that_are_named_after_their_class(imagenet: ModelFile):
    paths = sorted(PHOTOGRAPHS.glob("*.jpg"))
    with Classifier(imagenet) as classifier:
        answers = [classifier.classify(path).label for path in paths]
    assert [str(answer).lower().replace(" ", "_") for answer in answers] == [path.stem for path in paths]


def test_imagenet_shows_ten_classes_and_more_and_announces_each_scene(imagenet: ModelFile):
    scenes = read_scenes(demo_scenes(imagenet.card))
    assert len({scene.label for scene in scenes}) == len(scenes) >= 10
    with Classifier(imagenet) as classifier:
        answers = [classifier.classify(scene.jpeg(phase=5)).label for scene in scenes]
    assert answers == [scene.label for scene in scenes]


def test_the_card_says_what_they_know_and_where_it_comes_from(of_cifar_10: ModelFile):
    card, made = of_cifar_10.card, of_cifar_10.card.provenance
    assert card.labels == CIFAR_10
    assert 0 < card.threshold < 1
    assert (card.io, card.image.height_px, card.image.width_px) == ("uint8", 32, 32)
    assert card.quantisation
    assert card.quantisation.scheme == "int8"
    assert card.quantisation.calibration_prints
    assert made.recipe["arch"] == of_cifar_10.path.parent.name
    assert made.accuracy
    assert made.images
    assert (made.split, len(made.data_sha256), len(made.weights_sha256)) == ("test", 64, 64)
    assert "/" not in made.data


@pytest.mark.parametrize("name", NAMES)
def test_all_files_of_a_model_come_from_the_same_weights(name: str):
    cards = [read_model(path).card for path in builtin_paths(name)]
    assert len({card.provenance.weights_sha256 for card in cards}) == 1


def test_a_program_needs_no_file_of_its_own():
    with Classifier() as classifier:
        assert builtin_name(classifier.path) == "imagenet"
        assert len(classifier.classify(picture()).ranking) == 3
    with Classifier(engine="onnxruntime") as classifier:  # for which imagenet has no file
        assert classifier.path.name == "nano_int8.onnx"
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
    with pytest.raises(MissingInput, match=rf"^{name}: no such file; .*, or use imagenet, nano or edge"):
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
    assert [builtin_name(path) for path in SHIPPED] == ["imagenet", "nano", "nano", "edge", "edge"]
    assert builtin_name(tmp_path / "nano" / "nano_int8.tflite") is None
    assert builtin_name(Path("nano_int8.tflite")) is None
