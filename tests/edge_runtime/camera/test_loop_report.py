import json

from edgecls.edge_runtime.camera.answer import Answer, Timing
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop_report import LoopReport, Tally
from edgecls.edge_runtime.errors import BadImage
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import FakeSource, answer, picture


def report(**changes) -> LoopReport:
    values = {
        "frames": 100,
        "skipped": 0,
        "invalid_outputs": 0,
        "corrupt_frames": 0,
        "reconnects": 0,
        "seconds": 9.9,
        "latency_p50_ms": 1.25,
        "latency_p90_ms": 2.5,
        "age_p50_ms": 12.0,
        "age_p95_ms": 15.0,
        "age_p99_ms": 33.0,
        "labels": (("cat", 75), ("unknown", 25)),
    }
    return LoopReport(**(values | changes))


def tally(*labels: str | None) -> Tally:
    counted = Tally()
    for sequence, label in enumerate(labels, 1):
        prediction = Prediction(((label or "cat", 0.5),), label)
        counted.add(
            answer(Frame(picture(), sequence, 0.0), prediction, Timing(1.0, sequence, 10.0 * sequence))
        )
    return counted


def test_the_summary_says_frames_rate_latency_and_labels():
    assert report().text == (
        "100 frames in 9.9 s: 10.0 per second\n"
        "latency p50 1.2 ms, p90 2.5 ms; age p50 12 ms, p95 15, p99 33\n"
        "labels: cat 75.0%, unknown 25.0%"
    )


def test_what_had_not_held_long_enough_is_said_beside_unknown():
    assert report(not_yet=20).text.endswith("unknown 25.0% (in 20.0% a label had not yet held for --hold)")


def test_what_went_by_or_wrong_is_in_the_first_line():
    first = report(skipped=1234, invalid_outputs=2).text.splitlines()[0]
    assert first.endswith("1,234 skipped for newer ones, 2 with an invalid output")


def test_frames_that_nobody_asked_for_are_not_called_overload():
    wanted = {"skipped": 70, "seconds": 9.9}
    assert "70 not needed at --fps 10\n" in report(**wanted, fps_asked=10.0).text
    assert "70 skipped for newer ones\n" in report(**wanted, fps_asked=20.0).text
    assert "70 left out for --cpu 25%\n" in report(**wanted, cpu_asked="25%").text


def test_only_the_most_frequent_labels_are_named():
    labels = tuple((f"class {index}", 10) for index in range(10))
    assert report(labels=labels).text.endswith("class 4 10.0% and 5 other labels")


def test_one_frame_has_no_rate():
    one = tally("cat").report(FakeSource([]))
    assert one.fps is None
    assert one.text.splitlines()[0] == "1 frame"


def test_a_loop_without_frames_has_a_report_too():
    empty = Tally().report(FakeSource([]))
    assert (empty.frames, empty.skipped, empty.latency_p50_ms) == (0, 0, None)
    assert empty.text == "0 frames"


def test_labels_are_ordered_by_how_often_they_came_and_unknown_is_one():
    assert tally("dog", None, "dog", None, "dog").report(FakeSource([])).labels == (
        ("dog", 3),
        ("unknown", 2),
    )


def test_percentiles_are_of_latency_and_of_age():
    counted = tally("cat", "cat", "cat").report(FakeSource([]))
    assert (counted.latency_p50_ms, counted.age_p50_ms) == (3.0, 20.0)


def test_of_frames_with_a_known_label_the_right_answers_are_counted():
    counted = Tally()
    for sequence, (truth, label, announced) in enumerate(
        [("cat", "cat", None), ("cat", "dog", "cat"), ("dog", "dog", "dog"), ("", "cat", "cat")], 1
    ):
        frame = Frame(picture(), sequence, float(sequence), truth=truth)
        decision = Decision(Prediction((("cat", 0.5),), announced), 0.0, changed=False)
        counted.add(Answer(frame, Prediction((("cat", 0.5),), label), decision, Timing(1, 1, 1)))
    summary = counted.report(FakeSource([]))
    assert (summary.judged, summary.right, summary.right_announced) == (3, 2, 2)
    assert summary.text.splitlines()[-2:] == [
        "demo: 2 of 2 scenes announced correctly, 0.5 s after the change",
        "correct: 66.7% of 3 frames with a known label, each by itself",
    ]
    assert summary.to_json()["scenes"] == {"scenes": 2, "announced": 2, "delay_s": 0.5}


def test_a_row_of_invalid_outputs_is_announced_once():
    counted = Tally()
    assert [counted.add_failed("invalid_output") for _ in range(3)] == [True, False, False]


def test_json_has_every_figure_and_the_failure_in_words():
    values = json.loads(json.dumps(report(failure=BadImage("clip.avi: truncated")).to_json()))
    assert values["labels"] == {"cat": 75, "unknown": 25}
    assert values["fps"] == 10.0
    assert values["failure"] == "clip.avi: truncated"
    assert report().to_json()["failure"] is None
