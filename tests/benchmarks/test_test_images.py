import cv2
import numpy as np
import pytest

from edgecls.benchmarks.test_images import stratified


@pytest.mark.parametrize("count", [10, 11, 37, 99])
def test_each_class_is_chosen_by_its_share(count):
    truth = np.repeat([0, 1, 2], [50, 30, 20])
    chosen = np.bincount(truth[stratified(truth, count, seed=3)], minlength=3)
    assert chosen.sum() == count
    assert np.abs(chosen - count * np.array([0.5, 0.3, 0.2])).max() <= 1


def test_the_choice_depends_on_the_seed_alone():
    truth = np.repeat(np.arange(10), 20)
    assert (stratified(truth, 50, seed=1) == stratified(truth, 50, seed=1)).all()
    assert (stratified(truth, 50, seed=1) != stratified(truth, 50, seed=2)).any()


def test_images_and_truth_are_limited_together_and_keep_their_order(colours):
    limited = colours.limited(6, seed=0)
    assert limited.truth.tolist() == [0, 0, 1, 1, 2, 2]
    assert limited.images.mean((1, 2)).argmax(1).tolist() == [0, 0, 1, 1, 2, 2]
    assert (limited.report.images, limited.report.available) == (6, 30)


def test_a_limit_above_what_is_there_changes_nothing(colours):
    assert colours.limited(31, seed=0) is colours


def test_the_still_holds_the_very_pixels_of_the_first_image(colours, tmp_path):
    files = colours.write(tmp_path)
    assert (cv2.imread(str(files.still))[:, :, ::-1] == colours.images[0]).all()
    assert (np.load(files.images) == colours.images).all()
