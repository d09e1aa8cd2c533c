import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.errors import BadData, CheckFailed, UsageError
from edgecls.edge_runtime.models.golden import replay_golden
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat, read_model
from edgecls.export import targets as targets_module
from edgecls.export.calibration import Calibration, choose_calibration
from edgecls.export.conversion import EvaluationImages, Export, ExportOptions
from edgecls.export.keras_file import KerasEngine, load_network
from edgecls.export.parity import predict_all
from edgecls.export.targets import targets
from tests.export.networks import (
    CARD,
    IMAGES,
    hard_to_quantise,
    inverted_residual,
    keras_answers,
    with_weak_head,
)


@pytest.fixture(scope="module")
def reference(tiny):
    return KerasEngine(tiny.h5).predict_batch(tiny.dataset.test.images)


def test_float_files_answer_as_keras_does_and_int8_files_nearly(tiny, reference):
    for path in tiny.files:
        probabilities = predict_all(open_engine(read_model(path)), tiny.dataset.test.images)
        int8 = "_int8" in path.name
        assert np.abs(probabilities - reference).max() <= (0.1 if int8 else 1e-4), path.name
        assert (probabilities.argmax(1) == reference.argmax(1)).mean() >= (0.98 if int8 else 1), path.name


def test_probabilities_sum_to_one_in_every_format(tiny):
    for path in tiny.files:
        engine = open_engine(read_model(path))
        assert engine.probabilities(tiny.dataset.test.images[0]).sum() == pytest.approx(1, abs=0.02), (
            path.name
        )


def test_a_file_meets_the_contract_from_a_picture_of_another_size(tiny):
    large = np.repeat(np.repeat(tiny.dataset.test.images[0], 5, 0), 7, 1)[:, :, ::-1]
    answers = {Classifier(path).classify(large).label for path in tiny.files}
    assert len(answers) == 1


def test_the_card_says_where_the_file_came_from_and_how_it_was_quantised(tiny):
    sha256 = hashlib.sha256(tiny.h5.read_bytes()).hexdigest()
    for path in tiny.files:
        card = read_model(path).card
        assert card.labels == tiny.dataset.labels
        assert card.provenance.weights_sha256 == sha256
        assert card.provenance.data_sha256 == tiny.dataset.sha256
        assert card.io == "uint8"
        assert bool(card.quantisation) == ("_int8" in path.name)
    assert card.quantisation is not None
    assert card.quantisation.calibration_images == 512
    assert (card.quantisation.ranges, card.quantisation.float_layers) == ("min-max", ())


def test_int8_files_are_at_most_a_third_of_float_files(tiny):
    tflite, onnx, int8_tflite, int8_onnx = (path.stat().st_size for path in tiny.files)
    assert int8_tflite * 3 < tflite
    assert int8_onnx * 3 < onnx


def test_nothing_is_written_when_a_later_file_cannot_be_made(tiny, tmp_path, monkeypatch):
    shutil.copy(tiny.h5, tmp_path)
    test = tiny.dataset.test

    def breaks(*_):
        raise BadData("planted")

    monkeypatch.setitem(targets_module._INT8_NETWORKS, ModelFormat.ONNX, breaks)
    pictures = EvaluationImages(test.images, test.truth)
    calibration = choose_calibration(test.images, test.truth, seed=0, count=8)
    with pytest.raises(BadData, match="planted"):
        Export(
            KerasEngine(tiny.h5),
            tmp_path / tiny.h5.name,
            pictures,
            pictures,
            calibration,
            ExportOptions(("int8",)),
        ).run()
    assert [path.name for path in tmp_path.iterdir()] == [tiny.h5.name]


def test_a_float16_file_of_a_network_with_weights_beyond_halves_is_refused(tiny, tmp_path):
    network, model = load_network(tiny.h5)
    few = EvaluationImages(tiny.dataset.val.images[:60], tiny.dataset.val.truth[:60])
    keras = KerasEngine((hard_to_quantise(network, spread=1e9), model))
    with pytest.raises(CheckFailed, match=r"m_float16\.\w+: differs from Keras by .* the limit is 0\.02"):
        Export(keras, tmp_path / "m.h5", few, few, options=ExportOptions(("float16",))).run()
    assert list(tmp_path.iterdir()) == []


def test_the_card_says_what_the_int8_ladder_chose(tiny, tmp_path):
    network, model = load_network(tiny.h5)
    train, val = tiny.dataset.train, EvaluationImages(tiny.dataset.val.images, tiny.dataset.val.truth)
    calibration = choose_calibration(train.images, train.truth, seed=0, count=64)
    keras = KerasEngine((hard_to_quantise(network), model))
    options = ExportOptions(("int8",), max_drop_points=1.5)
    reports = Export(keras, tmp_path / "m.h5", val, val, calibration, options).run()
    for report in reports[2:]:
        quantised = read_model(tmp_path / report.parity.file).card.quantisation
        assert quantised is not None
        assert quantised.float_layers
        text = f"int8, {quantised.ranges} ranges, {', '.join(quantised.float_layers)} in float"
        assert any(step.startswith(text) for step in report.steps)


def test_a_network_that_int8_spoils_is_mended_without_an_option(tmp_path):
    network = with_weak_head(inverted_residual())
    file = ModelFile(tmp_path / "weak.h5", ModelFormat.H5, b"", CARD)
    val = EvaluationImages(IMAGES, keras_answers(network, CARD, IMAGES).argmax(1))
    options = ExportOptions(("int8",))
    reports = Export(KerasEngine((network, file)), file.path, val, val, Calibration(IMAGES), options).run()
    for report in reports[2:]:
        (step,) = report.steps
        assert re.match(
            "int8 throughout lost too much .* in float: validation accuracy [+]0.00 points",
            step,
        )
        quantised = read_model(tmp_path / report.parity.file).card.quantisation
        assert quantised is not None
        assert [name.partition("_")[0] for name in quantised.float_layers] == ["dense"]
        assert report.parity.top1_agreement == 1


def test_pictures_of_another_size_are_refused_before_anything_is_made(tiny):
    small = EvaluationImages(np.zeros((2, 28, 28, 3), np.uint8), np.zeros(2, int))
    with pytest.raises(BadData, match="takes 32x32 px, the images are 28x28"):
        Export(KerasEngine(tiny.h5), tiny.h5, small, small).run()


@pytest.mark.parametrize("io", ["int8", "float32"])
def test_files_for_other_hosts_say_so_and_answer_the_same(tiny, tmp_path, io):
    dataset = tiny.dataset
    few = EvaluationImages(dataset.val.images[:60], dataset.val.truth[:60])
    calibration = choose_calibration(dataset.train.images, dataset.train.truth, seed=0, count=100)
    Export(KerasEngine(tiny.h5), tmp_path / "m.h5", few, few, calibration, ExportOptions(("int8",), io)).run()
    assert len(list(tmp_path.iterdir())) == (2 if io == "int8" else 4)
    for suffix in ("tflite", "onnx"):
        ours = read_model(tmp_path / f"m_int8.{suffix}")
        usual = read_model(tiny.folder / f"image_classification_int8.{suffix}")
        assert (ours.card.io, usual.card.io) == (io, "uint8")
        answers = [predict_all(open_engine(model), few.images) for model in (ours, usual)]
        np.testing.assert_allclose(*answers, atol=0.12)
        assert (answers[0].argmax(1) == answers[1].argmax(1)).mean() >= 0.95
        assert all(result.holds for result in replay_golden(open_engine(ours), ours.card))


def names(*args) -> list[str]:
    return [target.path_for(Path("pets.h5")).name for target in targets(*args)]


def test_an_export_makes_float32_files_and_what_else_is_asked_for():
    assert names(()) == ["pets.tflite", "pets.onnx"]
    assert names(("int8",)) == ["pets.tflite", "pets.onnx", "pets_int8.tflite", "pets_int8.onnx"]
    assert names(("float16", "dynamic"))[2:] == [
        "pets_float16.tflite", "pets_float16.onnx", "pets_dynamic.tflite", "pets_dynamic.onnx",
    ]  # fmt: skip


def test_integers_in_and_out_are_for_int8_files_alone():
    assert names(("int8",), "int8") == ["pets_int8.tflite", "pets_int8.onnx"]
    with pytest.raises(UsageError, match="add --int8"):
        targets((), "int8")
