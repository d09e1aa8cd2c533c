from dataclasses import replace

import pytest
from edgecls.benchmarks.pipeline.frames import VGA
from edgecls.benchmarks.pipeline.goals import Goal, goals
from edgecls.benchmarks.pipeline.report import (
    AgeReport,
    AgeSample,
    Agreement,
    CallReport,
    IdleReport,
    PipelineReport,
)

from .reports import OURS, REPORT, idle_run, size_report, way


def missed(report: PipelineReport) -> list[str]:
    return [goal.text for goal in goals(report) if not goal.met]


def with_vga(**changes) -> PipelineReport:
    return replace(REPORT, sizes=(replace(size_report(VGA), **changes), REPORT.sizes[1]))


def test_a_healthy_machine_misses_none():
    assert missed(REPORT) == []
    assert len(goals(REPORT)) == 14


SLOW = replace(REPORT.calls, classify=way("classify", ("classify", "label"), 30, 2))
LABEL_TOO = CallReport(way("classify", ("classify", "label"), 23, 20), REPORT.calls.call)
LATE = AgeReport(30.0, tuple(AgeSample(number, 333.4 + 45, 333.4) for number in range(45)))
TWICE = AgeReport(30.0, (*REPORT.age.samples, REPORT.age.samples[-1]))


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (with_vga(ours=way("edgecls", OURS, 1200, 20, 25, 5)), ["naive / edgecls", "edgecls / floor"]),
        (with_vga(ours=way("edgecls", OURS, 500, 20, 200, 5)), ["edgecls / floor"]),
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
