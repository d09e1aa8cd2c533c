"""From the options of `edgecls camera` to a service that runs it: checked now, not at the next boot."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .model_options import open_classifier
from .size_option import size_px_of
from .view_options import view_of

if TYPE_CHECKING:
    from ..edge_runtime.camera.sources.address import LiveAddress
    from ..edge_runtime.service.unit import CameraService


_REFUSED = {
    "once": "a service goes on",
    "max_frames": "a service goes on",
    "show": "a service has no screen; --serve has a page",
    "as_json": "nobody reads a service's output; --events writes to a file",
    "record": "its second start would find a recording there; --events is for a service",
    "record_max_mb": "a service does not record",
    "replay": "a replay is over soon",
}
"""Options of `camera` that make no sense here, and why."""

Values = dict[str, Any]
"""The options of `camera` by name, as text and numbers."""


def plan_service(name: str, camera: Any, arguments: list[str]) -> "CameraService":
    """Works out a service, with every check that the camera loop makes at its start but that of the camera.

    Args:
        name: of the camera.
        camera: typer's command `camera`, which reads its own options.
        arguments: these options.

    Raises:
        EdgeclsError: as `edgecls camera` with these options; or they make no sense for a service.
    """
    from ..edge_runtime.service.unit import CameraService, network_of, settings_of, uses_camera

    values = _read(camera, arguments)
    address = _checked(values, name)
    copied = _files(values)
    secrets = _secrets(values, address)
    told = values | {option: str(settings_of(name) / path.name) for option, path in copied.items()}
    told |= {"show": False, "token": None}
    if "EDGECLS_SOURCE" in secrets:
        told["source"] = None
    return CameraService(
        name,
        python=Path(sys.executable),
        arguments=tuple(_as_typed(camera, told)),
        description=address.description,
        uses_camera=uses_camera(address),
        network=network_of(address, values["serve"]),
        reads=_python_folders(),
        copied=tuple(copied.values()),
        secrets=secrets,
    )


def _read(camera: Any, arguments: list[str]) -> Values:
    from ..edge_runtime.errors import UsageError

    try:
        values = dict(camera.make_context("edgecls camera", list(arguments)).params)
    except typer.TyperException as error:
        message = error.format_message().removesuffix(".")
        raise UsageError(f"{message}; see `edgecls camera --help`") from error
    for option in camera.params:
        if option.name in _REFUSED and values[option.name] not in (None, False):
            raise UsageError(f"{option.opts[0]} is not for a service: {_REFUSED[option.name]}; leave it out")
    return values


def _checked(values: Values, name: str) -> "LiveAddress":
    """Checks what stands in the options, and gives the camera that they name."""
    from ..edge_runtime.camera.pace import parse_share
    from ..edge_runtime.camera.sources.address import ImageFiles, VideoFile, parse_source
    from ..edge_runtime.errors import UsageError
    from ..edge_runtime.service.unit import check_events, check_page

    view_of(values["roi"], values["rotate"], values["flip"])
    size_px_of(values["size"])
    if values["cpu"]:
        parse_share(values["cpu"])
    if values["serve"]:
        check_page(values["serve"], values["token"])
    if values["events"]:
        check_events(Path(values["events"]), name)
    address = parse_source(values["source"])
    if isinstance(address, VideoFile | ImageFiles):
        raise UsageError(f"--source {values['source']}: not a camera; a service is for one that goes on")
    return address


def _files(values: Values) -> dict[str, Path]:
    """The files that the loop reads, by option; the model is opened, as the loop will do."""
    from ..edge_runtime.camera.decision import SteadyDecider

    model, labels = (Path(values[option]) if values[option] else None for option in ("model", "labels"))
    engine, threads, conf, topk, scale = (
        values[option] for option in ("engine", "threads", "conf", "topk", "scale")
    )
    with open_classifier(model, engine, threads, conf, topk, labels, scale) as classifier:
        SteadyDecider(classifier, values["smooth"], values["hold"], values["conf_off"])
        files = {"model": classifier.path}
    return files | ({"labels": labels} if labels else {})


def _secrets(values: Values, address: "LiveAddress") -> dict[str, str]:
    """What others may not read, a token or an address with a password, as environment variables."""
    from ..edge_runtime.camera.sources.address import Stream

    has_password = isinstance(address, Stream) and address.description != address.url
    secrets = {"EDGECLS_SOURCE": values["source"] if has_password else None, "EDGECLS_TOKEN": values["token"]}
    return {name: value for name, value in secrets.items() if value}


def _as_typed(camera: Any, values: Mapping[str, Any]) -> list[str]:
    """The options as a user would type them, without those that stand for what is so anyway."""
    typed: list[str] = []
    for option in camera.params:
        value = values[option.name]
        if value is None or (value == option.default and type(value) is type(option.default)):
            continue
        if option.is_flag:
            typed.append((option.opts if value else option.secondary_opts)[0])
        else:
            typed += [option.opts[0], str(value)]
    return typed


def _python_folders() -> tuple[Path, ...]:
    """The environment, the Python that it was made from, and edgecls where it is installed elsewhere."""
    python, package = Path(sys.executable).resolve(), Path(__file__).resolve().parent.parent
    folders = {Path(sys.prefix), Path(sys.base_prefix), python.parent.parent, package}
    return tuple(sorted(folder for folder in folders if folders.isdisjoint(folder.parents)))
