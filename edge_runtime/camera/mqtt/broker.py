"""Broker of `--mqtt URL`: where it is, how to log in, and the topics below which everything is published.

    mqtt://HOST[:1883][/TOPIC]      mqtts://USER@HOST[:8883][/TOPIC]

The topic is `edgecls/` and this machine's name where the URL has none. A password belongs in the environment
or a file; in the URL it works too, and is masked wherever the URL is shown.
"""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ...errors import BadConfiguration, UsageError
from ...files import read_whole
from ...masking import masked
from ...text import expanded
from ..option_values import flag_of
from ..options import CameraOptions

PASSWORD_VARIABLE = "EDGECLS_MQTT_PASSWORD"  # noqa: S105 - its name
PORT, TLS_PORT = 1883, 8883
_MOST_TOPIC_BYTES = 200
"""MQTT allows 65,535; nobody means more than this."""
_PASSWORD_BYTES = 4096
_EXAMPLE = "write mqtt://host:1883/edgecls/door"


@dataclass(frozen=True)
class Broker:
    """A broker, and the topic below which a camera publishes there."""

    host: str
    port: int
    topic: str
    """Without wildcards, and without a slash at its ends: `edgecls/door`."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    is_encrypted: bool = False
    ca_file: Path | None = None
    """PEM file of the authority to trust; None: those of the system."""

    @property
    def origin(self) -> str:
        """For messages, without user and topic: `mqtt://host:1883`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt{'s' if self.is_encrypted else ''}://{host}:{self.port}"

    @property
    def device_id(self) -> str:
        """Names the camera to Home Assistant and the broker, in every run and with every model.

        >>> Broker("host", 1883, "edgecls/door").device_id
        'edgecls_door'
        """
        plain = re.sub(r"[^A-Za-z0-9-]", "_", self.topic)
        is_plain = re.fullmatch(r"[A-Za-z0-9-]+(/[A-Za-z0-9-]+)*", self.topic)
        return plain if is_plain else f"{plain}_{sha256(self.topic.encode()).hexdigest()[:8]}"

    @property
    def device_name(self) -> str:
        """For people: the last part of the topic."""
        return self.topic.rpartition("/")[2]


def broker_of(options: CameraOptions) -> Broker | None:
    """The broker of `--mqtt`.

    Raises:
        UsageError, MissingInput, PermissionRefused, BadConfiguration: see `parse_broker`.
    """
    if options.mqtt is None:
        for name in ("mqtt_password_file", "mqtt_ca_file"):
            if getattr(options, name):
                raise UsageError(f"{flag_of(name)} goes with --mqtt URL; add it, or leave this out")
        return None
    return parse_broker(options.mqtt, ca_file=options.mqtt_ca_file, password_file=options.mqtt_password_file)


def parse_broker(
    url: str,
    *,
    ca_file: Path | None = None,
    password_file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Broker:
    """Parses the URL of `--mqtt`, and finds the password.

    Args:
        url: as above.
        ca_file: of `--mqtt-ca-file`.
        password_file: of `--mqtt-password-file`; its first line is the password. Goes before the environment.
        environment: holds the password where neither the URL nor a file does.

    Raises:
        UsageError: not such a URL, or a topic that cannot be.
        MissingInput, PermissionRefused: a file cannot be read.
        BadConfiguration: a file holds no password, or no certificate.
    """
    parts = _parts(url)
    is_encrypted = parts.scheme == "mqtts"
    if ca_file:
        _check_authority(ca_file, is_encrypted=is_encrypted)
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password is not None else None
    if password is None and password_file:
        password = _first_line(password_file)
    if password is None:
        password = environment.get(PASSWORD_VARIABLE) or None
    if password is not None and user is None:
        if parts.password is not None or password_file:
            raise UsageError(f"--mqtt {masked(url)}: has a password and no user; name the user in the URL")
        password = None
    topic = unquote(parts.path.strip("/")) or f"edgecls/{_machine_name()}"
    return Broker(
        parts.hostname or "",
        parts.port or (TLS_PORT if is_encrypted else PORT),
        _checked_topic(url, topic),
        user,
        password,
        is_encrypted,
        ca_file,
    )


def has_password(url: str) -> bool:
    """Whether a URL of `--mqtt` has a password in it; one that is none might, in any place."""
    try:
        parts = urlsplit(url)
        return parts.scheme not in ("mqtt", "mqtts") or parts.password is not None or "@" in parts.path
    except ValueError:
        return True


def shown_broker(url: str) -> str:
    """What may be shown of a URL of `--mqtt`: all of it where it has no password."""
    return masked(url) if has_password(url) else url


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("mqtt", "mqtts") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or not url.isprintable() or " " in url:
        raise UsageError(f"--mqtt {masked(url)}: not a broker's address; {_EXAMPLE}")
    parts = urlsplit(url)
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise UsageError(f"--mqtt {masked(url)}: a topic has no ? and no #; {_EXAMPLE}")
    return parts


def _checked_topic(url: str, topic: str) -> str:
    shown = masked(url)
    if any(sign in topic for sign in "+#") or not topic.isprintable():
        raise UsageError(f"--mqtt {shown}: a topic has no +, no # and no control characters; {_EXAMPLE}")
    if topic.startswith("$") or "" in topic.split("/"):
        raise UsageError(f"--mqtt {shown}: a topic has no $ at its start and no empty part; {_EXAMPLE}")
    if len(topic.encode()) > _MOST_TOPIC_BYTES:
        raise UsageError(f"--mqtt: a topic of {len(topic.encode())} bytes; at most {_MOST_TOPIC_BYTES}")
    return topic


def _machine_name() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname().partition(".")[0]) or "camera"


def _first_line(path: Path) -> str:
    try:
        text = read_whole(expanded(path), _PASSWORD_BYTES).decode()
    except UnicodeDecodeError:
        raise BadConfiguration(f"{path}: not text; write the password into its first line") from None
    password = text.partition("\n")[0].rstrip("\r")
    if not password:
        raise BadConfiguration(f"{path}: holds no password; write it into its first line")
    return password


def _check_authority(path: Path, *, is_encrypted: bool) -> None:
    if not is_encrypted:
        raise UsageError(f"--mqtt-ca-file {path}: is for mqtts; write --mqtt mqtts://..., or leave it out")
    from ..sources.network.tls import trust_of  # noqa: PLC0415 - OpenSSL, which most loops do without

    trust_of(str(path), None)
