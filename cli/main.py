"""The `edgecls` command: the list of its commands, and the one place where errors become an exit code."""

import sys

import typer

import edgecls as package

from ..edge_runtime.descriptors import drop_stdout, open_standard_descriptors
from ..edge_runtime.errors import EdgeclsError, OutputFailed, shortage
from ..edge_runtime.leaving import leave
from ..edge_runtime.masking import hide_in_tracebacks
from ..edge_runtime.text import show_all_characters
from . import messages
from .command import LazyGroup, range_in_words
from .messages import Verbosity, set_verbosity
from .typed_secrets import hide_in_process_list

_COMMANDS = {
    "Train and export": {
        "train": "Train a network on your pictures; write an .h5.",
        "export": "Convert the .h5 to TFLite and ONNX for a device.",
        "bench": "Compare exported files with Keras: size, accuracy, speed.",
        "adopt": "Make a TFLite or ONNX file from elsewhere one of ours.",
        "sweep": "Train and export a grid of networks on Ray Tune.",
        "demo": "Run everything once on handwritten digits.",
        "cache": "Show, limit or clear the prepared pictures that commands share.",
    },
    "On the device": {
        "camera": "Classify the frames of a camera or video.",
        "predict": "Classify image files.",
        "mqtt": "Remove from an MQTT broker what a camera published there.",
        "service": "Run `edgecls camera` at every boot, with systemd.",
        "doctor": "Find what is wrong with this machine, and how to fix it.",
    },
    "Model files": {
        "models": "List the built-in models.",
        "inspect": "Show what is inside a model file.",
        "verify": "Check that a model answers here as it did when exported.",
        "sign": "Sign model files, so that devices can refuse all others.",
    },
}


class _Edgecls(LazyGroup):
    package = __name__.rpartition(".")[0]
    table = _COMMANDS


app = typer.Typer(
    name="edgecls",
    cls=_Edgecls,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,  # plain help: half the start-up time, and readable on a serial console
    pretty_exceptions_enable=False,  # a bug shows the usual traceback
)


@app.callback(
    invoke_without_command=True,
    epilog='train, export and demo need "edgecls[train]", sweep "edgecls[sweep]"; a device needs neither.',
)
def overview(
    context: typer.Context,
    quiet: bool = typer.Option(
        False, "--quiet", "-q", help="Print only results, warnings and errors: no progress, no notes."
    ),
    verbose: bool = typer.Option(
        False, "--verbose", "-v", help="Also print what is loaded, found and chosen."
    ),
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Train an image classifier, export it, check it, and run it beside a camera.

    Environment: EDGECLS_SOURCE and EDGECLS_TOKEN stand for --source and --token of `edgecls camera`;
    NO_COLOR turns colour off.

    Examples:
        edgecls train --data photos/    # one sub-folder of pictures for each class
        edgecls export --int8
        edgecls camera --source 0
    """
    if version:
        print(f"edgecls {package.__version__}")
        raise typer.Exit
    set_verbosity(Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.NORMAL)
    if context.invoked_subcommand is None:
        print(context.get_help())


def _with_help(mistake: typer.TyperException) -> str:
    """What is wrong on the command line, and whose --help tells more."""
    context = getattr(mistake, "ctx", None)
    path = context.command_path if context else "edgecls"
    message = range_in_words(mistake.format_message()).removesuffix(".")
    see = " See" if message.endswith("?") else "; see"
    return f"{message}{see} `{path} --help`"


def main() -> None:
    """Runs the command line; exits with the codes of `edge_runtime.errors`."""
    open_standard_descriptors()
    hide_in_process_list()
    hide_in_tracebacks()
    show_all_characters()
    try:
        code = app(prog_name="edgecls", standalone_mode=False)
        sys.stdout.flush()  # now, while an error can still be reported
        leave(code)
    except EdgeclsError as error:
        messages.error(str(error))
        leave(error.exit_code)
    except typer.TyperException as error:  # a mistake on the command line
        messages.error(_with_help(error))
        leave(2)
    except (typer.Abort, KeyboardInterrupt):
        messages.interrupted(can_resume=False)
        leave(130)
    except BrokenPipeError:  # such as `edgecls models | head -1`: the reader has seen enough
        drop_stdout()
        leave(0)
    except (OSError, MemoryError) as error:
        reason = shortage(error)
        if not reason:
            raise
        drop_stdout()
        messages.error(reason)
        leave(OutputFailed.exit_code)
