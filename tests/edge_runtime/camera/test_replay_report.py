import json
from dataclasses import replace

from edgecls.edge_runtime.camera.replay_report import SHOWN_DIFFERENCES, Difference, ReplayReport

ONE = Difference(41, 41, 1, 3725.04, "2026-11-22T10:00:00+00:00", "cat", 0.9, None, 0.25)
REPORT = ReplayReport("old.tflite", "new.onnx", 1200, 1180, 14, 16, 0, 0, 0, 0, (ONE,))


def test_a_difference_is_one_line_of_a_table():
    header, _, row, *_ = REPORT.text.splitlines()
    assert [cell.strip() for cell in header.split("|")[1:-1]] == ["time", "frames", "recorded", "replayed"]
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "1:02:05.0",
        "41",
        "cat 90.0%",
        "unknown 25.0%",
    ]


def test_equal_differences_in_a_row_are_one_with_the_mean_of_their_confidence():
    joined = ONE.joined(replace(ONE, first_sequence=43, last_sequence=43, recorded_confidence=0.6))
    joined = joined.joined(replace(ONE, first_sequence=44, last_sequence=44, recorded_confidence=0.6))
    assert (joined.first_sequence, joined.last_sequence, joined.frames) == (41, 44, 3)
    assert abs(joined.recorded_confidence - 0.7) < 1e-9
    assert "41-44 (3)" in replace(REPORT, differences=(joined,)).text


def test_the_summary_counts():
    assert REPORT.text.endswith(
        "old.tflite -> new.onnx: 1,200 frames, 98.3% with the same label\n"
        "changes of the label: 14 recorded, 16 replayed"
    )


def test_without_a_difference_there_is_no_table():
    assert "|" not in replace(REPORT, differences=(), equal=1200).text


def test_what_was_passed_over_is_said():
    text = replace(REPORT, damaged_frames=2, damaged_lines=1, invalid_outputs=3, encoded_frames=4).text
    assert "passed over: 2 damaged frames, 1 damaged lines" in text
    assert "3 frames with an invalid output" in text
    assert "4 frames came as raw pixels" in text


def test_a_long_table_is_cut_and_json_is_not():
    many = replace(REPORT, differences=(ONE,) * (SHOWN_DIFFERENCES + 7))
    assert many.text.count("cat 90.0%") == SHOWN_DIFFERENCES
    assert "and 7 more; --json lists them all" in many.text
    assert len(json.loads(json.dumps(many.to_json()))["differences"]) == SHOWN_DIFFERENCES + 7


def test_an_empty_recording_has_a_summary_too():
    assert "0 frames\n" in replace(REPORT, frames=0, equal=0, differences=()).text
