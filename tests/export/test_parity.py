import numpy as np
import pytest

from edgecls.edge_runtime.errors import CheckFailed
from edgecls.export.parity import LIMITS, Limit, check_float, compare, loss_warnings

FLOAT32 = LIMITS["float32"]
TRUTH = np.array([0, 1, 0])
REFERENCE = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], np.float32)


def test_the_same_answers_agree_in_everything():
    report = compare("a.tflite", 10, REFERENCE, REFERENCE, TRUTH)
    assert (report.largest_difference, report.top1_agreement) == (0, 1)
    assert report.accuracy == report.keras_accuracy == pytest.approx(2 / 3)


def test_one_flipped_picture_is_seen_in_agreement_and_accuracy():
    other = REFERENCE.copy()
    other[2] = [0.55, 0.45]
    report = compare("a.tflite", 134_440, other, REFERENCE, TRUTH)
    assert report.top1_agreement == pytest.approx(2 / 3)
    assert report.largest_difference == pytest.approx(0.15, abs=1e-6)
    assert report.accuracy == 1
    assert report.cells() == ("a.tflite", "134 kB", "0.15", "66.67%", "100.00%", "+33.33")


def test_a_float_file_may_differ_by_one_part_in_ten_thousand_and_no_more():
    check_float(compare("a.onnx", 10, REFERENCE + np.float32(0.9e-4), REFERENCE, TRUTH), FLOAT32)
    with pytest.raises(CheckFailed, match=r"a\.onnx: differs from Keras by 0\.00011 .*it was not written"):
        check_float(compare("a.onnx", 10, REFERENCE + np.float32(1.1e-4), REFERENCE, TRUTH), FLOAT32)


def test_not_a_number_is_a_difference():
    with pytest.raises(CheckFailed):
        check_float(compare("a.onnx", 10, np.full_like(REFERENCE, np.nan), REFERENCE, TRUTH), FLOAT32)


def test_too_many_other_labels_are_refused_however_small_the_difference():
    truth = np.zeros(200, int)
    reference = np.tile(np.float32([0.5005, 0.4995]), (200, 1))
    other = reference.copy()
    other[:2] = other[:2, ::-1]
    check_float(compare("a.onnx", 10, other, reference, truth), Limit(0.02, 0.99))
    other[2] = other[2, ::-1]
    with pytest.raises(
        CheckFailed, match=r"a\.onnx: agrees with Keras on 98\.50% of the pictures; the limit is 99%"
    ):
        check_float(compare("a.onnx", 10, other, reference, truth), Limit(0.02, 0.99))


def test_of_few_pictures_one_may_get_another_label():
    reference = np.float32([[0.5005, 0.4995], [0.9, 0.1]])
    check_float(compare("a.onnx", 10, reference[:, ::-1][:1], reference[:1], None), Limit(0.02, 0.99))


def test_a_file_that_lost_much_accuracy_says_what_helps():
    truth, reference = np.arange(100) % 2, np.eye(2, dtype=np.float32)[np.arange(100) % 2]
    collapsed = np.tile(np.float32([1, 0]), (100, 1))
    (warning,) = loss_warnings(compare("a_int8.tflite", 10, collapsed, reference, truth))
    assert warning.startswith("lost 50.0 points of accuracy by its quantisation; use a --float16 file")
    assert list(loss_warnings(compare("a_int8.tflite", 10, reference, reference, truth))) == []
