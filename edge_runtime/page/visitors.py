"""Visitors of the page: what strangers may hold, and may cost the loop, until they have shown the token.

The loop and the page share one processor, often one core of it, and in Python one lock. So a stranger is
refused cheaply, by a few of them at a time, and all of them together get a small share of a core: a flood
waits, and neither the loop nor a viewer who has shown the token waits for it.

Nothing here locks anybody out. A stranger's place goes to a newer one, so that whoever has the token gets to
show it; and a wrong token delays the answer to that wrong token alone.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

Clock = Callable[[], float]
"""Monotonic seconds."""

MAX_STRANGERS = 48
"""Connections that have not shown the token."""
MAX_FROM_ONE = 24
"""Of these, from one address. A browser opens six, and a proxy has the same address for all."""
MAX_KNOWN = 64
"""Connections that have."""
STRANGER_S = 10.0
"""A stranger must have sent its request, with body, and taken the answer in this time; a known one must have
sent what it began to send."""
KNOWN_IDLE_S = 60.0
"""A known connection may be silent for this time between two requests."""

STRANGERS_SHARE, ACCEPTING_SHARE = 0.03, 0.03
"""Of one core: for what all strangers ask together, some 100 refusals a second on two cores of a PC; and for
accepting connections, some 1,000 a second, of which those with the token are known at once."""
OPEN_SHARE = 0.07
"""Without a token, everybody who opens the page is a stranger at first; they are on this machine alone."""
BURST_S = 0.02
"""Processor time that they may use at once, after a pause."""

FIRST_DELAY_S, LONGEST_DELAY_S = 0.5, 8.0
"""Of the answer to a wrong token: twice as long each time, by the address that it came from."""
FORGIVEN_S = 300.0
"""After this time without a wrong token, the next one is the first again."""
_MAX_GUILTY = 1000
"""Addresses remembered for wrong tokens."""


class Feed(Protocol):
    """An answer without an end."""

    def more(self, now_s: float) -> bytes:
        """Returns what is to be sent now; empty where nothing is."""
        ...


@dataclass(eq=False)
class Visitor:
    """One connection."""

    origin: str
    """Its address, or the part of it that belongs to one network."""
    since_s: float
    """When it was accepted, was answered last, or, once known, sent or took something."""
    is_known: bool = False
    """It has shown the token; without a token, it watches."""
    is_served: bool = False
    """A whole request has arrived, and waits for its answer."""
    is_refused: bool = False
    """Its last request was refused, which ends the connection."""
    held_until_s: float = 0.0
    """The answer to a wrong token waits until then."""
    stream: Feed | None = None
    """What it is being sent, as it comes; its connection takes no further request."""


class Budget:
    """Processor time for strangers: a share of one core, used up in bursts.

    Args:
        share: of one core, 0 to 1.
        burst_s: processor time that may be used at once.
        clock: monotonic seconds.
    """

    def __init__(self, share: float, burst_s: float = BURST_S, clock: Clock = time.monotonic) -> None:
        self._share = share
        self._burst_s = burst_s
        self._clock = clock
        self._left_s, self._at_s = burst_s, clock()
        self._lock = threading.Lock()

    def spend(self, cpu_s: float) -> None:
        """Takes processor time; more than there is must be waited for."""
        with self._lock:
            self._grow()
            self._left_s -= cpu_s

    @property
    def pause_s(self) -> float:
        """How long strangers must wait; 0 while some time is left."""
        with self._lock:
            self._grow()
            return max(0.0, -self._left_s / self._share)

    def _grow(self) -> None:
        now_s = self._clock()
        self._left_s = min(self._burst_s, self._left_s + (now_s - self._at_s) * self._share)
        self._at_s = now_s


class WrongTokens:
    """Counts wrong tokens by where they came from, in bounded memory, for the delay of the answer.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._guilty: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def hold(self, visitor: Visitor) -> None:
        """Delays the answer to a visitor that has brought a wrong token."""
        with self._lock:
            now_s = self._clock()
            count, last_s = self._guilty.pop(visitor.origin, (0, now_s))
            count = count + 1 if now_s - last_s < FORGIVEN_S else 1
            self._guilty[visitor.origin] = count, now_s
            if len(self._guilty) > _MAX_GUILTY:
                self._guilty.popitem(last=False)
        visitor.held_until_s = now_s + min(FIRST_DELAY_S * 2 ** min(count - 1, 16), LONGEST_DELAY_S)


def origin_of(address: str) -> str:
    """Returns what counts as one address: of IPv6, the 64 bits that one network has."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def to_close_for(new: str, visitors: Collection[Visitor]) -> Visitor | None:
    """Returns the stranger that makes room for a new one; None where there is room.

    It is one of the same origin where that has its share, otherwise one of the origin that has the most: so a
    single origin takes places from itself alone. Of these, it is the one that has been there for longest, and
    one whose request has not arrived rather than one that waits for its answer.

    Args:
        new: `Visitor.origin` of the new one.
        visitors: all that are connected.
    """
    strangers = [visitor for visitor in visitors if not visitor.is_known]
    counts: dict[str, int] = {}
    for visitor in strangers:
        counts[visitor.origin] = counts.get(visitor.origin, 0) + 1
    if counts.get(new, 0) >= MAX_FROM_ONE:
        crowd = new
    elif len(strangers) >= MAX_STRANGERS:
        crowd = max(counts, key=counts.__getitem__)
    else:
        return None
    them = (visitor for visitor in strangers if visitor.origin == crowd)
    return min(them, key=lambda each: (each.is_served, each.since_s))


def is_overdue(visitor: Visitor, now_s: float, *, is_sending: bool) -> bool:
    """Whether a connection has had its time.

    Args:
        visitor: whose it is.
        now_s: monotonic seconds.
        is_sending: a request has arrived in part.
    """
    if visitor.is_served or now_s < visitor.held_until_s:
        return False
    limit_s = STRANGER_S if is_sending or not visitor.is_known else KNOWN_IDLE_S
    return now_s - max(visitor.since_s, visitor.held_until_s) >= limit_s
