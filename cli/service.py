"""`edgecls service`: `edgecls camera` as a systemd service, on a machine that nobody looks at."""

import os
import shlex
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from .model_options import spare_blas_threads

service = typer.Typer(
    name="service",
    help="Run `edgecls camera` at every boot: install, status, remove.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

Name = Annotated[str, typer.Option(help="Where there are several cameras: the unit is edgecls-NAME.")]
_NAME = "camera"


@service.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="All other options are those of `edgecls camera`: --source csi --serve --events events.jsonl",
)
def install(
    context: typer.Context,
    name: Name = _NAME,
    print_only: bool = typer.Option(False, "--print", help="Print the unit and change nothing."),
) -> None:
    """Have systemd run `edgecls camera`, now and at each boot. Takes the options of that command too."""
    spare_blas_threads()
    from ..edge_runtime.service import control as installing
    from ..edge_runtime.service.control import check_booted, systemctl
    from ..edge_runtime.service.unit import unit_text
    from .service_plan import plan_service

    camera = context.find_root().command.commands["camera"]  # pyright: ignore[reportAttributeAccessIssue] - a group
    planned = plan_service(name, camera, context.args)
    if print_only:
        print(unit_text(planned), end="")
        return
    check_booted(installing.ROOT)
    _check_root("install", "--name", name, *context.args)
    installing.install(planned, systemctl)
    print(f"{planned.unit} runs, now and at each boot")
    print(f"what it says: journalctl -u {planned.unit} -f")
    print(f"what it writes: {planned.state}")
    print("next: edgecls service status")


@service.command()
def status(
    name: Annotated[str | None, typer.Option(help="Of one camera; by default, of all.")] = None,
) -> None:
    """Show whether it runs, since when, and what it sees."""
    from ..edge_runtime.errors import CheckFailed, MissingInput
    from ..edge_runtime.service.control import ROOT, check_booted, installed, status_of, systemctl

    check_booted(ROOT)
    names = [each for each in installed(ROOT) if name in (None, each)]
    if not names:
        raise MissingInput(f"no service{f' {name}' if name else ''}; make one with `edgecls service install`")
    found = [status_of(each, systemctl) for each in names]
    for each in found:
        print(each.text)
    stopped = [each.unit for each in found if not each.is_running]
    if stopped:
        raise CheckFailed(f"{', '.join(stopped)}: not running; see `journalctl -u {stopped[0]}`")


@service.command()
def remove(name: Name = _NAME) -> None:
    """Stop and remove it; what it wrote stays."""
    from ..edge_runtime.service import control as installing
    from ..edge_runtime.service.control import check_booted, systemctl

    check_booted(installing.ROOT)
    _check_root("remove", "--name", name)
    state = installing.remove(name, systemctl)
    print(f"edgecls-{name} is removed; what it wrote stays in {state}")


def _check_root(*arguments: str) -> None:
    """Refuses where systemd's files cannot be written, with the command that can.

    Raises:
        PermissionRefused: we are not root.
    """
    from ..edge_runtime.errors import PermissionRefused

    if os.geteuid() != 0:
        raise PermissionRefused(f"only root may do this; run `{sudo_command(arguments, os.environ)}`")


def sudo_command(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """The line that runs `edgecls service` with these arguments as root.

    sudo has a PATH and an environment of its own: so it names this environment's script, and the variables
    that stand for options.
    """
    script = Path(sysconfig.get_path("scripts")) / "edgecls"
    command = [str(script)] if script.exists() else [sys.executable, "-m", "edgecls.cli"]
    kept = ",".join(variable for variable in ("EDGECLS_SOURCE", "EDGECLS_TOKEN") if variable in environ)
    sudo = ["sudo", f"--preserve-env={kept}"] if kept else ["sudo"]
    return shlex.join([*sudo, *command, "service", *arguments])
