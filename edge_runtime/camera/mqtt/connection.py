"""Connection to a broker: a courier's destination, which connects when there is something to deliver.

Each message is sent with quality of service 1 and counts as delivered when the broker has confirmed it. The
courier's growing pauses are the only ones: paho-mqtt neither reconnects by itself nor keeps a queue, so that
what is published after a pause is the newest.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from ...errors import Unavailable
from ..outputs.destination import Carrying
from ..pace import growing_pause_s
from .broker import PASSWORD_VARIABLE, Broker

CONNECT_S, ANSWER_S = 10.0, 10.0
"""How long a broker may take to accept a connection, and to confirm a message."""
KEEPALIVE_S = 20
"""A broker that heard nothing for one and a half times this takes the camera for gone, and we the broker."""
_STEP_S = 0.2
"""A pause is waited for in steps, so that it follows the clock."""
_SHORT_S = 5.0
"""A connection that ends sooner counts as a failure: another client with the same name may throw us out."""


@dataclass(frozen=True)
class Message:
    """Something to publish."""

    topic: str
    payload: bytes | Callable[[], bytes | None] = field(repr=False)
    """What makes it in the courier's thread, where that takes long; None: there is nothing to publish."""
    is_retained: bool = True


@dataclass(frozen=True)
class Greeting:
    """What a broker gets to know at the start of each connection."""

    will: Message
    """What it publishes by itself when the connection is lost."""
    messages: Callable[[], Sequence[Message]]
    """Everything retained; called in the courier's thread."""
    subscriptions: Sequence[str] = ()
    on_message: Callable[[str, bytes], None] = lambda _topic, _payload: None
    """Gets topic and payload of what is published now, not of what is retained; in paho's thread."""


class BrokerConnection:
    """A broker as a courier's destination.

    What it is given is a message, or None: then everything retained is published again.

    Args:
        broker: where.
        greeting: published at each connection, before anything else.
        clock: monotonic seconds.
    """

    def __init__(
        self, broker: Broker, greeting: Greeting, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = f"mqtt {broker.origin}"
        self._broker, self._greeting, self._clock = broker, greeting, clock
        self._link: Link | None = None
        self._opened_at_s = 0.0
        self._short_in_a_row = 0

    @property
    def is_lost(self) -> bool:
        """Whether there was a connection, which has ended."""
        link = self._link
        return link is not None and link.is_lost

    def deliver(self, item: Message | None, attempt: Carrying) -> None:
        """Publishes a message; see `Destination.deliver`.

        Raises:
            Unavailable: there is no connection, or no confirmation in time.
        """
        link = self._link
        is_new = link is None or link.is_lost
        try:
            if link is None or link.is_lost:
                link = self._connected(attempt)
            attempt.ends_by(link.shut)
            if item is None:
                if not is_new:
                    link.publish(self._greeting.messages(), attempt)
            else:
                link.publish([item], attempt)
        except (Unavailable, OSError, ValueError) as error:
            self._drop()
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(f"{self.name}: {why_no_link(self._broker, error)}") from error

    def close(self, last: Message, limit_s: float) -> None:
        """Publishes a last message where there is a connection, and ends it.

        Without that message, the broker publishes the will.
        """
        link, self._link = self._link, None
        if link is None or link.is_lost:
            return
        with suppress(Unavailable, OSError, ValueError):
            link.publish([last], Carrying(time.monotonic()), limit_s)
            link.leave()
        link.shut()

    def _connected(self, attempt: Carrying) -> "Link":
        self._drop()
        pause_s = growing_pause_s(self._short_in_a_row) if self._short_in_a_row else 0.0
        until_s = self._clock() + pause_s
        while (left_s := until_s - self._clock()) > 0:
            if attempt.wait(min(left_s, _STEP_S)):
                raise Unavailable(f"{self.name}: ended while waiting to connect again")
        link = Link(self._broker, self._greeting)
        try:
            link.open(attempt)
        except BaseException:
            link.end()
            raise
        self._link, self._opened_at_s = link, self._clock()
        attempt.ends_by(link.shut)
        link.subscribe(self._greeting.subscriptions)
        link.publish(self._greeting.messages(), attempt)
        return link

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link:
            is_short = self._clock() - self._opened_at_s < _SHORT_S
            self._short_in_a_row = self._short_in_a_row + 1 if is_short else 0
            link.end()


class Link:
    """One connection to a broker, from its opening to its end; a new one is made for each.

    Args:
        broker: where.
        greeting: for its will and what receives messages; None: neither, and the broker names the client.
        on_retained: gets what the broker had kept, topic and payload, in paho's thread.
    """

    def __init__(
        self,
        broker: Broker,
        greeting: Greeting | None = None,
        on_retained: Callable[[str, bytes], None] = lambda _topic, _payload: None,
    ) -> None:
        self._broker = broker
        self._changed = threading.Condition()
        self._refusal: str | None = None
        self._is_open = self._is_lost = False
        self._confirmed: set[int] = set()
        self._on_message = greeting.on_message if greeting else None
        self._on_retained = on_retained
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=broker.device_id if greeting else "",
            protocol=MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_publish, client.on_message = self._published, self._received
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.is_encrypted:
            tls = ssl.create_default_context()
            if broker.ca_file:
                tls.load_verify_locations(broker.ca_file)
            client.tls_set_context(tls)  # pyright: ignore[reportUnknownMemberType]
        if greeting:
            will = greeting.will
            assert isinstance(will.payload, bytes)  # noqa: S101 - for the type
            client.will_set(will.topic, will.payload, qos=1, retain=will.is_retained)

    @property
    def is_lost(self) -> bool:
        """Whether it has ended, whoever ended it."""
        return self._is_lost

    def open(self, attempt: Carrying) -> None:
        """Connects and logs in.

        Raises:
            Unavailable: refused, or no answer in time.
            OSError: not reached; see `why_no_link`.
        """
        self._client.connect(self._broker.host, self._broker.port, KEEPALIVE_S)
        attempt.ends_by(self.shut)
        if isinstance(connection := self._client.socket(), socket.socket):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # many small messages in a row
        self._client.loop_start()
        self._wait(lambda: self._is_open or bool(self._refusal), attempt, CONNECT_S)
        if self._refusal:
            raise Unavailable(f"mqtt {self._broker.origin}: {_refusal_text(self._refusal, self._broker)}")

    def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribes to topics; does not wait for the broker."""
        for topic in topics:
            self._client.subscribe(topic, qos=1)

    def publish(self, messages: Sequence[Message], attempt: Carrying, limit_s: float = ANSWER_S) -> None:
        """Publishes messages, and waits until the broker has confirmed all.

        Raises:
            Unavailable: not confirmed in time, or the connection ended.
        """
        sent: set[int] = set()
        for message in messages:
            payload = message.payload if isinstance(message.payload, bytes) else message.payload()
            if payload is None:
                continue
            info = self._client.publish(message.topic, payload, qos=1, retain=message.is_retained)
            if info.rc != MQTT_ERR_SUCCESS:
                raise Unavailable(f"mqtt {self._broker.origin}: connection lost")
            sent.add(info.mid)
        self._wait(lambda: sent <= self._confirmed, attempt, limit_s)
        with self._changed:
            self._confirmed -= sent

    def leave(self) -> None:
        """Says goodbye: the broker does not publish the will."""
        self._client.disconnect()
        thread = self._client._thread  # pyright: ignore[reportPrivateUsage]
        if thread:
            thread.join(0.2)  # it writes the goodbye

    def shut(self) -> None:
        """Ends the connection at once, from any thread, without a goodbye."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # TLS, too, without its farewell
        self._end()

    def end(self) -> None:
        """Ends the connection and its thread."""
        self.shut()
        self._client.loop_stop()

    def _wait(self, is_done: Callable[[], bool], attempt: Carrying, limit_s: float) -> None:
        until_s = time.monotonic() + limit_s
        with self._changed:
            while not is_done():
                left_s = until_s - time.monotonic()
                if self._is_lost or attempt.is_interrupted:
                    raise Unavailable(f"mqtt {self._broker.origin}: connection lost")
                if left_s <= 0:
                    raise Unavailable(f"mqtt {self._broker.origin}: no answer in {limit_s:g} s")
                self._changed.wait(left_s)

    def _end(self) -> None:
        with self._changed:
            self._is_lost = True
            self._changed.notify_all()

    def _connected(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._changed:
            if reason.is_failure:
                self._refusal = str(reason)
            else:
                self._is_open = True
            self._changed.notify_all()

    def _disconnected(self, _client: Client, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        self._end()

    def _published(self, _client: Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        with self._changed:
            self._confirmed.add(mid)
            self._changed.notify_all()

    def _received(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if message.retain:
            self._on_retained(message.topic, bytes(message.payload))
        elif self._on_message:
            self._on_message(message.topic, bytes(message.payload))


def why_no_link(broker: Broker, error: Exception) -> str:
    """Returns why a broker was not reached, in words."""
    from ..sources.network.diagnosis import why_no_answer  # noqa: PLC0415 - for failures alone

    if isinstance(error, ssl.SSLError | TimeoutError | ConnectionError | socket.gaierror):
        shown = f"{broker.origin}/"
        why = str(why_no_answer(shown, error)).removeprefix(f"{shown}: ")
        return why.partition("; ")[0]
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _refusal_text(reason: str, broker: Broker) -> str:
    """A refusal in words, from the reason of MQTT."""
    if reason in ("Not authorized", "Bad user name or password"):
        what = "wrong user or password" if broker.user else "wants a user and a password"
        return f"{what}; write the user into the URL, and set {PASSWORD_VARIABLE}"
    return f"refused: {reason.lower()}"
