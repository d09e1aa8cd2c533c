"""Service plan: from camera options to a service that runs them, checked now and not at the next boot."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

from ..camera.actions.rules import has_webhooks
from ..camera.decision import SteadyDecider
from ..camera.mqtt.broker import broker_of, has_password
from ..camera.option_text import to_arguments
from ..camera.option_values import flag_of
from ..camera.options import CameraOptions
from ..camera.session import check_options
from ..camera.session_parts import check_actions
from ..camera.sources.address import ImageFiles, LiveAddress, VideoFile
from ..classifier import open_classifier
from ..errors import BadConfiguration, PermissionRefused, UsageError
from ..masking import has_secret
from ..page.access import checked_token, parse_names
from ..page.server import listen, parse_address
from .unit import (
    LOOPBACK,
    SECRETS_NAME,
    CameraService,
    is_hidden,
    network_of,
    settings_of,
    state_of,
    uses_camera,
)

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where systemd looks for programs, whatever the PATH of who installs the service is."""

_REFUSED = {
    "once": "a service runs until it is stopped",
    "max_frames": "a service runs until it is stopped",
    "show": "a service has no screen; --serve has a page",
    "json": "nobody reads a service's output; --events writes to a file",
    "record": "a service does not record; --inbox keeps the frames worth labelling",
    "record_max_mb": "a service does not record",
}
"""Options that make no sense for a service, and why."""


def plan_service(name: str, options: CameraOptions) -> CameraService:
    """Plans a service, with every check that the camera loop makes at its start but that of the camera.

    Args:
        name: of the camera; the unit is `edgecls-NAME`.
        options: of the loop.

    Raises:
        EdgeclsError: as `edgecls camera` with these options; or they make no sense for a service.
    """
    _refuse(options)
    address = _checked(options, name)
    copied = _files(options)
    secrets = _secrets(options)
    installed = {option: settings_of(name) / path.name for option, path in copied.items()}
    run = replace(options, show=False, token=None, wait=True, **installed)
    if "EDGECLS_SOURCE" in secrets:
        run = replace(run, source=CameraOptions.source)
    if "EDGECLS_ON" in secrets:
        run = replace(run, on=())
    if "EDGECLS_MQTT_PASSWORD" in secrets:
        run = replace(run, mqtt_password_file=None)
    if "EDGECLS_MQTT" in secrets:
        run = replace(run, mqtt=None, mqtt_password_file=None)
    needs = needs_of(options.on)
    broker = broker_of(options)
    hosts = (*needs.hosts, *([broker.host] if broker else []))
    return CameraService(
        name,
        python=Path(sys.executable),
        arguments=tuple(to_arguments(run.changed())),
        description=address.description,
        uses_camera=uses_camera(address),
        network=network_of(address, options.serve, hosts),
        reads=_python_folders(),
        copied=tuple(copied.values()),
        pins=needs.pins,
        secrets=secrets,
    )


def _refuse(options: CameraOptions) -> None:
    for option in fields(options):
        reason = _REFUSED.get(option.name)
        if reason and getattr(options, option.name) not in (option.default, False):
            raise UsageError(f"{flag_of(option.name)} is not for a service: {reason}; leave it out")
    if options.wait is False:
        raise UsageError("--no-wait is not for a service: it waits for its camera; leave it out")


def _checked(options: CameraOptions, name: str) -> LiveAddress:
    """Checks what the options say, and returns the camera that they name."""
    address = check_options(options)
    if options.serve is not None:
        check_page(options.serve, options.token)
        parse_names(options.serve_name)
    if options.events:
        check_events(options.events, name)
    if options.inbox:
        _check_in_state("--inbox", options.inbox, name)
    if isinstance(address, VideoFile | ImageFiles):
        raise UsageError(f"--source {options.source}: not a camera; a service is for one that goes on")
    return address


def check_page(serve: str, token: str | None) -> None:
    """Checks what the page would, but for its port: the service may be running already.

    Raises:
        UsageError: not an address.
        BadConfiguration: no token where one is needed, or one that is easy to guess.
        PermissionRefused: a port that the system reserves for root, which the service is not.
        Unavailable: an unknown name, or an address that this machine does not have.
    """
    address = parse_address(serve)
    if token:
        checked_token(token)
    elif address.host not in LOOPBACK:
        raise BadConfiguration(
            f"--serve {address}: anyone on the network could watch; set EDGECLS_TOKEN, or leave out the host"
        )
    if 0 < address.port < _first_port():
        raise PermissionRefused(
            f"--serve {address}: only root may use port {address.port}, and the service is not root; choose "
            f"one from {_first_port()} on"
        )
    listen(replace(address, port=0), has_token=bool(token)).close()


def _first_port() -> int:
    """The first port that is not reserved for root."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 1024


def check_events(path: Path, name: str) -> None:
    """Checks that the event log lies where the service may write; a relative name does.

    Raises:
        BadConfiguration: it lies elsewhere.
    """
    _check_in_state("--events", path, name)


def _check_in_state(flag: str, path: Path, name: str) -> None:
    state = state_of(name)
    if ".." in path.parts or not (state / path).is_relative_to(state):
        raise BadConfiguration(
            f"{flag} {path}: the service may write only in {state}; write {flag} {path.name}"
        )


def _files(options: CameraOptions) -> dict[str, Path]:
    """The files that the loop reads, by option; the model is opened as the loop will do.

    Raises:
        EdgeclsError: the model cannot be opened.
        UsageError: two of them have the same name, or an action is for a label that the model does not have.
    """
    with open_classifier(
        options.model,
        engine=options.engine,
        threads=options.threads,
        threshold=options.conf,
        top=options.topk,
        labels=options.labels,
        picture_options=options.picture_options,
        require_signed=options.require_signed,
    ) as classifier:
        SteadyDecider(classifier, options.smooth, options.hold, options.conf_off)
        check_actions(options, classifier)
        files = {"model": classifier.path}
    named = {"labels": options.labels, "ca_file": options.ca_file, "mqtt_ca_file": options.mqtt_ca_file}
    files |= {name: path for name, path in named.items() if path}
    names = [SECRETS_NAME]
    for path in files.values():  # each is copied into one folder
        if path.name in names:
            raise UsageError(f"{path}: the service has another file named {path.name}; rename this one")
        names.append(path.name)
    return files


def _secrets(options: CameraOptions) -> dict[str, str]:
    """What others may not read, as environment variables: tokens, passwords, and addresses that hold one."""
    secrets = {
        "EDGECLS_SOURCE": options.source if has_secret(options.source) else None,
        "EDGECLS_TOKEN": options.token,
    }
    if options.on and has_webhooks(options.on):
        secrets["EDGECLS_ON"] = shlex.join(word for pair in options.on for word in pair)
        secrets["EDGECLS_WEBHOOK_SECRET"] = os.environ.get("EDGECLS_WEBHOOK_SECRET")
    if options.mqtt and (broker := broker_of(options)):
        secrets["EDGECLS_MQTT"] = options.mqtt if has_password(options.mqtt) else None
        secrets["EDGECLS_MQTT_PASSWORD"] = None if secrets["EDGECLS_MQTT"] else broker.password
    return {name: value for name, value in secrets.items() if value}


@dataclass(frozen=True)
class ActionNeeds:
    """What the actions of a service need of the machine."""

    hosts: tuple[str, ...] = ()
    """Of webhooks."""
    pins: tuple[str, ...] = ()
    """See `CameraService.pins`."""


def needs_of(pairs: Sequence[tuple[str, str]]) -> ActionNeeds:
    """Returns what actions need, and checks that a service can run their programs.

    Raises:
        BadConfiguration: a program is in a folder that the service does not see.
        UsageError: a program is named by a relative path.
        MissingInput, PermissionRefused: see `check_command`.
    """
    if not pairs:
        return ActionNeeds()
    from ..camera.actions.command import check_command  # noqa: PLC0415 - with actions alone
    from ..camera.actions.rules import (  # noqa: PLC0415
        CommandAction,
        PinAction,
        WebhookAction,
        parse_rules,
        pin_words,
    )

    hosts: set[str] = set()
    rules = parse_rules(pairs)
    for rule in rules:
        action = rule.action
        if isinstance(action, WebhookAction):
            hosts.add(urlsplit(action.url).hostname or "")
        elif isinstance(action, CommandAction):
            found = check_command(action, rule.name, SYSTEM_PATH)
            if not found.is_absolute():
                raise UsageError(f"--on {rule.name}: {found}: write its whole path; a service runs elsewhere")
            if is_hidden(found) or is_hidden(found.resolve()):
                raise BadConfiguration(
                    f"--on {rule.name}: {found}: hidden from services; copy it to /usr/local/bin"
                )
    pins = [rule.action for rule in rules if isinstance(rule.action, PinAction)]
    return ActionNeeds(tuple(sorted(hosts)), pin_words(pins))


def _python_folders() -> tuple[Path, ...]:
    """The environment, the Python that it was made from, and edgecls where it is installed elsewhere."""
    python, package = Path(sys.executable).resolve(), Path(__file__).resolve().parents[2]
    folders = {Path(sys.prefix), Path(sys.base_prefix), python.parent.parent, package}
    return tuple(sorted(folder for folder in folders if folders.isdisjoint(folder.parents)))
