from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime import Classifier
from edgecls.edge_runtime.errors import BadImage, InvalidOutput, MissingInput
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat, read_model
from edgecls.edge_runtime.prediction import Prediction, calibrate, rank
from tests.fakes import FakeEngine, fake_classifier, picture


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
    with pytest.raises(BadImage, match="picture: the JPEG is truncated"):
        classifier.classify(content[:-50])


def test_the_bytes_of_another_image_are_taken_too():
    classifier = fake_classifier((0.9, 0.06, 0.04))
    classifier.classify(cv2.imencode(".png", picture(100, 80, value=77))[1].tobytes())
    assert (classifier.engine.images[0] == 77).all()


def test_an_invalid_output_is_told_at_once_and_not_when_the_label_is_read():
    for temperature in (1.0, 1.5):
        with pytest.raises(InvalidOutput):
            fake_classifier((np.inf, 0, 0), temperature=temperature).classify(picture())


LABELS = ("cat", "deer", "dog", "frog")


def ranked(*probabilities: float, threshold: float = 0.0, top: int = 3) -> Prediction:
    return rank(np.array(probabilities, np.float32), LABELS, threshold, top)


def test_labels_come_best_first():
    assert [label for label, _ in ranked(0.1, 0.2, 0.6, 0.1).ranking] == ["dog", "deer", "cat"]


def test_equal_probabilities_keep_the_order_of_the_labels():
    assert [label for label, _ in ranked(0.25, 0.25, 0.25, 0.25, top=4).ranking] == list(LABELS)


@pytest.mark.parametrize(("top", "length"), [(1, 1), (3, 3), (4, 4), (9, 4)])
def test_no_more_are_ranked_than_there_are(top: int, length: int):
    assert len(ranked(0.1, 0.2, 0.6, 0.1, top=top).ranking) == length


@pytest.mark.parametrize(("threshold", "label"), [(0.0, "dog"), (0.5, "dog"), (0.51, None), (1.0, None)])
def test_below_the_threshold_the_answer_is_unknown(threshold: float, label: str | None):
    prediction = ranked(0.1, 0.2, 0.5, 0.2, threshold=threshold)
    assert prediction.label == label
    assert prediction.text == (label or "unknown")
    assert prediction.confidence == 0.5  # of the best label all the same


def test_values_are_plain_numbers_that_json_takes():
    assert all(type(value) is float for _, value in ranked(0.1, 0.2, 0.6, 0.1).ranking)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_output_that_is_no_number_is_not_ranked(value: float):
    with pytest.raises(InvalidOutput, match="NaN or infinity"):
        ranked(0.1, value, 0.6, 0.1)


def test_temperature_softens_as_dividing_the_logits_does():
    logits = np.array([3.0, 1.0, 0.2, -1.0])

    def softmax(values: np.ndarray) -> np.ndarray:
        powers = np.exp(values)
        return powers / powers.sum()

    np.testing.assert_allclose(calibrate(softmax(logits), 2.5), softmax(logits / 2.5), rtol=1e-12)


def test_calibration_keeps_the_order_and_the_sum():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(10), 100).astype(np.float32)
    softened = calibrate(probabilities, 1.7)
    assert (softened.argmax(-1) == probabilities.argmax(-1)).all()
    np.testing.assert_allclose(softened.sum(-1), 1, rtol=1e-5)


def test_infinity_is_not_lost_in_calibration(recwarn: pytest.WarningsRecorder):
    assert not np.isfinite(calibrate(np.array([np.inf, 0.0], np.float32), 2.0)).all()
    assert not recwarn


def test_the_powers_of_many_small_probabilities_do_not_vanish():
    thousand = np.full(1000, 1e-3, np.float32)
    np.testing.assert_allclose(calibrate(thousand, 0.05), thousand, rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 1.7])
def test_a_ranking_is_calibrated_as_calibrate_does(temperature: float):
    for probabilities in np.random.default_rng(0).dirichlet(np.ones(4), 50).astype(np.float32):
        prediction = rank(probabilities, LABELS, 0.5, 4, temperature)
        expected = calibrate(probabilities, temperature) if temperature != 1 else probabilities
        np.testing.assert_allclose(prediction.probabilities, expected, rtol=1e-5)
        assert prediction.probabilities.dtype == np.float32
        best = LABELS[expected.argmax()]
        assert prediction.ranking[0] == (best, pytest.approx(float(expected.max()), rel=1e-5))
        assert prediction.label == (best if prediction.confidence >= 0.5 else None)


def test_the_threshold_is_compared_with_what_is_shown():
    probabilities = np.array([0.1, 0.2, 0.5, 0.2], np.float32)
    confidence = rank(probabilities, LABELS, 0, 3, 1.3).confidence
    assert rank(probabilities, LABELS, confidence, 3, 1.3).label == "dog"
    assert rank(probabilities, LABELS, np.nextafter(confidence, 1), 3, 1.3).label is None


def test_an_output_below_zero_is_ranked_as_it_is():
    prediction = rank(np.array([-3.0, 1.0, 2.0, 0.5], np.float32), LABELS, 0.5, 2, 1.5)
    assert prediction.ranking == (("dog", 2.0), ("deer", 1.0))


def test_nothing_is_worked_out_before_it_is_asked_for():
    prediction = ranked(0.1, 0.2, 0.6, 0.1)
    assert not {"ranking", "label"} & vars(prediction).keys()
    assert prediction.label == "dog"
    assert "ranking" not in vars(prediction)


def test_predictions_that_say_the_same_are_equal_however_they_were_made():
    made = ranked(0.125, 0.25, 0.5, 0.125)
    told = Prediction((("dog", 0.5), ("deer", 0.25), ("cat", 0.125)), "dog")
    assert made == told
    assert hash(made) == hash(told)
    assert repr(made) == repr(told)
    assert made != Prediction(told.ranking, None)
    assert made != "dog"


def test_a_prediction_does_not_change():
    for prediction in (ranked(0.1, 0.2, 0.6, 0.1), Prediction((("dog", 1.0),), "dog")):
        with pytest.raises(AttributeError, match="does not change: label"):
            prediction.label = "cat"


def test_a_prediction_with_another_label_keeps_its_ranking():
    prediction = rank(np.array((0.2, 0.7, 0.1), np.float32), ("cat", "dog", "deer"), 0.5, 2)
    other = prediction.with_label("cat")
    assert (other.label, other.ranking) == ("cat", prediction.ranking)
    assert prediction.label == "dog"
    assert prediction.with_label(None).text == "unknown"


def test_the_background_is_ranked_and_answered_as_unknown():
    probabilities = np.array([0.1, 0.1, 0.7, 0.1], np.float32)
    prediction = rank(probabilities, LABELS, 0.5, 2, background="dog")
    assert (prediction.label, prediction.text, prediction.ranking[0][0]) == (None, "unknown", "dog")
    assert rank(probabilities, LABELS, 0.5, 2, background="cat").label == "dog"


def of_familiarity(*probabilities: float, background: str | None = None) -> Prediction:
    raw = np.array(probabilities, np.float32)
    return rank(raw, LABELS, 0.5, 2, background=background, familiarity=True)


def test_what_only_its_familiarity_makes_unknown_was_never_seen():
    never_seen = of_familiarity(0.01, 0.02, 0.16, 0.01)  # a dog, if it were one of the four
    assert (never_seen.label, never_seen.is_never_seen) == (None, True)
    assert never_seen.familiarity == pytest.approx(0.2)
    assert not of_familiarity(0.3, 0.3, 0.3, 0.1).is_never_seen  # unsure
    assert not of_familiarity(0.1, 0.1, 0.6, 0.1).is_never_seen  # known
    assert not of_familiarity(0.01, 0.02, 0.16, 0.01, background="dog").is_never_seen
    assert not of_familiarity(0, 0, 0, 0).is_never_seen
    assert not ranked(0.1, 0.1, 0.3, 0.1, threshold=0.5).is_never_seen  # of a model that does not say
    assert ranked(0.1, 0.1, 0.3, 0.1).familiarity is None
    assert Prediction((("cat", 0.9),), "cat").familiarity is None


@pytest.fixture(scope="module")
def digit(tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digit") / "digit.png"
    cv2.imwrite(str(path), tiny.dataset.test.images[0][..., ::-1])
    return path


def test_a_path_bytes_an_array_and_a_pil_image_get_the_same_answer(tiny, digit: Path):
    image = pytest.importorskip("PIL.Image")
    with Classifier(tiny.files[0]) as classifier:
        expected = classifier.classify(cv2.imread(str(digit)))
        for picture in (
            digit,
            str(digit),
            digit.read_bytes(),
            image.open(digit),
            image.open(digit).convert("RGBA"),
        ):
            assert classifier.classify(picture) == expected


def test_a_pil_image_is_turned_as_its_exif_says(tiny, tmp_path: Path):
    image = pytest.importorskip("PIL.Image")
    upright = image.fromarray(np.arange(40 * 20 * 3, dtype=np.uint8).reshape(40, 20, 3))
    exif = upright.getexif()
    exif[0x0112] = 6  # a quarter turn
    upright.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    with Classifier(tiny.files[0]) as classifier:
        from_file = classifier.classify(tmp_path / "turned.jpg")
        from_pil = classifier.classify(image.open(tmp_path / "turned.jpg"))
    assert from_pil.probabilities == pytest.approx(from_file.probabilities, abs=0.02)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((32, 32), np.uint8), r"picture: uint8 \(32, 32\); give uint8 \(H, W, 3\) in BGR order"),
        (np.zeros((32, 32, 3), np.float32), "picture: float32"),
        (np.zeros((0, 32, 3), np.uint8), "picture: uint8"),
        (7, "picture: int; give a path, bytes, an array or a PIL image"),
        (None, "picture: NoneType"),
    ],
)
def test_what_is_no_picture_is_one_error(tiny, picture, message: str):
    with Classifier(tiny.files[0]) as classifier, pytest.raises(BadImage, match=message):
        classifier.classify(picture)


def test_a_picture_that_is_not_there_is_named(tiny):
    with Classifier(tiny.files[0]) as classifier, pytest.raises(MissingInput, match=r"gone\.jpg"):
        classifier.classify("gone.jpg")
