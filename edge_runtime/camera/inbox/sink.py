"""Inbox of `--inbox DIR`: the sink that chooses frames worth labelling, without ever waiting for the disk."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from math import inf

from ...errors import EdgeclsError, can_waiting_help, writing_failed
from ..answer import Answer, Sink
from ..event import OnEvent
from ..outputs.courier import Courier
from ..outputs.destination import Farewell
from .folder import CandidateFrame, InboxFolder
from .kept import Reason, margin_of

UNSURE_MARGIN = 0.3
"""The model is unsure of a frame whose best two probabilities differ by less."""
CHOICE_S = 1.0
"""From the frames of so many seconds, the one with the smallest margin is looked at more closely."""
RANDOM_CHANCE = CHOICE_S / 600
"""A random frame every ten minutes on average."""


class Inbox(Sink):
    """Keeps frames that the model was unsure of, that changed the label or are unlike all others, and a few.

    The loop only compares margins. Whether a frame is unlike the others, or the same as one, is worked out by
    a courier, which writes it too; while the disk is slow, of each kind only the newest frame waits.

    Args:
        folder: where the pictures are kept.
        farewell: the time to end in, which all couriers of the session share.
        on_event: gets `output_failed` and `output_works`.
        goes_on: whether a folder that cannot be written yet is waited for.
        clock: monotonic seconds.
        chance: of which frames are random.

    Raises:
        BadConfiguration: another camera keeps its pictures there.
        OutputFailed, PermissionRefused: nothing can be written there.
    """

    name = "the inbox"

    def __init__(
        self,
        folder: InboxFolder,
        farewell: Farewell,
        on_event: OnEvent,
        *,
        goes_on: bool = False,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        self._folder, self._clock = folder, clock
        self._chance = chance or random.Random()  # noqa: S311 - a sample, no secret
        self._courier = Courier[CandidateFrame](folder, farewell, on_event, clock=clock)
        self._least: tuple[float, Answer, datetime] | None = None
        self._choice_at_s = -inf
        try:
            folder.open()
        except (EdgeclsError, OSError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            if not isinstance(cause, OSError) or not (goes_on and can_waiting_help(cause)):
                raise (writing_failed(folder.path, error) if isinstance(error, OSError) else error) from cause

    @property
    def summary(self) -> str:
        """What it holds, for people: `12 new pictures, 340 in all`."""
        new, count = self._folder.new, len(self._folder)
        return f"{new:,} new picture{'' if new == 1 else 's'}, {count:,} in all"

    def write(self, answer: Answer) -> None:
        """Takes a closer look at some frames; see `Sink.write`."""
        if not answer.frame.is_frozen:
            margin = margin_of(answer.prediction)
            if answer.decision.changed:
                self._offer("changed", margin, answer, datetime.now(UTC))
            if self._clock() >= self._choice_at_s + CHOICE_S:
                self._choose()
                if self._chance.random() < RANDOM_CHANCE:
                    self._offer("random", margin, answer, datetime.now(UTC))
            if self._least is None or margin < self._least[0]:
                self._least = margin, answer, datetime.now(UTC)
        self._courier.tend()

    def idle(self) -> None:
        """See `Sink.idle`."""
        if self._clock() >= self._choice_at_s + CHOICE_S:
            self._choose()
        self._courier.tend()

    def close(self) -> None:
        """Keeps what waits, and gives the folder back; see `Sink.close`."""
        self._choose()
        self._courier.close()
        self._folder.close()

    def _choose(self) -> None:
        """Offers the least sure frame since the last choice."""
        self._choice_at_s = self._clock()
        if self._least:
            margin = self._least[0]
            self._offer("unsure" if margin < UNSURE_MARGIN else None, *self._least)
        self._least = None

    def _offer(self, reason: Reason | None, margin: float, answer: Answer, taken_at: datetime) -> None:
        self._courier.replace(
            reason or "any", CandidateFrame(answer, margin, self._chance.random(), taken_at, reason)
        )
