import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from edgecls.data.backend import keras
from edgecls.trainer.losses import accuracy, distillation, loss
from edgecls.trainer.recipe import Recipe

RANDOM = np.random.default_rng(0)
GIVEN = softmax(RANDOM.normal(size=(6, 4)), axis=1).astype(np.float32)
TEACHER = softmax(RANDOM.normal(size=(6, 4)) * 3, axis=1).astype(np.float32)
TRUTH = np.array([0, 1, 2, 3, 0, 1])


def numbers(tensor) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def test_the_documented_loss_is_keras_s_own():
    assert loss(Recipe()) == "sparse_categorical_crossentropy"


def test_label_smoothing_is_keras_s_with_labels_as_numbers():
    ours = loss(Recipe(label_smoothing=0.1))
    assert not isinstance(ours, str)
    theirs = keras.losses.CategoricalCrossentropy(label_smoothing=0.1, reduction="none")
    expected = numbers(theirs(np.eye(4, dtype=np.float32)[TRUTH], GIVEN))
    assert numbers(ours(TRUTH, GIVEN)) == pytest.approx(expected, rel=1e-5)
    assert numbers(ours(TRUTH[:, None], GIVEN)) == pytest.approx(expected, rel=1e-5)  # as Keras hands it on


def test_distillation_is_hinton_s_formula_on_the_logits():
    temperature, share = 4.0, 0.7
    beside = np.concatenate([TRUTH[:, None], TEACHER], axis=1).astype(np.float32)
    found = numbers(distillation(temperature, share, 0.0)(beside, GIVEN))
    soft = softmax(np.log(TEACHER) / temperature, axis=1)
    apart = np.log(soft) - log_softmax(np.log(GIVEN) / temperature, axis=1)
    imitated = (soft * apart).sum(1) * temperature**2
    true = -np.log(GIVEN[np.arange(6), TRUTH])
    assert found == pytest.approx(share * imitated + (1 - share) * true, rel=1e-5)


def test_a_student_that_says_what_the_teacher_says_cannot_do_better():
    beside = np.concatenate([TRUTH[:, None], TEACHER], axis=1).astype(np.float32)
    imitate = distillation(4.0, 1.0, 0.0)
    least = numbers(imitate(beside, TEACHER))
    assert least == pytest.approx(0, abs=1e-5)
    assert (least < numbers(imitate(beside, GIVEN))).all()


def test_accuracy_reads_the_truth_in_each_form():
    expected = GIVEN.argmax(axis=1) == TRUTH
    beside = np.concatenate([TRUTH[:, None], TEACHER], axis=1).astype(np.float32)
    for truth in (TRUTH, TRUTH[:, None], beside):
        assert (numbers(accuracy(truth, GIVEN)) == expected).all()
