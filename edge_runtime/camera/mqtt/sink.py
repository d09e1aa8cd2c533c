"""MQTT sink: publishes what the camera sees, by a courier of its own."""

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import inf

from ...hardware import temperature_c
from ...text import printable
from ..actions.announced import jpeg_of
from ..answer import Answer, Deliveries, Sink
from ..control import COMMANDS, Control
from ..event import Event, OnEvent
from ..outputs.courier import Courier, CourierSettings
from ..outputs.destination import Farewell
from ..status import Health, Seen
from .broker import Broker
from .connection import BrokerConnection, Greeting, Message
from .discovery import LEFT_OUT, Described, discovery_payload
from .topics import HOME_ASSISTANT_STATUS, NOTHING, OFFLINE, ONLINE, UNKNOWN, Topics, Value, label_words

MOST_EVENTS = 1000
"""Events that wait for a broker that is away; then the oldest is dropped, and counted, for each new one."""
CONFIDENCE_S, DIAGNOSTICS_S = 2.0, 10.0
"""How often the confidence, and the diagnostics, are published at most while the label stays the same."""
_GREETING = "greeting"
_MOST_EARLY = 50
_MOST_COMMANDS, _COMMAND_BYTES = 20, 50
"""Commands that wait for the next frame, and what is read of each."""


class MqttSink(Sink):
    """Publishes the announced label, its confidence, diagnostics, the picture of each change, and events.

    Never waits for the broker. While that is away, of a value only the newest waits, and at most
    `MOST_EVENTS` events; each has a number, counted from 1 in this run, so that one that was dropped shows.

    Without pictures from the camera nothing is announced here, whatever was before: what a broker keeps
    looks as if it were true now.

    Args:
        broker: where.
        farewell: the time to end in, which all couriers of the session share.
        on_event: gets `output_failed`, `output_works` and `output_dropped`, and `commanded`.
        control: of the loop, for whom the broker lets publish commands; None: nobody.
        clock: monotonic seconds.
        temperature: gives that of the processor, in degrees Celsius; None where it has no sensor.
    """

    name = "mqtt"

    def __init__(
        self,
        broker: Broker,
        farewell: Farewell,
        on_event: OnEvent,
        *,
        control: Control | None = None,
        clock: Callable[[], float] = time.monotonic,
        temperature: Callable[[], float | None] = temperature_c,
    ) -> None:
        self._broker, self._farewell, self._clock = broker, farewell, clock
        self._temperature, self._control, self._on_event = temperature, control, on_event
        self._commands: deque[bytes] = deque(maxlen=_MOST_COMMANDS)
        self._newest: Answer | None = None
        self.topics = Topics(broker.topic, broker.device_id)
        greeting = Greeting(
            Message(self.topics.availability, OFFLINE.encode()),
            self._everything,
            (HOME_ASSISTANT_STATUS, *((self.topics.command,) if control else ())),
            self._note_message,
        )
        self._connection = BrokerConnection(broker, greeting, clock)
        settings = CourierSettings(most=MOST_EVENTS)
        self._courier: Courier[Message | None] = Courier(
            self._connection, farewell, on_event, settings, clock
        )
        self._lock = threading.Lock()
        self._kept: dict[str, Message] = {}
        self._home_assistant_began = threading.Event()
        self._words: Mapping[str, str] | None = None
        self._early: deque[Event] = deque(maxlen=_MOST_EARLY)
        self._run = os.urandom(4).hex()
        self._number = 0
        self._has_begun = False
        self._health = Health()
        self._label: str | None = None
        self._confidence_at_s = self._diagnostics_at_s = -inf

    @property
    def deliveries(self) -> tuple[Deliveries, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Sink.deliveries`."""
        return (self._courier.deliveries,)

    def introduce(self, seen: Seen) -> None:
        """Says what the camera is; before that, events wait and nothing is published."""
        words = label_words(seen.labels)
        degrees = self._temperature()
        described = Described(
            self._broker.device_name,
            seen.version,
            seen.name,
            list(words.values()),
            has_temperature=degrees is not None,
            takes_commands=self._control is not None,
        )
        self._keep(self.topics.discovery, discovery_payload(self.topics, described))
        self._keep(self.topics.value("model"), seen.name.encode(errors="replace"))
        self._keep(self.topics.value("label"), UNKNOWN.encode())
        self._keep(self.topics.value("health"), b"ok")
        self._words = words
        for event in self._early:
            self.event(event)
        self._early.clear()

    def event(self, event: Event) -> None:
        """Publishes an event, and notes what it says of the camera's health."""
        if event.kind in LEFT_OUT or event.facts.get("output") == self._connection.name:
            return
        if self._words is None:
            self._early.append(event)
            return
        if self._health.note_event(event):
            if not self._health.has_picture:
                self._publish_nothing()
            self._publish_health()
        self._number += 1
        values = {
            "event_type": event.kind,
            "number": self._number,
            "run": self._run,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "text": printable(event.text),
            **{key: self._fact(key, value) for key, value in event.facts.items()},
        }
        payload = json.dumps(values, separators=(",", ":"), default=str).encode()
        self._courier.offer(Message(self.topics.event, payload, is_retained=False))

    def write(self, answer: Answer) -> None:
        """Publishes what changed; see `Sink.write`."""
        self._begin()
        self._newest = answer
        now_s = self._clock()
        if self._health.note_answer(answer):
            self._diagnostics_at_s = -inf
            self._publish_health()
        if answer.frame.is_frozen:  # it says nothing about now
            self._publish_nothing()
        else:
            self._publish_answer(answer, now_s)
        has_rate = answer.timing.fps is not None or answer.frame.is_frozen
        if has_rate and now_s - self._diagnostics_at_s >= DIAGNOSTICS_S:
            self._diagnostics_at_s = now_s
            self._publish_diagnostics(answer)
        self.idle()

    def _publish_answer(self, answer: Answer, now_s: float) -> None:
        is_first = self._value("confidence") in (None, NOTHING.encode())
        is_other = answer.announced != self._label
        self._label = answer.announced
        self._set("label", self._word(answer.announced))
        if is_other or is_first:
            self._show(answer)
        if is_other or is_first or now_s - self._confidence_at_s >= CONFIDENCE_S:
            self._confidence_at_s = now_s
            self._set("confidence", f"{answer.decision.shown.confidence * 100:.1f}")

    def idle(self) -> None:
        """Keeps the connection, and passes on what happened; see `Sink.idle`."""
        self._begin()
        if self._connection.is_lost or self._home_assistant_began.is_set():
            self._home_assistant_began.clear()
            self._courier.replace(_GREETING, None)
        while self._commands:
            self._obey(printable(self._commands.popleft().decode(errors="replace")).strip().lower())
        self._courier.tend()

    def close(self) -> None:
        """Publishes what waits and that the camera is gone; see `Sink.close`."""
        self._courier.close()
        self._connection.close(
            Message(self.topics.availability, OFFLINE.encode()), self._farewell.end_left_s()
        )

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._courier.replace(_GREETING, None)

    def _everything(self) -> list[Message]:
        """All that the broker keeps; that the camera is there comes last, when the rest is true."""
        with self._lock:
            kept = list(self._kept.values())
        return [*kept, Message(self.topics.availability, ONLINE.encode())]

    def _note_message(self, topic: str, payload: bytes) -> None:
        if topic == HOME_ASSISTANT_STATUS and payload == ONLINE.encode():
            self._home_assistant_began.set()
        elif topic == self.topics.command:
            self._commands.append(payload[:_COMMAND_BYTES])

    def _obey(self, word: str) -> None:
        """Does what was asked for."""
        control = self._control
        if control is None:
            return
        match word:
            case "pause":
                control.pause("MQTT")
            case "resume":
                control.resume("MQTT")
            case "restart":
                control.restart("MQTT")
            case "snapshot" if self._newest and self._health.has_picture:
                self._on_event(Event("commanded", "MQTT asks for the picture", facts={"command": word}))
                self._show(self._newest)
            case "snapshot":
                why = f"MQTT asks for the picture, and there is none now: {self._health.state}"
                self._on_event(Event("commanded", why, facts={"refused": word}))
            case _:
                why = f"MQTT: no such command: {word!r}; write {', '.join(COMMANDS)}"
                self._on_event(Event("commanded", why, facts={"refused": word}))

    def _fact(self, key: str, value: object) -> object:
        """A detail of an event; a label as its topic has it."""
        return self._word(value) if key in ("label", "before") and isinstance(value, str) else value

    def _word(self, label: str | None) -> str:
        return UNKNOWN if label is None or self._words is None else self._words.get(label, UNKNOWN)

    def _publish_nothing(self) -> None:
        """Withdraws what is true only while there are pictures."""
        self._set("label", UNKNOWN)
        self._label = None
        for value in ("confidence", "fps", "age"):
            self._set(value, NOTHING)

    def _publish_health(self) -> None:
        self._set("health", self._health.state)

    def _publish_diagnostics(self, answer: Answer) -> None:
        timing = answer.timing
        if not answer.frame.is_frozen:
            self._set("fps", NOTHING if timing.fps is None else f"{timing.fps:.1f}")
            self._set("age", f"{timing.age_ms:.0f}")
        if (degrees := self._temperature()) is not None:
            self._set("temperature", f"{degrees:.1f}")

    def _show(self, answer: Answer) -> None:
        frame = answer.frame
        message = Message(self.topics.picture, lambda: jpeg_of(frame))
        self._keep(self.topics.picture, message.payload)
        self._courier.replace(self.topics.picture, message)

    def _value(self, value: Value) -> bytes | None:
        message = self._kept.get(self.topics.value(value))
        return message.payload if message and isinstance(message.payload, bytes) else None

    def _set(self, value: Value, text: str) -> None:
        """Publishes a value, if it is another one than before."""
        payload = text.encode(errors="replace")
        if self._value(value) != payload:
            topic = self.topics.value(value)
            self._courier.replace(topic, self._keep(topic, payload))

    def _keep(self, topic: str, payload: bytes | Callable[[], bytes | None]) -> Message:
        message = Message(topic, payload)
        with self._lock:
            self._kept[topic] = message
        return message
