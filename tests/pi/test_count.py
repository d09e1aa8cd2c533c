"""The tables of instructions: how they are worked out and written. Needs no emulation."""

import json

import pytest

from .count import PAGE, PLACES, marks, summary, tables, written_into
from .stage_counts import StageCounts, paired, shown_names

ENTRY = {"file": "0.tflite", "stage": "engine", "runs": 10}


def counted(model: str, engine: float, naive: dict[str, float]) -> StageCounts:
    stages = {("", "engine"): engine, ("", "rank"): 4e4}
    for frame in ("640x480", "1280x720"):
        stages |= {(frame, "decode"): 3e6, (frame, "resize"): 5e5, (frame, "whole"): 5e6}
    return StageCounts("a.tflite", model, stages, naive)


def test_what_a_loop_costs_to_start_is_not_counted():
    start, each = 700, 1000
    first = 123_456
    second = first + start + 10 * each
    third = second + start + 20 * each
    assert paired(json.dumps(ENTRY) + "\n", [first, second, third]) == {("0.tflite", "", "engine"): each}


def test_a_stage_without_its_marks_is_an_error():
    with pytest.raises(RuntimeError, match="1 stages left 2 marks"):
        paired(json.dumps(ENTRY), [1, 2])


def test_the_tables_have_the_engines_side_by_side_and_the_ratio_to_the_naive_program():
    text = tables([counted("pi4", 2.08e6, {"640x480": 14e6}), counted("pi5", 0.66e6, {})])
    lines = text.splitlines()
    assert lines[2:5] == ["| file | pi4 | pi5 |", "| --- | ---: | ---: |", "| a.tflite | 2.08 | 0.66 |"]
    assert "| a.tflite | 3.00 | 0.50 | 2.08 | 0.04 | 5.00 | 14.00 | 2.80 |" in lines
    assert "| a.tflite | 3.00 | 0.50 | 0.66 | 0.04 | 5.00 | - | - |" in lines


def test_the_summary_has_a_row_for_each_file_with_the_pis_side_by_side():
    counts = [counted("pi4", 2.08e6, {"640x480": 14e6}), counted("pi5", 0.66e6, {})]
    header, _, row = summary(counts).splitlines()
    assert header.startswith(
        "| file | decode | resize | engine, pi4 | engine, pi5 | whole, pi4 | whole, pi5 |"
    )
    assert row == "| a.tflite | 3.00 | 0.50 | 2.08 | 0.66 | 5.00 | 5.00 | 2.80 | - |"


def test_a_document_is_changed_between_the_two_comments_of_a_place_only():
    begin, end = marks("summary")
    document = f"before\n{begin}old\n{end}\nafter\n"
    assert written_into(document, "summary", "new\n") == f"before\n{begin}new\n{end}\nafter\n"
    again = written_into(written_into(document, "summary", "new\n"), "summary", "new\n")
    assert again == written_into(document, "summary", "new\n")


def test_a_document_without_a_place_for_them_is_an_error():
    begin, _ = marks("instructions")
    with pytest.raises(ValueError, match="no place for the instructions"):
        written_into(f"{begin} and no end", "instructions", "new")


def test_the_documentation_has_a_place_for_each_table():
    page = PAGE.read_text()
    for place in PLACES:
        assert "| cnn_int8.tflite |" in page.split(marks(place)[0])[1].split(marks(place)[1])[0]


def test_equal_names_are_told_apart_by_their_folders(tmp_path):
    paths = [tmp_path / "cnn/a.tflite", tmp_path / "nano/a.tflite"]
    assert shown_names(paths) == ["cnn/a.tflite", "nano/a.tflite"]
    assert shown_names(paths[:1]) == ["a.tflite"]
