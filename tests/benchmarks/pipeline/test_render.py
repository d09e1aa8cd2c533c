import json
from dataclasses import replace

from edgecls.benchmarks.pipeline.json_report import to_json
from edgecls.benchmarks.pipeline.render import render

from .reports import REPORT


def rows(text: str) -> dict[str, list[str]]:
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"
    ]
    return {first: rest for first, *rest in cells}


def test_each_way_is_a_row_with_its_stages_in_microseconds():
    table = rows(render(REPORT))
    assert table["microseconds"] == ["decode", "swap", "resize", "scale", "engine", "rank", "total", "ratio"]
    assert table["640x480 edgecls"] == ["500", "-", "20", "-", "25", "5", "550", "1.00"]
    assert table["640x480 naive"] == ["1,500", "200", "700", "5", "80", "3", "2,488", "4.52"]
    assert table["640x480 floor"][-2:] == ["522", "0.95"]
    assert "1280x720 naive" in table


def test_the_camera_program_and_the_naive_one_stand_side_by_side():
    table = rows(render(REPORT))
    assert table["edgecls camera"] == ["8.0", "29.9", "70", "60", "110", "0.30"]
    assert table["naive program"][0] == "12.0"


def test_the_ages_the_calls_and_the_goals_are_said():
    text = render(REPORT)
    assert rows(text)["age when the label comes"][0] == "354.0"
    assert (
        "engine call 22.0 us, Classifier.classify 23.5 us (1.07 times that), with its label 25.5 us (1.16)"
        in text
    )
    assert "same label on 1,000 frames: 99.5% with naive, 99.8% with edgecls after a full decode." in text
    assert "\nmet: 640x480, naive / edgecls: 4.52, goal at least 3.00" in text
    assert "MISSED" not in text


def test_what_was_left_out_and_a_busy_machine_are_said():
    busy = replace(REPORT, machine=replace(REPORT.machine, load=5.0), notes=("the naive way was left out",))
    text = render(busy)
    assert "\nwarning: the machine was busy: load 5.00 on 2 cores" in text
    assert "\nnote: the naive way was left out" in text
    assert "warning" not in render(REPORT)


def test_without_a_naive_way_there_is_no_row_for_it():
    sizes = tuple(replace(size, naive=None, agreement=None) for size in REPORT.sizes)
    text = render(replace(REPORT, sizes=sizes, naive_model=None, idle=replace(REPORT.idle, naive=())))
    assert not any("naive" in name for name in rows(text))
    assert "same label on 1,000 frames: 99.8% with edgecls after a full decode." in text


def test_every_line_fits_in_110_columns():
    assert max(map(len, render(REPORT).splitlines())) <= 110


def test_json_is_one_line_with_every_sample_and_every_goal():
    text = to_json(REPORT)
    assert text.count("\n") == 1
    document = json.loads(text)
    assert document["kind"] == "pipeline"
    assert document["figures"]["sizes"]["640x480"]["ms"]["edgecls"]["total"] == 0.55
    assert document["sizes"][0]["ours"]["windows"][0][0] == [500_000, 20_000, 25_000, 5_000]
    assert len(document["age"]["samples"]) == 45
    assert all(goal["met"] for goal in document["goals"])
    assert document["machine"]["cores"] == 2
