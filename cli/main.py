"""The `edgecls` command: its commands, and the one place where errors become a line and an exit code."""

import sys

import typer

from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.text import printable
from .bench import bench
from .camera import camera
from .demo import demo
from .doctor import doctor
from .export import export
from .inspect import inspect
from .models import models
from .page_options import ServeAlone
from .predict import predict
from .service import service
from .sweep import sweep
from .train import train
from .verify import verify

app = typer.Typer(
    name="edgecls",
    help="Train an image classifier, export it for the edge, check it, and run it beside a camera.",
    epilog='On a device `pip install edgecls` is enough; train, export and demo need "edgecls[train]", '
    'and sweep "edgecls[sweep]".',
    rich_markup_mode=None,  # plain help: half the start-up time, and readable on a serial console
    pretty_exceptions_enable=False,  # a bug shows the usual traceback
    add_completion=False,
)
_COMMANDS = (train, export, bench, sweep, camera, predict, verify, inspect, doctor, models, demo)
for command in _COMMANDS:
    app.command(cls=ServeAlone if command is camera else None)(command)
app.add_typer(service)


@app.callback(invoke_without_command=True)
def edgecls(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Train an image classifier, export it for the edge, check it, and run it beside a camera."""
    if version:
        from importlib.metadata import version as installed

        print(f"edgecls {installed('edgecls')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def _with_help(mistake: typer.TyperException) -> str:
    """What is wrong on the command line, and whose --help tells more."""
    message = mistake.format_message()
    see = " See" if message.endswith("?") else "; see"
    named = [command.__name__ for command in _COMMANDS if command.__name__ in sys.argv[1:2]]
    return f"{message.removesuffix('.')}{see} `{' '.join(['edgecls', *named, '--help'])}`"


def main() -> None:
    """Runs the command line; exits with the codes of `edge_runtime.errors`."""
    try:
        sys.exit(app(prog_name="edgecls", standalone_mode=False))
    except EdgeclsError as error:
        print(f"edgecls: error: {printable(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except typer.TyperException as error:  # a mistake on the command line
        print(f"edgecls: error: {_with_help(error)}", file=sys.stderr)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        print("edgecls: interrupted", file=sys.stderr)
        sys.exit(130)
