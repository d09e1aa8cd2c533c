"""Stillness: what is motion, and what is noise."""

import numpy as np
import pytest

from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.stillness import MAX_STILL_S, SETTLE_S, Stillness
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
from tests.fakes import FakeSink, FakeSource, fake_classifier

RULE = ImageRule(32, 32)


def scene(seed: int = 0) -> np.ndarray:
    """A uint8 (240, 320, 3) picture with soft shapes of all brightnesses."""
    coarse = np.random.default_rng(seed).integers(40, 216, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_CUBIC)


def shot(pixels: np.ndarray, seed: int, noise: float = 10.0) -> np.ndarray:
    """What the network gets of it, from a sensor with noise and a camera that sends JPEG."""
    noisy = pixels + np.random.default_rng(seed).normal(0, noise, pixels.shape)
    jpeg = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return prepare(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), RULE)


def with_object(pixels: np.ndarray, x: int) -> np.ndarray:
    """A thing of a sixth of the picture's height, 80 levels brighter or darker than what is behind it."""
    changed = pixels.astype(int)
    behind = changed[100:140, x : x + 40]
    behind += 80 if behind.mean() < 128 else -80
    return np.clip(changed, 0, 255).astype(np.uint8)


def settled() -> tuple[Stillness, float]:
    """At rest before the scene, and the time that is then."""
    stillness = Stillness()
    for index in range(60):
        stillness.is_still(shot(scene(), index), index * 0.05)
    return stillness, 60 * 0.05


def test_the_first_frame_is_classified():
    assert not Stillness().is_still(shot(scene(), 0), 0.0)


def test_sensor_noise_is_no_motion():
    stillness = Stillness()
    stills = [stillness.is_still(shot(scene(), index), index / 30) for index in range(240)]
    classified = [index / 30 for index, still in enumerate(stills) if not still and index / 30 >= SETTLE_S]
    assert len(classified) == pytest.approx((8 - SETTLE_S) / MAX_STILL_S, abs=1)


def test_it_has_settled_exactly_after_its_time():
    stillness = Stillness()
    grey = np.full((32, 32, 3), 100, np.uint8)
    assert [stillness.is_still(grey, time_s) for time_s in (0.0, 0.5, SETTLE_S)] == [False, False, True]


def test_a_still_scene_is_classified_every_second():
    stillness = Stillness()
    grey = np.full((32, 32, 3), 100, np.uint8)
    classified = [quarter / 4 for quarter in range(17) if not stillness.is_still(grey, quarter / 4)]
    assert classified == [0.0, 0.25, 0.5, 0.75, 1.75, 2.75, 3.75]


@pytest.mark.parametrize(("levels", "is_still"), [(7, True), (8, False), (-8, False)])
def test_eight_levels_are_motion(levels: int, is_still: bool):
    stillness = Stillness()
    grey = np.full((32, 32, 3), 100, np.uint8)
    for tenth in range(12):
        stillness.is_still(grey, tenth / 10)
    assert stillness.is_still(grey + np.int16(levels).astype(np.uint8), 1.25) is is_still


@pytest.mark.parametrize("x", [60, 140, 220])
def test_a_thing_that_appears_is_seen_at_once(x):
    stillness, now_s = settled()
    assert not stillness.is_still(shot(with_object(scene(), x), 99), now_s)


def test_another_scene_is_seen_at_once():
    stillness, now_s = settled()
    assert not stillness.is_still(shot(scene(1), 99), now_s)


def test_after_motion_every_frame_is_classified_until_it_has_settled():
    stillness, now_s = settled()
    moved = with_object(scene(), 140)
    stills = [stillness.is_still(shot(moved, index), now_s + index / 10) for index in range(15)]
    assert not any(stills[: round(SETTLE_S * 10)])
    assert any(stills[round(SETTLE_S * 10) :])


def test_a_still_scene_is_classified_now_and_then_all_the_same():
    stillness = Stillness()
    image = np.full((32, 32, 3), 128, np.uint8)
    times = [index / 10 for index in range(100) if not stillness.is_still(image, index / 10)]
    assert np.diff(times).max() <= MAX_STILL_S + 0.1 + 1e-9


def test_a_drift_that_is_too_slow_to_be_motion_is_followed():
    stillness = Stillness()
    seen = 0.0
    for index in range(600):
        level = 40 + index * 0.1
        if not stillness.is_still(np.full((32, 32, 3), round(level), np.uint8), index / 30):
            seen = level
        assert level - seen <= 8


def test_the_loop_counts_still_frames_and_classifies_the_others():
    sink = FakeSink()
    picture = scene()
    given = [Frame(picture, index + 1, index / 10) for index in range(60)]
    classifier = fake_classifier((0.9, 0.1, 0.0))
    report = Loop(classifier, [sink], stillness=Stillness()).run(FakeSource(given, live=True))
    assert report.frames + report.still_frames == 60
    assert report.frames == len(sink.answers) == len(classifier.engine.images)
    assert report.still_frames == sink.idled > 30
    assert report.skipped == 0
    assert f"{report.still_frames} more without motion" in report.text
    assert report.to_json()["still_frames"] == report.still_frames
