from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edgecls.edge_runtime import Classifier
from edgecls.edge_runtime.card import ModelCard
from edgecls.edge_runtime.errors import BadImage, InvalidOutput, MissingInput
from edgecls.edge_runtime.image import ImageRule, prepare
from edgecls.edge_runtime.model_file import ModelFile, ModelFormat, read_model
from edgecls.edge_runtime.opencv import cv2

from ..fakes import FakeEngine, fake_classifier, picture


def test_a_picture_as_opencv_reads_it_gets_its_label(tiny):
    with Classifier(tiny.files[2]) as classifier:
        for image in tiny.dataset.test.images[:5]:
            large = cv2.resize(image[..., ::-1], (320, 240))
            probabilities = classifier.engine.probabilities(prepare(large, classifier.card.image))
            prediction = classifier.classify(large)
            assert prediction == classifier.rank(probabilities)
            assert prediction.ranking[0][0] == classifier.card.labels[int(probabilities.argmax())]


@pytest.mark.parametrize("index", range(4))
def test_every_exported_file_is_opened_by_its_path(tiny, index: int):
    with Classifier(str(tiny.files[index])) as classifier:
        assert classifier.path == tiny.files[index]
        assert len(classifier.classify(picture()).ranking) == 3


def test_a_model_that_was_read_already_is_not_read_again(tiny, tmp_path: Path):
    copy = tmp_path / "m.tflite"
    copy.write_bytes(tiny.files[0].read_bytes())
    model = read_model(copy)
    copy.unlink()
    assert Classifier(model).classify(picture()).ranking


def test_a_missing_file_is_missing(tmp_path: Path):
    with pytest.raises(MissingInput):
        Classifier(tmp_path / "m.tflite")


def test_the_card_decides_what_is_known_unless_told_otherwise():
    answer = (0.6, 0.3, 0.1)
    assert fake_classifier(answer).classify(picture()).label == "cat"
    assert fake_classifier(answer, threshold=0.7).classify(picture()).label is None
    classifier = fake_classifier(answer, threshold=0.7)
    classifier.threshold = 0.5
    assert classifier.classify(picture()).label == "cat"


def test_a_threshold_of_zero_is_not_mistaken_for_none(tiny):
    model = read_model(tiny.files[0])
    strict = replace(model, card=replace(model.card, threshold=1.0))
    assert Classifier(strict).classify(picture()).label is None
    assert Classifier(strict, threshold=0.0).classify(picture()).label is not None


def test_the_card_calibrates_what_is_shown():
    hard = fake_classifier((0.8, 0.15, 0.05)).classify(picture())
    soft = fake_classifier((0.8, 0.15, 0.05), temperature=2.0).classify(picture())
    assert soft.ranking[0][0] == hard.ranking[0][0]
    assert soft.confidence < hard.confidence


def test_as_many_labels_are_ranked_as_asked_for(tiny):
    for top, length in {1: 1, 5: 5, 99: 10}.items():
        assert len(Classifier(tiny.files[0], top=top).classify(picture()).ranking) == length


def test_an_output_that_is_no_number_names_the_file():
    with pytest.raises(InvalidOutput, match=r"^fake\.tflite: the network gave NaN or infinity; export"):
        fake_classifier((np.nan, 0.5, 0.5)).classify(picture())


def test_the_engine_sees_the_cards_crop_and_size():
    card = ModelCard(("cat", "dog"), ImageRule(16, 24, crop="stretch"))
    engine = FakeEngine((1, 0), input_size_px=(16, 24))
    classifier = Classifier(ModelFile(Path("m"), ModelFormat.ONNX, b"", card), engine=engine)
    classifier.classify(picture(640, 480))
    assert engine.images[0].shape == (16, 24, 3)


def test_leaving_the_block_gives_the_engine_back():
    classifier = fake_classifier((1, 0, 0))
    with classifier:
        pass
    assert classifier.engine.closed == 1


def test_a_jpeg_gets_its_label_without_being_decoded_in_full():
    classifier = fake_classifier((0.9, 0.06, 0.04))
    content = cv2.imencode(".jpg", picture(640, 480))[1].tobytes()
    assert classifier.classify(content).label == "cat"
    assert classifier.engine.images[0].shape == (32, 32, 3)
    with pytest.raises(BadImage, match="picture: the JPEG is cut short"):
        classifier.classify(content[:-50])


def test_the_bytes_of_another_image_are_taken_too():
    classifier = fake_classifier((0.9, 0.06, 0.04))
    classifier.classify(cv2.imencode(".png", picture(100, 80, value=77))[1].tobytes())
    assert (classifier.engine.images[0] == 77).all()


def test_an_invalid_output_is_told_at_once_and_not_when_the_label_is_read():
    for temperature in (1.0, 1.5):
        with pytest.raises(InvalidOutput):
            fake_classifier((np.inf, 0, 0), temperature=temperature).classify(picture())
