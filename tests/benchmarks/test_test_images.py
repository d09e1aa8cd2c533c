import cv2
import numpy as np


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
