"""All checks, in the order in which their problems should be mended."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..camera.sources.address import CsiCamera, Device, Stream, parse_source
from ..errors import MissingInput, Unavailable
from ..models.builtin import DEFAULT, builtin_paths, expand_builtin
from .board import COMMAND, check_clock, check_disk, check_heat, check_memory, check_supply, read_flags
from .cameras import (
    STATEMENT,
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
from .machine import Machine
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
    exported_models,
)


def examine(machine: Machine, source: str | None = None, model: Path | None = None) -> Iterator[Finding]:
    """Looks at everything that the camera loop needs, and gives each finding as soon as it is made.

    Args:
        machine: what is examined.
        source: as `edgecls camera --source` takes it; None: what cameras there are.
        model: a file, or the name of a built-in model; None: every exported file in the machine's folder, or
            where it has none the default built-in model.

    Raises:
        UsageError, MissingInput, PermissionRefused: see `parse_source`.
    """
    findings = _findings(machine, source, model)
    yield from map(_without_sudo, findings) if machine.user.is_root else findings


def _without_sudo(finding: Finding) -> Finding:
    """Root does not need it, and a container has none."""
    return replace(finding, command=finding.command.replace("sudo ", ""))


def _findings(machine: Machine, source: str | None, model: Path | None) -> Iterator[Finding]:
    yield check_word_size(machine.python.bits, machine.processor)
    yield check_glibc(machine.glibc)
    yield check_environment(machine.python)
    yield check_complete(set(machine.required) - STATEMENTS.keys(), machine.distributions, machine.python)
    yield check_one_opencv(machine.distributions, machine.python)
    libraries = list(_libraries(machine))
    yield from libraries
    yield from _camera(machine, source)
    if any(finding.level is Level.PROBLEM for finding in libraries):
        yield unknown("model", "not tried before the libraries can be loaded")
    else:
        yield from _models(machine.folder, model)
    flags = read_flags(machine.root, machine.output_of(("vcgencmd", "get_throttled")))
    yield check_supply(flags, machine.root)
    yield check_heat(flags, machine.root)
    yield check_memory(machine.root)
    yield check_disk(machine.folder)
    yield check_clock(machine.output_of(COMMAND))


def _libraries(machine: Machine) -> Iterator[Finding]:
    installed, python = machine.distributions, machine.python
    why_not = {name: machine.why_not(statement) for name, statement in STATEMENTS.items()}
    has_apt = (machine.root / "usr/bin/apt").exists()
    yield check_numpy(why_not["numpy"], installed, python)
    yield check_opencv(why_not["opencv-python"], installed, python, has_apt=has_apt)
    yield from check_engines(why_not, installed, python)


def _camera(machine: Machine, source: str | None) -> Iterator[Finding]:
    nodes = video_nodes(machine.root)
    if source is None:
        yield check_default(nodes)
        first = next((node for node in nodes if node.is_camera), None)
        yield from _device(machine, first.path) if first else _ribbon(machine, nodes)
        return
    try:
        address = parse_source(source)
    except Unavailable:  # whether a file is a video or an image is a question for OpenCV
        yield unknown("camera", f"{source}: not looked at before OpenCV can be loaded")
        return
    match address:
        case Device(path=path):
            found = check_device(path, nodes, machine.root)
            yield found
            yield from _device(machine, path) if found.level is Level.OK else _ribbon(machine, nodes)
        case CsiCamera():
            yield check_csi(nodes)
            yield from _ribbon(machine, nodes, asked=True)
        case Stream(url=url):
            yield check_stream(url)
        case _:
            yield ok("camera", f"{source}: needs no camera")


def _device(machine: Machine, path: str) -> Iterator[Finding]:
    permission = check_permission(path, machine.user, machine.root)
    yield permission
    if permission.level is Level.OK:
        yield check_busy(path, machine.root)


def _ribbon(machine: Machine, nodes: tuple[VideoNode, ...], *, asked: bool = False) -> Iterator[Finding]:
    """What a camera on the ribbon cable needs, where there is one or one was asked for."""
    receiver = next((node for node in nodes if node.is_csi), None)
    if receiver or asked:
        yield check_picamera2(machine.why_not(STATEMENT), machine.python, machine.root)
    if receiver:
        yield from _device(machine, receiver.path)


def _models(folder: Path, model: Path | None) -> Iterator[Finding]:
    try:
        paths = expand_builtin([model], "auto") if model else exported_models(folder)
    except MissingInput as error:
        yield from_error("model", error)
        return
    if not paths and any(folder.glob("*.h5")):
        yield unknown("model", "none in this folder is exported yet")
    else:  # the one that `edgecls camera` takes where there is none
        yield from map(check_model, paths or builtin_paths(DEFAULT, "auto"))
