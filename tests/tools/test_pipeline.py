import subprocess
import sys
import time
from itertools import islice

import numpy as np
import pytest

from edgecls.benchmarks.frames import VGA, camera_frames, write_frames
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.errors import BadModel, MissingInput
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.models.card import Quantisation
from tests.fakes import FakeEngine, FakeSource, fake_classifier, picture
from tests.waiting import wait_until
from tools.camera_cost import measure_idle_cost, run_program
from tools.frame_age import RATE_FPS, SLOWER, AgeSink, Stamp, measure_age, stamp_of, stamped
from tools.pipeline import choose_models
from tools.pipeline_report import AgeReport
from tools.process_cost import cpu_s, family_of, memory_use
from tools.slow_reader import SlowEngine, rests

INT8 = Quantisation("int8", 100, "0" * 64)


def test_of_an_export_the_int8_tflite_is_the_fast_one_and_the_float_onnx_the_naive_one(tiny):
    models = choose_models([tiny.h5, *tiny.files])
    assert models.fast.path.name == "image_classification_int8.tflite"
    assert models.naive.path.name == "image_classification.onnx"
    assert models.notes == ()


def test_without_an_int8_tflite_the_best_other_file_is_measured_and_that_is_said(tiny):
    models = choose_models([path for path in tiny.files if path.suffix == ".onnx"])
    assert models.fast.path.name == "image_classification_int8.onnx"
    assert models.naive.path.name == "image_classification.onnx"
    assert "no int8 .tflite among the files" in models.notes[0]


@pytest.mark.parametrize(
    "other", [{"weights_sha256": "f" * 64}, {"quantisation": INT8}, {"labels": ("blue", "green", "red")}]
)
def test_a_naive_way_with_another_network_would_compare_nothing_and_is_left_out(colour_model, other):
    fast = colour_model("fast.onnx", weights_sha256="a" * 64, quantisation=INT8)
    models = choose_models([fast, colour_model("other.onnx", **{"weights_sha256": "a" * 64} | other)])
    assert models.naive is None
    assert any("the naive program was left out" in note for note in models.notes)


def test_a_damaged_file_is_passed_over(colour_model, tmp_path):
    (tmp_path / "page.tflite").write_text("<html>")
    models = choose_models([tmp_path / "page.tflite", colour_model("fine.onnx")])
    assert models.fast.path.name == "fine.onnx"


def test_a_damaged_file_alone_is_the_error(tmp_path):
    (tmp_path / "page.tflite").write_text("<html>")
    with pytest.raises(BadModel, match="it starts with '<html>'"):
        choose_models([tmp_path / "page.tflite"])


def test_a_keras_file_alone_has_to_be_exported_first(tiny):
    with pytest.raises(MissingInput, match="edgecls export --int8"):
        choose_models([tiny.h5])


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


@pytest.mark.timing
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


BUSY = "while True: pass"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"
HOLDS_40_MB = "held = b'x' * 40_000_000; print('ready', flush=True); input()"
TALKS = "import time\nwhile True: print('label', flush=True); time.sleep(0.01)"


def python(code: str, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code], **options)


def test_the_processor_time_of_children_counts():
    with python(PARENT) as parent:
        try:
            wait_until(lambda: len(family_of(parent.pid)) == 2)
            family = family_of(parent.pid)
            assert family[0] == parent.pid
            before_s = cpu_s(family)
            wait_until(lambda: cpu_s(family) - before_s > 0.1)
        finally:
            for member in reversed(family_of(parent.pid)):
                subprocess.run(["kill", "-9", str(member)], check=False)


def test_memory_that_processes_share_counts_once():
    with (
        python(HOLDS_40_MB, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first,
        python(HOLDS_40_MB, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as second,
    ):
        for process in (first, second):
            assert process.stdout.readline()
        alone, both = memory_use([first.pid]), memory_use([first.pid, second.pid])
        for process in (first, second):
            process.kill()
    assert alone.together_bytes > 40_000_000
    assert both.together_bytes > 80_000_000
    assert both.together_bytes < 2 * alone.together_bytes  # the interpreter itself
    assert both.pss_bytes <= both.together_bytes <= both.rss_bytes


def test_a_process_that_is_gone_costs_nothing():
    with python("pass") as gone:
        gone.wait()
    assert memory_use([gone.pid]).rss_bytes == 0
    assert cpu_s([gone.pid]) == 0


TALKS_WITHOUT_REST = "while True: print('label', flush=True)"


def test_the_lines_of_a_program_are_counted():
    run = run_program([sys.executable, "-c", TALKS_WITHOUT_REST], 0.3, settles_s=0.0)
    assert run.cpu_share > 0
    assert run.labels_per_s > 0
    assert run.first_label_s > 0
    assert run.processes == 1


@pytest.mark.timing
def test_a_busy_program_costs_a_core():
    run = run_program([sys.executable, "-c", TALKS_WITHOUT_REST], 0.3, settles_s=0.0)
    assert run.cpu_share > 0.2
    assert run.labels_per_s > 100


@pytest.mark.timing
def test_a_program_that_rests_costs_little():
    run = run_program([sys.executable, "-c", TALKS], 0.3, settles_s=0.0)
    assert run.cpu_share < 0.2
    assert run.memory.together_bytes > 1_000_000


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit(3)", "gave no label"),
        ("print('one', flush=True); input()", "gave no label in 0.1 s"),
    ],
)
def test_a_program_without_labels_is_an_error(code, reason):
    with pytest.raises(BadModel, match=reason):
        run_program([sys.executable, "-c", code], 0.1, settles_s=0.0)


def test_the_real_camera_command_and_the_naive_program_are_measured_in_turn(tiny, tmp_path, runs_alone):
    pictures = list(tiny.dataset.test.images[:4][..., ::-1])
    write_frames(tmp_path / "a.frames", camera_frames(pictures, VGA, 4))
    steps: list[str] = []
    report = measure_idle_cost(
        tiny.files[2], tiny.files[1], tmp_path / "a.frames", 0.5, on_step=steps.append, rounds=1
    )
    (ours,), (naive,) = report.ours, report.naive
    assert ours.processes == 2  # the loop, and the one that captures
    assert naive.processes == 1
    assert ours.cpu_share > 0
    assert ours.labels_per_s > 0
    assert not runs_alone or (ours.cpu_share < 2 and ours.labels_per_s > 1)
    assert ours.memory.together_bytes > 20_000_000
    assert [step.partition(": ")[2] for step in steps] == ["edgecls camera", "the naive program"]
