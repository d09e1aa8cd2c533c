import time
from itertools import islice

import numpy as np
from edgecls.benchmarks.pipeline.age import RATE_FPS, SLOWER, AgeSink, measure_age
from edgecls.benchmarks.pipeline.age_process import SlowEngine, rests
from edgecls.benchmarks.pipeline.camera_stamp import Stamp, stamp_of, stamped
from edgecls.benchmarks.pipeline.frame_file import write_frames
from edgecls.benchmarks.pipeline.frames import VGA, camera_frames
from edgecls.benchmarks.pipeline.report import AgeReport
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.image import decode
from edgecls.edge_runtime.opencv import cv2

from ...fakes import FakeEngine, FakeSource, fake_classifier, picture


def jpeg() -> bytes:
    return cv2.imencode(".jpg", picture())[1].tobytes()


def classified(*frames: Frame) -> AgeReport:
    """What the sink notes of these frames in the real loop."""
    sink = AgeSink()
    report = Loop(fake_classifier([0.1, 0.2, 0.7]), [sink]).run(FakeSource(frames))
    assert report.failure is None
    return AgeReport(30.0, tuple(sink.samples))


def test_a_stamp_is_read_back_and_the_picture_is_the_same():
    content = jpeg()
    marked = stamped(content, Stamp(7, 12.5))
    assert stamp_of(marked) == Stamp(7, 12.5)
    assert (decode(marked, "") == decode(content, "")).all()
    assert stamp_of(content) is None


def test_the_age_counts_from_the_moment_when_the_camera_took_the_picture():
    now_s = time.monotonic()
    stale = Frame(stamped(jpeg(), Stamp(3, now_s - 5)), sequence=1, captured_at_s=now_s)
    report = classified(stale)
    assert report.samples[0].age_ms >= 5000
    assert report.samples[0].number == 3


def test_without_a_stamp_it_counts_from_the_capture():
    now_s = time.monotonic()
    report = classified(Frame(picture(), sequence=9, captured_at_s=now_s - 2))
    assert 2000 <= report.samples[0].age_ms < 60_000
    assert report.samples[0].number == 9


def test_a_reader_that_lags_behind_misses_the_goal():
    now_s = time.monotonic()
    frames = [Frame(stamped(jpeg(), Stamp(number, now_s - 0.2)), number, now_s) for number in range(1, 6)]
    report = classified(*frames)
    assert report.waited_ms(50) >= 200
    assert report.age_ms(99) > report.limit_ms(99)


def test_a_picture_that_comes_again_under_another_sequence_number_is_noticed():
    now_s = time.monotonic()
    frames = [Frame(stamped(jpeg(), Stamp(4, now_s)), sequence, now_s) for sequence in (1, 2)]
    assert classified(*frames).misplaced == 1


def test_a_slow_engine_rests_before_it_answers():
    engine = SlowEngine(FakeEngine([0.2, 0.8]), iter([0.03]))
    began_s = time.monotonic()
    assert engine.probabilities(picture(32, 32)).argmax() == 1
    assert time.monotonic() - began_s >= 0.03


def test_the_reader_comes_back_at_every_moment_between_two_frames():
    intervals = np.array(list(islice(rests(), 45))) * RATE_FPS
    assert intervals.min() >= SLOWER
    moments = np.sort(intervals % 1)
    assert np.diff(moments).max() < 0.05


def test_a_real_camera_and_a_slow_reader_give_newest_frames_in_their_order(tiny, tmp_path):
    pictures = list(tiny.dataset.test.images[:4][..., ::-1])
    write_frames(tmp_path / "a.frames", camera_frames(pictures, VGA, 4))
    report = measure_age(tiny.files[2], tmp_path / "a.frames", seconds=1, threads=1)
    assert len(report.samples) == 3
    assert report.misplaced == 0
    steps = [b.number - a.number for a, b in zip(report.samples, report.samples[1:], strict=False)]
    assert min(steps) >= 5  # the reader is ten times slower than the camera
    assert min(sample.classify_ms for sample in report.samples) >= 333
    assert min(sample.waited_ms for sample in report.samples) > 0
