import json
from dataclasses import replace

import pytest

from edgecls.benchmarks.frames import VGA
from tests.tools.reports import OURS, REPORT, idle_run, pipeline, size_report
from tools.pipeline_report import (
    AgeReport,
    AgeSample,
    Agreement,
    CallReport,
    Goal,
    IdleReport,
    PipelineReport,
    goals,
    render,
    to_json,
)


def missed(report: PipelineReport) -> list[str]:
    return [goal.text for goal in goals(report) if not goal.met]


def with_vga(**changes) -> PipelineReport:
    return replace(REPORT, sizes=(replace(size_report(VGA), **changes), REPORT.sizes[1]))


def test_a_healthy_machine_misses_none():
    assert missed(REPORT) == []
    assert len(goals(REPORT)) == 14


SLOW = replace(REPORT.calls, classify=pipeline("classify", ("classify", "label"), 30, 2))
LABEL_TOO = CallReport(pipeline("classify", ("classify", "label"), 23, 20), REPORT.calls.call)
LATE = AgeReport(30.0, tuple(AgeSample(number, 333.4 + 45, 333.4) for number in range(45)))
TWICE = AgeReport(30.0, (*REPORT.age.samples, REPORT.age.samples[-1]))


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (with_vga(ours=pipeline("edgecls", OURS, 1200, 20, 25, 5)), ["naive / edgecls", "edgecls / floor"]),
        (with_vga(ours=pipeline("edgecls", OURS, 500, 20, 200, 5)), ["edgecls / floor"]),
        (with_vga(agreement=Agreement(989, 1000)), ["640x480, same label as naive"]),
        (replace(REPORT, calls=SLOW), ["classify on a ready input"]),
        (replace(REPORT, age=LATE), ["p50", "p95", "p99"]),
        (replace(REPORT, age=TWICE), ["classified twice or out of order"]),
        (replace(REPORT, idle=IdleReport(30, (idle_run(cpu_share=0.16),), ())), ["processor"]),
        (replace(REPORT, idle=IdleReport(30, (idle_run(), idle_run(memory_mb=131)), ())), ["memory"]),
        (replace(REPORT, idle=IdleReport(30, (idle_run(first_label_s=0.6),), ())), ["first label"]),
    ],
)
def test_what_falls_short_is_missed_and_nothing_else_is(report, reason):
    texts = missed(report)
    assert len(texts) == len(reason)
    assert all(part in text for part, text in zip(reason, texts, strict=True))


def test_the_time_for_a_label_is_no_part_of_the_call():
    assert missed(replace(REPORT, calls=LABEL_TOO)) == []


def test_without_a_naive_way_its_goals_are_not_there():
    texts = [goal.text for goal in goals(with_vga(naive=None, agreement=None))]
    assert [text for text in texts if text.startswith("640x480")] == ["640x480, edgecls / floor"]


def test_a_goal_is_a_sentence_with_its_unit():
    goal = Goal("processor", 0.162, 0.15, "at most", "{:.1%} of a core")
    assert goal.line == "MISSED: processor: 16.2% of a core, goal at most 15.0% of a core"
    assert replace(goal, value=0.15).line.startswith("met: processor: 15.0%")


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
    busy = replace(
        REPORT, machine=replace(REPORT.machine, load=5.0), notes=("the naive program was left out",)
    )
    text = render(busy)
    assert "\nwarning: the machine was busy: load 5.00 on 2 cores" in text
    assert "\nnote: the naive program was left out" in text
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
