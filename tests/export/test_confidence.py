import numpy as np
import pytest

from edgecls.edge_runtime.prediction import calibrate
from edgecls.export.confidence import (
    Confidence,
    confidence_warnings,
    fit_confidence,
    fit_temperature,
    fit_threshold,
)


@pytest.fixture(scope="module")
def honest():
    """Probabilities of a network that is exactly as sure as it is right, and labels drawn from them."""
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.15] * 5, 4000).astype(np.float32)
    truth = np.array([rng.choice(5, p=row / row.sum()) for row in probabilities.astype(np.float64)])
    return probabilities, truth


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_an_overconfident_network_is_cooled_and_a_shy_one_is_warmed(honest, temperature):
    probabilities, truth = honest
    distorted = calibrate(probabilities, 1 / temperature)
    assert fit_temperature(distorted, truth) == pytest.approx(temperature, rel=0.1)


def test_calibration_changes_no_best_label_and_still_sums_to_one(honest):
    calibrated = calibrate(honest[0], 1.7)
    np.testing.assert_array_equal(calibrated.argmax(1), honest[0].argmax(1))
    np.testing.assert_allclose(calibrated.sum(1), 1, atol=1e-5)


def test_the_threshold_answers_as_much_as_the_precision_allows():
    confidences = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, True, True, False, True])
    assert 0.6 < fit_threshold(confidences, right, 1.0) <= 0.7
    assert fit_threshold(confidences, right, 0.8) == 0


def test_equal_confidences_are_answered_together_or_not_at_all():
    confidences = np.array([0.9, 0.7, 0.7])
    right = np.array([True, True, False])
    assert 0.7 < fit_threshold(confidences, right, 0.9) <= 0.9


def test_nothing_is_answered_where_no_threshold_is_precise_enough():
    assert fit_threshold(np.array([0.9, 0.8]), np.array([False, True]), 0.95) == 1


def test_the_least_sure_images_stay_unanswered_even_where_all_answers_are_precise():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.6, 0.99, 1000)
    probabilities = np.stack([sure, 1 - sure], 1).astype(np.float32)
    truth = (rng.uniform(size=1000) < 0.03).astype(int)  # 97 % right
    confidence = fit_confidence(probabilities, truth, target_precision=0.95)
    assert confidence.precision > 0.95
    assert confidence.unanswered == pytest.approx(0.05, abs=0.002)


def test_a_handful_of_images_that_are_all_right_makes_no_network_surer_than_it_is():
    probabilities = np.array([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8]] * 3, np.float32)
    confidence = fit_confidence(probabilities, probabilities.argmax(1), target_precision=0.95)
    assert confidence.temperature == 1
    assert confidence.threshold < 0.8


@pytest.mark.parametrize(("wrong", "is_contradicted"), [(2, False), (4, True)])
def test_with_few_images_the_threshold_rises_only_where_wrong_answers_are_no_accident(wrong, is_contradicted):
    confidences = np.linspace(0.99, 0.6, 22)
    probabilities = np.stack([confidences, 1 - confidences], 1).astype(np.float32)
    truth = np.zeros(22, np.int64)
    truth[5 : 5 + wrong] = 1  # 20 of 22 are 90.9 %, which a file of 95 % gives in three of ten cases
    confidence = fit_confidence(probabilities, truth, target_precision=0.95)
    assert (confidence.unanswered > 0.5) == is_contradicted


def test_the_fit_says_what_it_costs(honest):
    confidence = fit_confidence(*honest, target_precision=0.95)
    assert 0.95 <= confidence.precision < 0.97
    assert 0.2 < confidence.unanswered < 0.9
    assert confidence.temperature == pytest.approx(1, rel=0.1)


def test_a_file_that_answers_only_unknown_says_so_and_what_to_do():
    nothing = Confidence(1.0, threshold=1.0, precision=0.0, unanswered=1.0, accuracy=0.62)
    assert list(confidence_warnings(nothing, 0.95)) == [
        'answers only "unknown", because no threshold makes 95% of its answers right (of all validation '
        "images, 62.0% are); train with more pictures or epochs, or export with --target-precision 0.60"
    ]
    assert nothing.answers_nothing


def test_a_threshold_that_rejects_more_than_half_is_a_warning_and_less_is_none():
    most, few = (Confidence(1.0, 0.8, 0.96, unanswered, 0.4) for unanswered in (0.6, 0.3))
    (warning,) = confidence_warnings(most, 0.95)
    assert warning.startswith(
        'answers "unknown" to 60% of the validation images, so that 95% of the others are right'
    )
    assert "--target-precision" not in warning  # 40 % right answers are of no use
    assert not most.answers_nothing
    assert list(confidence_warnings(few, 0.95)) == []
