"""The sink that shows answers and events on a page."""

from ..camera.answer import Answer
from ..camera.event import Event
from ..camera.sink import Sink
from ..hardware import temperature_c
from .address import link, listen, parse_address
from .app import PageApp
from .guard import Guard, checked_token
from .live import Live
from .seats import Seats
from .server import PageServer


class PageSink(Sink):
    """Serves the page from when it is made.

    Args:
        address: `HOST:PORT`; see `parse_address`.
        token: asked of every viewer; without one, only this machine is served.

    Raises:
        UsageError: not an address.
        BadConfiguration: no token where one is needed, or a port in use.
        PermissionRefused: a port that the system keeps for root.
    """

    def __init__(self, address: str, token: str | None = None) -> None:
        token = "" if token is None else checked_token(token)
        where = parse_address(address)
        listening = listen(where, has_token=bool(token))
        self.link = link(listening, where)
        """What a person opens."""
        self.link_with_token = link(listening, where, token)
        """The same, and it lets whoever has it in: for a terminal, not for a log."""
        self._live = Live(temperature_c)
        guard = Guard(where.host, listening.getsockname()[1], token)
        self._server = PageServer(PageApp(self._live, guard, Seats()), listening)

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        self._live.answered(answer)

    def idle(self) -> None:
        """See `Sink.idle`."""
        self._live.tick()

    def event(self, event: Event) -> None:
        """Shows an event."""
        self._live.happened(event)

    def close(self) -> None:
        """See `Sink.close`."""
        self._live.close()
        self._server.close()
