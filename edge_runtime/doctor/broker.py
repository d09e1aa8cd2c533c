"""Check of the broker of `camera --mqtt`: whether it answers, is trusted and lets us in."""

import ssl
import time
from pathlib import Path

from ..camera.mqtt.broker import Broker, broker_of
from ..camera.mqtt.connection import Link, why_no_link
from ..camera.options import CameraOptions
from ..camera.outputs.destination import Carrying
from ..errors import EdgeclsError, Unavailable
from .finding import Finding, from_error, ok, problem

_LOCAL = ("localhost", "127.0.0.1", "::1")


def check_broker(options: CameraOptions, root: Path) -> Finding:
    """Connects to the broker and logs in; nothing is published.

    Args:
        options: with `mqtt`.
        root: of the file system.
    """
    try:
        broker = broker_of(options)
    except EdgeclsError as error:
        return from_error("broker", error)
    assert broker  # noqa: S101 - for the type
    link = Link(broker)
    try:
        link.open(Carrying(time.monotonic()))
        link.leave()
    except Unavailable as error:
        what, _, advice = str(error).partition("; ")
        return problem("broker", what.removeprefix("mqtt "), advice=advice or "check its log")
    except (OSError, ValueError) as error:
        return _not_reached(broker, error, root)
    finally:
        link.end()
    return ok("broker", f"{broker.origin}: answers, and takes the user" if broker.user else broker.origin)


def _not_reached(broker: Broker, error: Exception, root: Path) -> Finding:
    what = f"{broker.origin}: {why_no_link(broker, error)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = "give its authority's certificate with --mqtt-ca-file FILE"
        return problem("broker", what, advice=advice)
    if isinstance(error, ConnectionRefusedError) and broker.host in _LOCAL:
        if not (root / "usr/sbin/mosquitto").exists():
            return problem("broker", what, "sudo apt install -y mosquitto")
        return problem("broker", what, "sudo systemctl start mosquitto")
    return problem("broker", what, advice="check the address, and that the broker runs")
