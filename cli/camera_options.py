"""The options of `edgecls camera` on a command line, made from the fields of `CameraOptions`."""

import inspect
import shlex
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from typer._click.types import Tuple  # typer has no public name for it

from ..edge_runtime.camera.option_values import DEFAULT_SERVE, read_options
from ..edge_runtime.camera.options import CameraOptions
from ..edge_runtime.errors import UsageError
from .command import Command
from .meant import check_values
from .model_options import option_parameter, stand_in
from .together import check_together

_TYPED = ("COMMANDLINE", "ENVIRONMENT")
"""Where a value comes from that goes before the configuration file's."""

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        dir_okay=False,
        help="Read options from this file; options on the command line override it.",
        rich_help_panel="Configuration",
    ),
]


def with_camera_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command every camera option and `--config`; it gets them as one `CameraOptions`, `options`.

    Args:
        command: takes `context`, `options` and parameters of its own.
    """
    own = [
        parameter
        for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
        if name != "options"
    ]
    hints = get_type_hints(CameraOptions)
    made = [option_parameter(option, hints[option.name]) for option in fields(CameraOptions)]
    config = inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Config)

    def run(context: typer.Context, config: Path | None, **values: Any) -> None:
        named = {option.name: values.pop(option.name) for option in fields(CameraOptions)}
        named["on"] = tuple(named["on"] or ())
        if config:
            typed = {name: value for name, value in named.items() if _is_typed(context, name)}
            named = read_options(config, CameraOptions) | typed
            check_values(context, named)
            check_together(context, {**values, **named})
        command(context, options=CameraOptions(**named), **values)

    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    return stand_in(run, command, [*made, *parameters, config])


class CameraCommand(Command):
    """A command whose `--serve` may stand without its value, and `--on` with two; typer declares neither."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        for param in self.params:
            if param.name == "on":
                param.nargs, param.type = 2, _LabelAndAction([str, str])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Gives a `--serve` at the end, or before another option, its default."""
        if "--serve" in args:
            after = args.index("--serve") + 1
            if after == len(args) or args[after].startswith("-"):
                args = [*args[:after], DEFAULT_SERVE, *args[after:]]
        return super().parse_args(ctx, args)


class _LabelAndAction(Tuple):
    """The two values of an `--on`; in the environment all: `cup 'run:notify-send cup' any gpio:17`."""

    def split_envvar_value(self, rv: str) -> Any:
        """Splits the variable's value into pairs.

        Raises:
            UsageError: it is no list of pairs.
        """
        try:
            words = shlex.split(rv)
        except ValueError as error:
            raise UsageError(f"EDGECLS_ON: {str(error).lower()}; check its quotes") from None
        if len(words) % 2:
            raise UsageError("EDGECLS_ON: not pairs of LABEL and ACTION; quote an action that has blanks")
        return list(zip(words[::2], words[1::2], strict=True))


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name in _TYPED
