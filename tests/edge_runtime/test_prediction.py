import numpy as np
import pytest
from edgecls.edge_runtime.errors import InvalidOutput
from edgecls.edge_runtime.prediction import Prediction, calibrate, rank

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
