"""Overlay: what is drawn over a picture, at any size."""

import numpy as np
import pytest

from edgecls.edge_runtime.camera.answer import Timing
from edgecls.edge_runtime.camera.outputs.overlay import MIN_SIZE_PX, annotate
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.prediction import Prediction

CAT = Prediction((("cat", 0.931), ("dog", 0.04), ("deer", 0.012)), "cat")
UNKNOWN = Prediction((("cat", 0.41), ("dog", 0.3)), None)
TIMING = Timing(0.4, 1.5, 12.0, 29.8)


def scene(width_px: int, height_px: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_LINEAR)


def share_of(picture: np.ndarray, hue: int) -> float:
    """The share of strongly coloured pixels of a hue, 0 to 180 as OpenCV has it."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    return float(
        np.mean((abs(hsv[..., 0].astype(int) - hue) < 6) & (hsv[..., 1] > 120) & (hsv[..., 2] > 150))
    )


@pytest.mark.parametrize("size_px", [(320, 240), (640, 480), (1280, 720), (480, 640)])
def test_a_frame_keeps_its_size_and_the_picture_above_the_band(size_px):
    frame = scene(*size_px)
    shown = annotate(frame, CAT, TIMING)
    assert shown.shape == frame.shape
    half = size_px[1] // 2
    assert (shown[:half] == frame[:half]).all()
    assert shown[-3:].mean() < 0.6 * frame[-3:].mean()


def test_the_frame_itself_is_not_drawn_on():
    frame = scene(640, 480)
    before = frame.copy()
    annotate(frame, CAT, TIMING)
    assert (frame == before).all()


@pytest.mark.parametrize("size_px", [(32, 32), (160, 120), (300, 40), (1, 1)])
def test_a_small_picture_is_enlarged_and_left_free(size_px):
    frame = np.full((size_px[1], size_px[0], 3), 200, np.uint8)
    shown = annotate(frame, CAT, TIMING)
    assert shown.shape[1] >= MIN_SIZE_PX[0]
    assert shown.shape[0] > MIN_SIZE_PX[1]
    assert (shown[: MIN_SIZE_PX[1], shown.shape[1] // 2] == 200).any()
    assert shown[MIN_SIZE_PX[1] + 1, shown.shape[1] // 2].max() < 100  # the band stands below


@pytest.mark.parametrize("size_px", [(641, 479), (33, 31), (321, 240), (100, 2001)])
def test_sides_are_even_as_video_encoders_want_them(size_px):
    shown = annotate(scene(*size_px), CAT, TIMING)
    assert shown.shape[0] % 2 == shown.shape[1] % 2 == 0


def test_the_best_bar_is_as_long_as_its_probability():
    black = np.zeros((480, 640, 3), np.uint8)
    lengths = []
    for confidence in (0.25, 0.5, 1.0):
        shown = annotate(black, Prediction((("cat", confidence), ("dog", 0.0)), "cat"), TIMING)
        green = (shown == (120, 220, 90)).all(-1)
        lengths.append(int(green.sum(axis=1).max()))
    assert lengths[0] == pytest.approx(lengths[2] / 4, abs=2)
    assert lengths[1] == pytest.approx(lengths[2] / 2, abs=2)


def test_known_is_green_and_unknown_is_amber():
    black = np.zeros((480, 640, 3), np.uint8)
    known, unknown = annotate(black, CAT, TIMING), annotate(black, UNKNOWN, TIMING)
    assert share_of(known, 67) > 0.01
    assert share_of(known, 19) < 0.001
    assert share_of(unknown, 19) > 0.005
    assert share_of(unknown, 67) < 0.001


def test_many_classes_take_at_most_the_lower_half():
    ranking = tuple((f"class {index}", 0.01) for index in range(100))
    frame = scene(640, 480)
    shown = annotate(frame, Prediction(ranking, "class 0"), TIMING)
    assert (shown[:200] == frame[:200]).all()


@pytest.mark.parametrize(
    "label", ["a label so long that it would run over the whole picture " * 3, "größe 日本", ""]
)
def test_any_label_can_be_drawn(label):
    shown = annotate(scene(320, 240), Prediction(((label, 0.5), ("dog", 0.1)), label), Timing(1, 1, 1))
    assert shown.shape == (240, 320, 3)


def test_a_long_label_is_cut_and_leaves_room_for_its_bar():
    black = np.zeros((480, 640, 3), np.uint8)
    longer, longest = (
        annotate(black, Prediction((("long " * words, 1.0),), "long " * words), TIMING) for words in (8, 40)
    )
    assert (longer == longest).all()  # both are cut at the same place
    assert (longer == (120, 220, 90)).all(-1).sum(axis=1).max() > 200
