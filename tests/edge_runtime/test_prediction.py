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
