"""HTTP client of network cameras: follows redirections, logs in, and keeps a connection for the next request.

It always connects directly, as a proxy in the environment rarely reaches a camera on the local network.
"""

import http.client
from http.client import HTTPConnection, HTTPException, HTTPResponse

from ....errors import Unavailable
from ..address import masked
from ..capture_process import ANY_AUTHORITY, CaptureNotice, Notify, Trust
from .connection import Endpoint, connect, no_notice
from .diagnosis import why_no_answer, why_refused
from .http_login import Login, target_of
from .redirection import credentials_for, redirected

_MAX_REQUESTS = 8
"""For one picture or stream: redirections and logins."""
_REDIRECTIONS = (301, 302, 303, 307, 308)
_GOOD = (200, 203, 206)
"""206: some cameras call an endless stream a part of one."""
_HEADERS = {"User-Agent": "edgecls", "Accept": "*/*"}
_MAX_UNREAD_BYTES = 65_536

# Some cameras send more than the hundred headers that Python allows, and it has no other way to allow them.
setattr(http.client, "_MAXHEADERS", 1000)  # noqa: B010 - pyright refuses an assignment


class HttpClient:
    """Asks one URL for a stream, or again and again for a picture.

    Args:
        url: http(s); may hold a user and a password, for Basic and Digest authentication.
        timeout_s: for connecting, and for each silence afterwards.
        trust: which certificates are trusted.
        notify: gets what connecting waits for.
    """

    def __init__(
        self, url: str, timeout_s: float, trust: Trust = ANY_AUTHORITY, notify: Notify = no_notice
    ) -> None:
        self.url = url
        self.final_url = url
        """Where redirections have led to."""
        self._asked_url = url
        self._timeout_s = timeout_s
        self._trust = trust
        self._notify = notify
        self._logins: dict[Endpoint, Login | None] = {}
        self._connection: DirectConnection | None = None

    @property
    def is_redirected(self) -> bool:
        """Whether the last response came from another URL."""
        return self.final_url != self.url

    def get(self, *, keeps_alive: bool = False) -> HTTPResponse:
        """Requests the URL; the response has a status that comes with content.

        Args:
            keeps_alive: whether the connection shall serve the next request too.

        Raises:
            Unavailable: not reached, not by HTTP, not trusted, or refused.
        """
        try:
            return self._get(keeps_alive=keeps_alive)
        except (HTTPException, OSError, ValueError) as error:  # ValueError: a host that is no name
            self.close()
            self._notify(CaptureNotice("answered"))  # to find out why takes seconds, which it shall have
            why = why_no_answer(self._asked_url, error)
            if self._asked_url != self.url:
                why = Unavailable(f"{masked(self.url)}: redirects to {why}")
            raise why from error

    def close(self) -> None:
        """Closes the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _get(self, *, keeps_alive: bool) -> HTTPResponse:
        url, login = self.url, self._login_of(self.url)
        was_challenged = False
        response = self._request(url, login, keeps_alive=keeps_alive)
        for _ in range(_MAX_REQUESTS):
            location = response.headers.get("Location")
            if response.status in _REDIRECTIONS and location:
                url = redirected(self.url, url, location, ("http", "https"))
                login, was_challenged = self._login_of(url), False
            elif response.status == 401 and login:
                supported = login.challenge(response.headers.get_all("WWW-Authenticate", []))
                if not supported or (was_challenged and not login.is_stale):
                    break
                was_challenged = True
            else:
                break
            self._finish(response)
            response = self._request(url, login, keeps_alive=keeps_alive)
        self.final_url = url
        if response.status in _REDIRECTIONS:
            raise Unavailable(self._why_redirected(response))
        if response.status not in _GOOD:
            raise why_refused(self.url, response.status, has_login=login is not None, final_url=url)
        return response

    def _login_of(self, url: str) -> Login | None:
        """Returns the login for a URL; kept for each server, as its challenge holds for later requests."""
        endpoint = Endpoint.of(url)
        if endpoint not in self._logins:
            credentials = credentials_for(url, self.url)
            self._logins[endpoint] = Login(credentials) if credentials else None
        return self._logins[endpoint]

    def _request(self, url: str, login: Login | None, *, keeps_alive: bool) -> HTTPResponse:
        self._asked_url = url
        endpoint, target = Endpoint.of(url), target_of(url)
        header = login.header(target) if login else None
        headers = _HEADERS | {
            "Host": endpoint.host_header,
            "Connection": "keep-alive" if keeps_alive else "close",
        }
        if header:
            headers["Authorization"] = header
        kept = self._connection
        if kept and kept.endpoint == endpoint:
            try:
                kept.request("GET", target, headers=headers)
                return kept.getresponse()
            except (HTTPException, OSError):  # the camera has closed it meanwhile
                pass
        self.close()
        self._connection = DirectConnection(url, endpoint, self._timeout_s, self._trust, self._notify)
        self._connection.request("GET", target, headers=headers)
        return self._connection.getresponse()

    def _finish(self, response: HTTPResponse) -> None:
        """Reads a short response to its end, so that the connection can be used again."""
        if response.will_close or response.length is None or response.length > _MAX_UNREAD_BYTES:
            response.close()
            self.close()
        else:
            response.read()

    def _why_redirected(self, response: HTTPResponse) -> str:
        shown = masked(self.url)
        if not response.headers.get("Location"):
            return f"{shown}: HTTP status {response.status} without a new address; check the path"
        return f"{shown}: redirects in a circle, to {masked(self.final_url)}; check path, user and password"


class DirectConnection(HTTPConnection):
    """Connects by `network.connect`, which knows about zones, notices and trust."""

    def __init__(
        self,
        url: str,
        endpoint: Endpoint,
        timeout_s: float,
        trust: Trust = ANY_AUTHORITY,
        notify: Notify = no_notice,
    ) -> None:
        super().__init__(endpoint.host, endpoint.port, timeout=timeout_s)
        self.endpoint = endpoint
        self._arguments = url, timeout_s, trust, notify

    def connect(self) -> None:
        """Connects; raises what `network.connect` does."""
        try:
            self.sock = connect(*self._arguments)
        except Unavailable as error:  # another certificate than the pinned one
            raise Unavailable(f"{masked(self._arguments[0])}: {error}") from error
