"""Webhooks of `--on LABEL webhook:URL`: an event is posted as JSON, signed where there is a secret for it.

    POST /hook HTTP/1.1
    X-Edgecls-Event: 3f2a9c01-17                  names the event; the same when it is tried again
    X-Edgecls-Timestamp: 1767225600               seconds since 1970, of this attempt
    X-Edgecls-Signature: sha256=...               HMAC-SHA256 of the timestamp, a dot and the body

A receiver that compares the signature, and refuses an old timestamp, knows that the event comes from somebody
who has the secret, and not from somebody who recorded an earlier one. Redirections are not followed: they
would take the event to whoever a server names.
"""

import hashlib
import hmac
import os
import socket
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException

from ...errors import BadConfiguration, EdgeclsError, Unavailable
from ..outputs.destination import Carrying, Refused
from ..sources.network.connection import Endpoint
from ..sources.network.http_client import DirectConnection
from ..sources.network.http_login import Credentials, target_of
from .announced import Announced
from .rules import WebhookAction, origin_of

SECRET_VARIABLE = "EDGECLS_WEBHOOK_SECRET"  # noqa: S105 - its name
LEAST_SECRET = 16
_TRANSIENT = (408, 425, 429)
"""Statuses below 500 after which another attempt makes sense."""


def webhook_secret() -> bytes:
    """Returns the secret of signatures from the environment; empty where the variable is not set.

    Raises:
        BadConfiguration: it is set, and empty or easy to guess: who sets it counts on signatures.
    """
    secret = os.environ.get(SECRET_VARIABLE)
    if secret is None:
        return b""
    if not secret.strip():
        raise BadConfiguration(f"{SECRET_VARIABLE}: empty; give it the secret, or unset it to sign nothing")
    if len(secret) < LEAST_SECRET:
        raise BadConfiguration(
            f"{SECRET_VARIABLE}: too short; take at least {LEAST_SECRET} characters, such as from "
            "`openssl rand -hex 32`"
        )
    return secret.encode(errors="surrogateescape")


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Returns the value of `X-Edgecls-Signature`.

    >>> signature(b"k", "0", b"{}")[:20]
    'sha256=e8a9f1dc35ec5'
    """
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook:
    """A URL as a courier's destination.

    Args:
        name: see `OnRule.name`.
        action: where to.
        secret: of the signatures; empty: there are none.
        wall_clock: seconds since 1970.
    """

    def __init__(
        self,
        name: str,
        action: WebhookAction,
        secret: bytes = b"",
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._action = action
        self._secret = secret
        self._wall_clock = wall_clock

    def deliver(self, item: Announced, attempt: Carrying) -> None:
        """Posts an event; see `Destination.deliver`.

        Raises:
            Refused: the server will not take it, however often it is asked.
            Unavailable: it is not reached, does not answer, or has a fault.
        """
        url, limit_s = self._action.url, self._action.limit_s
        connection = _Interruptible(url, limit_s, attempt)
        try:
            body = item.to_json(with_picture=self._action.picture)
            connection.request("POST", target_of(url), body, self._headers(item, body))
            status = connection.getresponse().status
        except (HTTPException, OSError, ValueError) as error:  # ValueError: a host that is no name
            if attempt.is_interrupted:
                raise Unavailable(f"{self.name}: no answer in {limit_s:g} s") from error
            raise Unavailable(f"{self.name}: {_why(url, error)}") from error
        except EdgeclsError as error:
            raise Unavailable(f"{self.name}: {error}") from error
        finally:
            connection.close()
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise Refused(
                f"{self.name}: redirects (HTTP status {status}), which is not followed; change the URL"
            )
        if status < 500 and status not in _TRANSIENT:
            raise Refused(f"{self.name}: refused (HTTP status {status}); check the URL and what it takes")
        raise Unavailable(f"{self.name}: HTTP status {status}")

    def _headers(self, item: Announced, body: bytes) -> dict[str, str]:
        url = self._action.url
        headers = {
            "Host": Endpoint.of(url).host_header,
            "User-Agent": "edgecls",
            "Content-Type": "application/json",
            "Connection": "close",
            "X-Edgecls-Event": f"{item.run}-{item.number}",
        }
        if login := Credentials.of(url):
            words = f"{login.user}:{login.password}"
            headers["Authorization"] = "Basic " + b64encode(words.encode()).decode()
        if self._secret:
            timestamp = str(int(self._wall_clock()))
            headers["X-Edgecls-Timestamp"] = timestamp
            headers["X-Edgecls-Signature"] = signature(self._secret, timestamp, body)
        return headers


class _Interruptible(DirectConnection):
    """A connection that another thread closes when the attempt takes too long."""

    def __init__(self, url: str, limit_s: float, attempt: Carrying) -> None:
        super().__init__(url, Endpoint.of(url), limit_s)
        self._attempt = attempt

    def connect(self) -> None:
        """See `DirectConnection.connect`."""
        super().connect()
        self._attempt.ends_by(self._shut)

    def _shut(self) -> None:
        if self.sock:
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # TLS, too, without its farewell


def _why(url: str, error: Exception) -> str:
    """Returns why a URL was not reached, in words; its path, which may be a secret, is not among them."""
    from ..sources.network.diagnosis import why_no_answer  # noqa: PLC0415 - for failures alone

    why = str(why_no_answer(f"{origin_of(url)}/", error))
    return why.partition("/: ")[2] or why
