import io
import operator
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from edgecls.trainer.progress import Interrupts, TerminalProgress
from edgecls.trainer.report import Epoch, Metrics
from tests.fakes import Terminal


def test_an_interrupt_that_somebody_swallows_is_raised_again_at_the_next_check():
    with Interrupts() as interrupts:
        interrupts.check()
        with suppress(KeyboardInterrupt):  # as Python does in a `__del__`
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


class Dying:
    """Calls something where Python drops every exception."""

    def __init__(self, last_words: Callable[[], object]) -> None:
        self.last_words = last_words

    def __del__(self) -> None:
        self.last_words()


def test_an_interrupt_that_python_drops_is_not_told_of_and_other_errors_are(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: told.append(dropped.exc_type))
    with Interrupts() as interrupts:
        Dying(lambda: os.kill(os.getpid(), signal.SIGINT))
        assert told == []
        Dying(lambda: int("no number"))
        assert told == [ValueError]
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_afterwards_the_handlers_are_those_of_before():
    def handlers():
        return signal.getsignal(signal.SIGINT), sys.unraisablehook

    before = handlers()
    with Interrupts():
        assert not any(map(operator.is_, handlers(), before))
    assert handlers() == before


EPOCH = Epoch(1, 11.6, Metrics(1.5339, 0.4386), Metrics(1.347, 0.5268), Metrics(1.3377, 0.5185))


def drive(stream: io.StringIO) -> str:
    with TerminalProgress(stream) as progress:
        progress.message("digits: 10 classes")
        for done in range(1, 4):
            progress.images_read(done, 3)
        for number in (1, 2):
            progress.epoch_started(number, 12, batches=2)
            progress.batches_done(1, 1.53, 0.43)
            time.sleep(0.12)  # the bar is drawn ten times a second
            progress.batches_done(2, 1.50, 0.45)
            progress.epoch_done(EPOCH)
    return stream.getvalue()


def test_in_a_log_there_is_one_line_for_each_epoch_under_one_heading_with_the_time_left():
    lines = drive(io.StringIO()).splitlines()
    assert lines[0] == "digits: 10 classes"
    assert lines[1] == "edgecls: reading 3 images ..."
    assert lines[2].split() == [
        "epoch", "loss", "acc", "val_loss", "val_acc", "test_loss", "test_acc", "time", "left"
    ]  # fmt: skip
    figures = ["1.5339", "0.4386", "1.3470", "0.5268", "1.3377", "0.5185"]
    assert lines[3].split() == ["1/12", *figures, "12", "s", "-"]
    assert lines[4].split() == ["1/12", *figures, "12", "s", "2", "min"]
    assert len(lines) == 5
    assert {len(line) for line in lines[2:]} == {79}  # columns under their names, on a terminal of 80


def test_start_up_does_not_count_in_the_time_left():
    stream = io.StringIO()
    with TerminalProgress(stream) as progress:
        for number, seconds in ((1, 60.0), (2, 1.0), (3, 3.0)):
            progress.epoch_started(number, 13, batches=2)
            progress.epoch_done(replace(EPOCH, number=number, seconds=seconds))
    assert [line.split()[-2:] for line in stream.getvalue().splitlines()[2:]] == [["11", "s"], ["20", "s"]]


def test_quiet_leaves_warnings_alone():
    stream = io.StringIO()
    with TerminalProgress(stream, quiet=True) as progress:
        progress.message("digits: 10 classes")
        progress.images_read(3, 3)
        progress.warn("the teacher has changed")
        progress.epoch_started(1, 12, batches=2)
        progress.epoch_done(EPOCH)
    assert stream.getvalue() == "warning: the teacher has changed\n"


def test_on_a_terminal_a_bar_shows_the_way_and_leaves_only_the_lines():
    shown = drive(Terminal())
    assert "reading 3 images" in shown
    assert "epoch 1/12" in shown
    assert "loss: 1.5000, accuracy: 0.4500" in shown
    last = shown.splitlines()[-1].rsplit("\r", 1)[-1]
    assert last.split()[0] == "1/12"


def test_an_interrupted_bar_is_taken_away():
    stream = Terminal()
    try:
        with TerminalProgress(stream) as progress:
            progress.epoch_started(1, 2, batches=5)
            progress.batches_done(1, 1.0, 0.5)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert stream.getvalue().endswith("\r")
