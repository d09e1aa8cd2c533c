"""`edgecls service`: `edgecls camera` as a systemd service, on a machine that nobody looks at."""

import os
import shlex
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from .. import edge_runtime
from ..edge_runtime.camera.option_text import to_arguments
from ..edge_runtime.camera.options import CameraOptions
from ..edge_runtime.errors import CheckFailed, MissingInput, PermissionRefused
from ..edge_runtime.masking import SECRET_VARIABLES, has_secret
from .camera_options import CameraCommand, with_camera_options
from .messages import show_next, warn
from .model_options import spare_blas_threads
from .typed_secrets import exposed_secrets

ROOT = Path("/")

service = typer.Typer(name="service", rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[str, typer.Option(help="Name of the camera, if you have several; the unit is edgecls-NAME.")]
_NAME = "camera"


@service.callback()
def _service() -> None:
    """Run `edgecls camera` at every boot, with systemd.

    install and remove need root; without, they print the sudo command to run, with the path of this edgecls.

    Examples:
        edgecls service install --source csi --serve --events events.jsonl
        edgecls service status
        edgecls service remove
    """


@service.command(cls=CameraCommand)
@with_camera_options
def install(
    context: typer.Context,  # noqa: ARG001 - read by with_camera_options
    options: CameraOptions,
    name: Name = _NAME,
    print_only: Annotated[bool, typer.Option("--print", help="Print the unit and change nothing.")] = False,
) -> None:
    """Have systemd run the camera, now and at each boot. Takes the options of `edgecls camera`.

    Examples:
        edgecls service install --source csi --serve
        edgecls service install --config door.toml --name door
        edgecls service install --source 0 --print
    """
    spare_blas_threads()
    planned = edge_runtime.plan_service(name, options)
    if print_only:
        print(edge_runtime.unit_text(planned), end="")
        return
    edge_runtime.check_booted(ROOT)
    check_root("install", options, "--name", name)
    edge_runtime.install(planned, edge_runtime.systemctl)
    print(f"{planned.unit} runs, now and at each boot")
    print(f"messages: journalctl -u {planned.unit} -f")
    print(f"files: {planned.state}")
    if exposed := exposed_secrets():
        warn(exposed)
    show_next("edgecls service status")


@service.command()
def status(
    name: Annotated[str | None, typer.Option(help="Name of one camera; default: all.")] = None,
) -> None:
    """Show whether it runs, since when, and what it sees.

    Examples:
        edgecls service status
        edgecls service status --name door
    """
    edge_runtime.check_booted(ROOT)
    names = [each for each in edge_runtime.installed(ROOT) if name in (None, each)]
    if not names:
        raise MissingInput(f"no service{f' {name}' if name else ''}; make one with `edgecls service install`")
    found = [edge_runtime.status_of(each, edge_runtime.systemctl) for each in names]
    for each in found:
        print(each.text)
    stopped = [each.unit for each in found if not each.is_running]
    if stopped:
        raise CheckFailed(f"{', '.join(stopped)}: not running; see `journalctl -u {stopped[0]}`")


@service.command()
def remove(name: Name = _NAME) -> None:
    """Stop and remove it; its files are kept.

    Examples:
        edgecls service remove
        edgecls service remove --name door
    """
    edge_runtime.check_booted(ROOT)
    check_root("remove", CameraOptions(), "--name", name)
    state = edge_runtime.remove(name, edge_runtime.systemctl)
    print(f"edgecls-{name} is removed; its files stay in {state}")


def _typed(options: CameraOptions) -> list[str]:
    """The options for the line that sudo runs; a secret, and what came from the environment, goes there."""
    variables = {"source": "EDGECLS_SOURCE", "token": "EDGECLS_TOKEN", "on": "EDGECLS_ON"}
    secrets = _secrets(options)
    return to_arguments(
        {
            name: value
            for name, value in options.changed().items()
            if not (
                name in variables and (variables[name] in secrets or os.environ.get(variables[name]) == value)
            )
        }
    )


def _secrets(options: CameraOptions) -> list[str]:
    """The variables for what must not stand on a command line."""
    is_secret = {
        "EDGECLS_SOURCE": has_secret(options.source),
        "EDGECLS_TOKEN": bool(options.token),
        "EDGECLS_ON": edge_runtime.has_webhooks(options.on),
    }
    return [variable for variable, found in is_secret.items() if found]


def check_root(command: str, options: CameraOptions, *arguments: str) -> None:
    """Refuses where systemd's files cannot be written, with the command that can, without secrets in it.

    Args:
        command: of `edgecls service`.
        options: of the camera; their secrets go to the environment.
        arguments: of the command, before those options.

    Raises:
        PermissionRefused: we are not root.
    """
    if os.geteuid() != 0:
        secrets = _secrets(options)
        missing = " and ".join(variable for variable in secrets if variable not in os.environ)
        first = f"export {missing}, as a command line is no place for a secret, and " if missing else ""
        environ = {**os.environ, **dict.fromkeys(secrets, "")}
        whole = sudo_command([command, *arguments, *_typed(options)], environ)
        raise PermissionRefused(f"only root may do this; {first}run `{whole}`")


def sudo_command(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """The line that runs `edgecls service` with these arguments as root.

    sudo has a PATH and an environment of its own: so it names this environment's script, and the variables
    that stand for options.
    """
    script = Path(sysconfig.get_path("scripts")) / "edgecls"
    command = [str(script)] if script.exists() else [sys.executable, "-m", "edgecls.cli"]
    kept = ",".join(variable for variable in SECRET_VARIABLES if variable in environ)
    sudo = ["sudo", f"--preserve-env={kept}"] if kept else ["sudo"]
    return shlex.join([*sudo, *command, "service", *arguments])
