import os
import signal
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


def test_afterwards_the_handler_is_the_one_before():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
