import numpy as np
import pytest
from edgecls.benchmarks.answers import Answers, to_answers, to_probabilities


def test_labels_and_confidences_come_back():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(300), 50).astype(np.float32)
    again = to_probabilities(to_answers(probabilities), 300)
    assert (again.argmax(1) == probabilities.argmax(1)).all()
    assert np.abs(again.max(1) - probabilities.max(1)).max() <= 0.5 / 255


def test_an_answer_of_hardly_any_probability_is_still_an_answer():
    flat = np.full((1, 1000), 1e-3, np.float32)
    flat[0, 700] += 1e-6
    assert to_probabilities(to_answers(flat), 1000).argmax() == 700


def test_ten_thousand_answers_are_forty_kilobytes():
    answers = to_answers(np.eye(10, dtype=np.float32)[np.zeros(10_000, int)])
    assert len(answers.labels) + len(answers.confidences) < 41_000


@pytest.mark.parametrize("labels", ["", "AAAA", "BQA=", "not base64!"])
def test_other_text_is_refused(labels):
    with pytest.raises(ValueError, match=r"."):
        to_probabilities(Answers(labels, "/w=="), 3)
