"""Removal: clears at a broker what a camera left there, so that Home Assistant forgets it."""

import threading
import time

from ...errors import Unavailable
from ..outputs.destination import Carrying
from .broker import Broker
from .connection import Link, Message, why_no_link
from .topics import ONLINE, Topics

_LISTENS_S = 0.5
"""A broker sends what it keeps at once after a subscription."""


def remove_from_broker(broker: Broker) -> bool:
    """Clears every retained topic of a camera.

    Returns:
        Whether the camera is still connected, and so will publish them again.

    Raises:
        Unavailable: the broker is not reached, refuses, or does not confirm.
    """
    topics = Topics(broker.topic, broker.device_id)
    is_online = threading.Event()

    def note(topic: str, payload: bytes) -> None:
        if topic == topics.availability and payload == ONLINE.encode():
            is_online.set()

    link = Link(broker, on_retained=note)
    attempt = Carrying(time.monotonic())
    try:
        link.open(attempt)
        link.subscribe([topics.availability])
        is_online.wait(_LISTENS_S)
        link.publish([Message(topic, b"") for topic in topics.retained], attempt)
        link.leave()
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"{broker.origin}: {why_no_link(broker, error)}; check the address, and that the broker runs"
        ) from error
    finally:
        link.end()
    return is_online.is_set()
