"""Actions: the sink that starts what `--on LABEL ACTION` asks for, each in a courier of its own."""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ..answer import Answer, Deliveries, Sink
from ..control import StopRequest
from ..event import Event, OnEvent
from ..outputs.courier import Courier, CourierSettings, close_all
from ..outputs.destination import Farewell
from .announced import Announced
from .command import CommandRunner, check_command
from .pins import PinBoard
from .rules import CommandAction, OnRule, PinAction, WebhookAction, parse_rules
from .webhook import Webhook, webhook_secret

MOST_PICTURES = 3
"""Pictures that wait to be sent, of all actions; older ones are given up, and their events go without."""
HOOK_MAX_AGE_S = 3600.0
"""An event that no webhook took for so long is given up."""
_MOST_NEWS = 200
_SLACK_S = 0.5


def rules_of(pairs: Sequence[tuple[str, str]]) -> tuple[OnRule, ...]:
    """Parses the pairs of `--on`, and checks what can be without a model: programs, and the webhooks' secret.

    Raises:
        UsageError: one makes no sense.
        MissingInput, PermissionRefused: a program is not there, or not executable.
        BadConfiguration: the secret is easy to guess.
    """
    rules = parse_rules(pairs)
    for rule in rules:
        if isinstance(rule.action, CommandAction):
            check_command(rule.action, rule.name)
        elif isinstance(rule.action, WebhookAction):
            webhook_secret()
    return rules


class Actions(Sink):
    """Starts actions when another label is announced. Never waits for one, and none ends the loop.

    Pins are held by a process that starts at once, so that a pin that cannot be used is said at the start.

    Args:
        rules: what to do when; their labels are checked.
        model: the model's name, for the events.
        camera: the source, without secrets.
        farewell: the time to end in, which all couriers of the session share.
        on_event: gets `output_failed`, `output_works`, `output_dropped` and `action_output`.
        stop: the loop's; ends the wait for the library of the pins.
        clock: monotonic seconds.

    Raises:
        Unavailable: a pin, or the library for pins, cannot be used.
    """

    name = "the actions"

    def __init__(
        self,
        rules: Sequence[OnRule],
        *,
        model: str,
        camera: str,
        farewell: Farewell,
        on_event: OnEvent,
        stop: StopRequest | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model, self._camera = model, camera
        self._on_event = on_event
        self._news: deque[Event] = deque(maxlen=_MOST_NEWS)
        self._run = os.urandom(4).hex()
        self._announced: str | None = None
        self._has_begun = False
        self._pictures: deque[Announced] = deque()
        self._numbers = [0] * len(rules)
        self._levels: dict[int, bool] = {}
        self._pin_rules = [rule for rule in rules if isinstance(rule.action, PinAction)]
        self._event_rules: list[tuple[OnRule, Courier[Announced]]] = []
        self._couriers: list[Courier[Any]] = []
        for rule in rules:
            destination, settings = self._destination_of(rule)
            if destination:
                courier = Courier(destination, farewell, on_event, settings, clock)
                self._event_rules.append((rule, courier))
                self._couriers.append(courier)
        pins = [rule.action for rule in self._pin_rules if isinstance(rule.action, PinAction)]
        self._board = PinBoard(pins, stop) if pins else None
        self._pins: Courier[tuple[int, str]] | None = None
        if self._board:
            self._pins = Courier(self._board, farewell, on_event, clock=clock)
            self._couriers.append(self._pins)

    @property
    def deliveries(self) -> tuple[Deliveries, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Sink.deliveries`."""
        return tuple(courier.deliveries for courier in self._couriers)

    def write(self, answer: Answer) -> None:
        """Starts what is asked for when another label is announced; see `Sink.write`."""
        before, now = self._announced, answer.announced
        if before != now or not self._has_begun:
            self._announced, self._has_begun = now, True
            for at, (rule, courier) in enumerate(self._event_rules):
                if rule.trigger.fires(before, now):
                    self._numbers[at] += 1
                    courier.offer(self._event(rule, self._numbers[at], before, answer))
            self._set_pins(before, now)
        self.idle()

    def idle(self) -> None:
        """Passes on what happened; see `Sink.idle`."""
        if self._board and self._pins:
            for pin, verb in self._board.lost.items():
                self._pins.replace((pin, "level"), (pin, verb))
        for courier in self._couriers:
            courier.tend()
        while self._news:
            self._on_event(self._news.popleft())

    def close(self) -> None:
        """Ends every action, and turns every pin off; see `Sink.close`."""
        try:
            close_all(self._couriers)
        finally:
            if self._board:
                self._board.close()
        self.idle()

    def _destination_of(self, rule: OnRule) -> tuple[CommandRunner | Webhook | None, CourierSettings]:
        match rule.action:
            case CommandAction() as action:
                settings = CourierSettings(busy=action.busy, tries_again=False)
                return CommandRunner(rule.name, action, self._news.append), settings
            case WebhookAction() as action:
                limit_s = action.limit_s + _SLACK_S  # each wait for the server has the limit itself
                settings = CourierSettings(max_age_s=HOOK_MAX_AGE_S, limit_s=limit_s)
                return Webhook(rule.name, action, webhook_secret()), settings
            case _:
                return None, CourierSettings()

    def _event(self, rule: OnRule, number: int, before: str | None, answer: Answer) -> Announced:
        frame = answer.frame
        takes_picture = isinstance(rule.action, WebhookAction) and rule.action.picture
        event = Announced(
            number=number,
            run=self._run,
            label=answer.announced,
            previous=before,
            confidence=answer.decision.shown.confidence,
            frame_number=frame.sequence,
            model=self._model,
            camera=self._camera,
            position_s=frame.position_s,
            frame=frame if takes_picture else None,
        )
        if takes_picture:
            self._pictures.append(event)
            while len(self._pictures) > MOST_PICTURES:
                self._pictures.popleft().frame = None
        return event

    def _set_pins(self, before: str | None, now: str | None) -> None:
        if self._pins is None:
            return
        levels: dict[int, bool] = {}
        for rule in self._pin_rules:
            assert isinstance(rule.action, PinAction)  # noqa: S101 - for the type
            pin, pulse_s = rule.action.pin, rule.action.pulse_s
            if pulse_s is None:
                levels[pin] = levels.get(pin, False) or rule.trigger.holds(now)
            elif rule.trigger.fires(before, now):
                self._pins.replace((pin, "pulse"), (pin, f"pulse {pulse_s:g}"))
        for pin, is_on in levels.items():
            if self._levels.get(pin, False) != is_on:
                self._levels[pin] = is_on
                self._pins.replace((pin, "level"), (pin, "on" if is_on else "off"))
