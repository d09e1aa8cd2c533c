"""Steps of long commands: how much of them a log, a terminal and `--verbose` show."""

import sys

import pytest

from edgecls.cli import messages
from edgecls.cli.messages import StepLine, Verbosity
from tests.fakes import Terminal

STEPS = ("timing: window 1 of 2, nano", "timing: window 2 of 2, nano", "")


@pytest.fixture
def at(monkeypatch, capsys):
    def run(level: Verbosity) -> list[str]:
        monkeypatch.setattr(messages, "_chosen", level)
        show = StepLine()
        for step in STEPS:
            show(step)
        return capsys.readouterr().err.splitlines()

    return run


def test_a_log_has_a_line_for_each_kind_of_step_and_with_verbose_for_each_step(at):
    assert at(Verbosity.QUIET) == []
    assert at(Verbosity.NORMAL) == ["edgecls: timing ..."]
    assert at(Verbosity.VERBOSE) == [f"edgecls: {step} ..." for step in STEPS[:2]]


def test_a_step_is_cut_where_a_terminal_would_wrap_it(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys, "stderr", Terminal())
    StepLine()(STEPS[0])
    assert sys.stderr.getvalue() == f"\r\033[K{STEPS[0][:19]}"


@pytest.mark.parametrize(
    ("typed", "again"),
    [
        (["train"], "train --epochs 24"),
        (["train", "--data", "my pets", "--epochs", "12"], "train --data 'my pets' --epochs 24"),
        (["train", "--epochs=12", "--resume", "--seed", "1"], "train --seed 1 --epochs 24"),
    ],
)
def test_the_same_command_with_another_value_can_be_typed(monkeypatch, typed: list[str], again: str):
    monkeypatch.setattr(sys, "argv", ["edgecls", *typed])
    assert messages.same_command("--epochs", "24") == f"edgecls {again}"
