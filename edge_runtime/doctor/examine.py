"""Runs all checks, in the order in which their problems should be fixed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..camera.options import CameraOptions
from ..camera.sources.address import CsiCamera, Device, Stream, parse_source
from ..engines.names import exported_in
from ..errors import MissingInput
from ..models.builtin import builtin_paths, default_name, expand_builtin
from .board import CLOCK_COMMAND, check_clock, check_disk, check_heat, check_memory, check_supply, read_flags
from .cameras import (
    PICAMERA2_STATEMENT,
    VideoNode,
    check_busy,
    check_csi,
    check_default,
    check_device,
    check_permission,
    check_picamera2,
    check_stream,
    video_nodes,
)
from .finding import Finding, Level, from_error, ok, unknown
from .host import Host
from .packages import (
    STATEMENTS,
    check_complete,
    check_engines,
    check_environment,
    check_glibc,
    check_model,
    check_numpy,
    check_one_opencv,
    check_opencv,
    check_word_size,
)


def examine(
    host: Host,
    source: str | None = None,
    model: Path | None = None,
    options: CameraOptions | None = None,
) -> Iterator[Finding]:
    """Checks everything that the camera loop needs, and yields each finding as soon as it is known.

    Args:
        host: the machine.
        source: as for `edgecls camera --source`; None: the cameras of this machine.
        model: a file, a folder of them, or the name of a built-in model; None: every exported file in the
            host's folder, or the default built-in model if there is none.
        options: whose actions and broker are checked.

    Raises:
        UsageError, MissingInput, PermissionRefused: see `parse_source`.
    """
    findings = _findings(host, source, model, options or CameraOptions())
    yield from map(_without_sudo, findings) if host.user.is_root else findings


def _without_sudo(finding: Finding) -> Finding:
    """Removes `sudo`, which root does not need and a container lacks."""
    return replace(finding, command=finding.command.replace("sudo ", ""))


def _findings(
    host: Host, source: str | None, model: Path | None, options: CameraOptions
) -> Iterator[Finding]:
    yield check_word_size(host.python.bits, host.processor)
    yield check_glibc(host.glibc)
    yield check_environment(host.python)
    yield check_complete(set(host.required) - STATEMENTS.keys(), host.distributions, host.python)
    yield check_one_opencv(host.distributions, host.python)
    libraries = list(_libraries(host))
    yield from libraries
    yield from _camera(host, source)
    if any(finding.level is Level.PROBLEM for finding in libraries):
        yield unknown("model", "not checked: fix the libraries first")
    else:
        yield from _models(host.folder, model)
    if options.on:
        from .actions import check_actions  # noqa: PLC0415 - TLS, which most cameras do without

        yield from check_actions(options.on, host)
    if options.mqtt:
        from .broker import check_broker  # noqa: PLC0415 - paho-mqtt, which most cameras do without

        yield check_broker(options, host.root)
    flags = read_flags(host.root, host.output_of(("vcgencmd", "get_throttled")))
    yield check_supply(flags, host.root)
    yield check_heat(flags, host.root)
    yield check_memory(host.root)
    yield check_disk(host.folder)
    yield check_clock(host.output_of(CLOCK_COMMAND))


def _libraries(host: Host) -> Iterator[Finding]:
    installed, python = host.distributions, host.python
    errors = {name: host.error_of(statement) for name, statement in STATEMENTS.items()}
    has_apt = (host.root / "usr/bin/apt").exists()
    yield check_numpy(errors["numpy"], installed, python)
    yield check_opencv(errors["opencv-python"], installed, python, has_apt=has_apt)
    yield from check_engines(errors, installed, python)


def _camera(host: Host, source: str | None) -> Iterator[Finding]:
    nodes = video_nodes(host.root)
    if source is None:
        yield check_default(nodes)
        first = next((node for node in nodes if node.is_camera), None)
        yield from _device(host, first.path) if first else _csi(host, nodes)
        return
    match parse_source(source):
        case Device(path=path):
            found = check_device(path, nodes, host.root)
            yield found
            yield from _device(host, path) if found.level is Level.OK else _csi(host, nodes)
        case CsiCamera():
            yield check_csi(nodes)
            yield from _csi(host, nodes, asked=True)
        case Stream(url=url):
            yield check_stream(url)
        case _:
            yield ok("camera", f"{source}: needs no camera")


def _device(host: Host, path: str) -> Iterator[Finding]:
    permission = check_permission(path, host.user, host.root)
    yield permission
    if permission.level is Level.OK:
        yield check_busy(path, host.root)


def _csi(host: Host, nodes: tuple[VideoNode, ...], *, asked: bool = False) -> Iterator[Finding]:
    """Checks what a CSI camera needs, if there is one or one was asked for."""
    receiver = next((node for node in nodes if node.is_csi), None)
    if receiver or asked:
        yield check_picamera2(host.error_of(PICAMERA2_STATEMENT), host.python, host.root)
    if receiver:
        yield from _device(host, receiver.path)


def _models(folder: Path, model: Path | None) -> Iterator[Finding]:
    try:
        paths = _files_of(model) if model else exported_in(folder)
    except MissingInput as error:
        yield from_error("model", error)
        return
    if not paths and any(folder.glob("*.h5")):
        yield unknown("model", "no model in this folder is exported yet")
    else:  # without a file, `edgecls camera` uses the built-in one
        yield from map(check_model, paths or builtin_paths(default_name(), "auto"))


def _files_of(model: Path) -> list[Path]:
    paths = expand_builtin([model], "auto")
    in_folder = exported_in(model) if paths == [model] and model.is_dir() else []
    return in_folder or paths  # an empty folder is reported as one
