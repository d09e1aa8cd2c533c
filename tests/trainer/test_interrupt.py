import operator
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest
from edgecls.trainer.interrupt import Interrupts


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
