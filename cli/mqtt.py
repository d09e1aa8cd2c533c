"""`edgecls mqtt`: what a camera leaves at an MQTT broker."""

from pathlib import Path
from typing import Annotated

import typer

from .. import edge_runtime
from .messages import warn
from .typed_secrets import exposed_secrets

mqtt = typer.Typer(name="mqtt", rich_markup_mode=None, no_args_is_help=True)


@mqtt.callback()
def _mqtt() -> None:
    """Remove from an MQTT broker what `edgecls camera --mqtt` published there.

    Examples:
        edgecls mqtt remove mqtt://user@host/edgecls/door
    """


@mqtt.command()
def remove(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            envvar="EDGECLS_MQTT",
            help="As `edgecls camera --mqtt` takes it.",
            show_default=False,
        ),
    ],
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read the password from the first line of this file."),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trust the certificates in this PEM file.")
    ] = None,
) -> None:
    """Clear what the broker keeps of a camera, so that Home Assistant forgets it. Stop the camera first.

    Examples:
        edgecls mqtt remove mqtt://127.0.0.1/edgecls/door
    """
    broker = edge_runtime.parse_broker(url, ca_file=ca_file, password_file=password_file)
    is_online = edge_runtime.remove_from_broker(broker)
    print(f"removed from {broker.origin}: {broker.topic}")
    if is_online:
        warn("the camera was still connected and may publish again; stop it, and repeat this")
    if exposed := exposed_secrets():
        warn(exposed)
