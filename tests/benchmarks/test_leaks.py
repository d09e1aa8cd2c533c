import numpy as np
import pytest

from edgecls.benchmarks.file_report import BenchSettings
from edgecls.benchmarks.leaks import calibrated_on, find_leaks
from edgecls.benchmarks.measure import measure_files
from edgecls.benchmarks.report import render
from edgecls.benchmarks.test_images import HeldOut
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.models.card import Quantisation, pack_fingerprints

QUICK = BenchSettings(seconds=0.01, windows=1, cold_starts=0)


def scenes(count: int, seed: int) -> np.ndarray:
    """Smooth random pictures, uint8 (N, 32, 32, 3): as different as photographs are."""
    rough = np.random.default_rng(seed).integers(0, 256, (count, 5, 5, 3), np.uint8)
    return np.stack([cv2.resize(image, (32, 32), interpolation=cv2.INTER_CUBIC) for image in rough])


TEST, TRAIN = scenes(50, seed=1), scenes(80, seed=2)


def test_splits_that_share_nothing_have_no_leak():
    (leak,) = find_leaks(TEST, {"training": TRAIN})
    assert (leak.split, leak.images, leak.equal, leak.near) == ("training", 80, (), ())


def test_an_image_in_both_splits_is_found_by_its_place():
    train = TRAIN.copy()
    train[70] = TEST[7]
    (leak,) = find_leaks(TEST, {"training": train})
    assert leak.equal == (7,)
    assert leak.near == ()
    assert leak.warning.startswith("1 of the test images are also among the training images")


@pytest.mark.parametrize(
    "alter",
    [
        lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 1),
        lambda image: np.clip(image.astype(int) + 8, 0, 255).astype(np.uint8),
        lambda image: cv2.resize(cv2.resize(image, (24, 24)), (32, 32)),
    ],
    ids=["JPEG", "brighter", "resized"],
)
def test_another_copy_of_the_same_photograph_is_nearly_equal(alter):
    train = TRAIN.copy()
    train[3] = alter(TEST[11])
    (leak,) = find_leaks(TEST, {"training": train})
    assert (leak.equal, leak.near) == ((), (11,))


def test_plain_pictures_of_other_colours_are_not_alike_though_they_hash_alike():
    blue, red = np.zeros((1, 32, 32, 3), np.uint8), np.zeros((1, 32, 32, 3), np.uint8)
    blue[..., 2], red[..., 0] = 200, 200
    assert find_leaks(blue, {"training": red})[0].near == ()


def test_calibration_images_are_known_by_the_cards_fingerprints():
    prints = pack_fingerprints([TEST[4], TEST[9], *TRAIN])
    assert calibrated_on(TEST, prints) == (4, 9)
    assert calibrated_on(scenes(50, seed=3), prints) == ()
    assert calibrated_on(TEST, "") == ()  # a card from before there were any


def test_a_file_that_was_calibrated_on_a_test_image_is_refused(colour_model, colours):
    prints = pack_fingerprints(colours.images[5:6])
    tainted = colour_model("tainted.onnx", quantisation=Quantisation("int8", 1, "", prints))
    clean, refused = measure_files([colour_model("clean.onnx"), tainted], colours, QUICK).files
    assert clean.error is None
    assert "was calibrated on 1 of these 30 test images" in (refused.error or "")
    assert refused.exit_code == 1
    assert refused.accuracy is None


def test_a_duplicate_between_training_and_test_is_a_warning_of_the_report(colour_model, colours):
    train = np.concatenate([scenes(5, seed=4)[:, :8, :8], colours.images[2:3]])
    tests = HeldOut(
        colours.name,
        colours.sha256,
        colours.labels,
        colours.images,
        colours.truth,
        available=30,
        apart_from={"training": train},
    )
    report = measure_files([colour_model()], tests, QUICK)
    assert report.leaks[0].equal == (2,)
    assert "warning: 1 of the test images are also among the training images" in render(report)
    assert "overlap:  with 6 training images: 1 identical" in render(report)
