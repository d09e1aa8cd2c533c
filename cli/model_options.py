"""Options about the model, for the commands that classify beside `edgecls camera`."""

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from ..edge_runtime.camera.option_values import flag_of
from ..edge_runtime.camera.options import CameraOptions
from ..edge_runtime.engines.names import EngineName
from ..edge_runtime.images.picture_options import PictureOptions
from ..edge_runtime.models.builtin import NAMES

_HELP = {option.name: option.metadata["help"] for option in fields(CameraOptions)}
_PANEL = "Model"
_SUFFIXES = (".tflite", ".onnx", ".h5", ".keras")


def complete_models(incomplete: str) -> list[str]:
    """Completes the name of a model in a shell: the model files of this folder, and the built-in models."""
    return [*complete_model_files(incomplete), *(name for name in NAMES if name.startswith(incomplete))]


def complete_model_files(incomplete: str) -> list[str]:
    """Completes the name of a model file of this folder in a shell."""
    files = sorted(path.name for path in Path().glob("*") if path.suffix in _SUFFIXES)
    return [name for name in files if name.startswith(incomplete)]


Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        help=_HELP["model"],
        rich_help_panel=_PANEL,
        autocompletion=complete_models,
    ),
]
Engine = Annotated[EngineName, typer.Option(help=_HELP["engine"], rich_help_panel=_PANEL)]
Threads = Annotated[int, typer.Option(min=1, max=1024, help=_HELP["threads"], rich_help_panel=_PANEL)]
Confidence = Annotated[
    float | None, typer.Option(min=0.0, max=1.0, help=_HELP["conf"], rich_help_panel=_PANEL)
]
Labels = Annotated[Path | None, typer.Option(help=_HELP["labels"], rich_help_panel=_PANEL)]


RequireSigned = Annotated[
    bool, typer.Option("--require-signed", help=_HELP["require_signed"], rich_help_panel=_PANEL)
]
TopK = Annotated[int, typer.Option(min=1, help=_HELP["topk"], rich_help_panel=_PANEL)]


def option_parameter(option: "Field[Any]", hint: Any, panel: str | None = None) -> inspect.Parameter:
    """Returns a field of `CameraOptions` as the parameter of a command.

    Args:
        option: the field.
        hint: its type.
        panel: the help's group; None: that of `edgecls camera`.
    """
    described = option.metadata
    names = [flag_of(option.name)]
    for flag in described["flags"]:
        names = [flag] if "/" in flag else [*names, flag]
    typed = typer.Option(
        *names,
        help=described["help"],
        metavar=described["metavar"],
        min=described["minimum"],
        max=described["maximum"],
        envvar=described["variable"],
        rich_help_panel=panel or described["group"],
        autocompletion=complete_models if option.name == "model" else None,
    )
    default, hint = (None, list[str] | None) if option.name == "on" else (option.default, hint)
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, typed]
    )


def with_picture_options(panel: str = _PANEL) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the picture options; it gets them as one `PictureOptions`, `picture_options`.

    Args:
        panel: the help's group.

    Returns:
        The decorator of a command with a parameter `picture_options`, in whose place they stand in the help.
    """
    names = [option.name for option in fields(PictureOptions)]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(**values: Any) -> None:
            said = {name: values.pop(name) for name in names}
            command(picture_options=PictureOptions(**said), **values)

        options = {option.name: option for option in fields(CameraOptions)}
        hints = get_type_hints(CameraOptions)
        parameters: list[inspect.Parameter] = []
        for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
            if name == "picture_options":
                parameters += [option_parameter(options[each], hints[each], panel) for each in names]
            else:
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        return stand_in(run, command, parameters)

    return decorate


def stand_in(
    run: Callable[..., None], command: Callable[..., None], parameters: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """Returns `run` with a command's name and docstring, and with these parameters, as typer reads them."""
    run.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    return run


def spare_blas_threads() -> None:
    """Keeps numpy from starting a thread for each core, as no command on a device multiplies matrices.

    To be called before numpy is imported. It saves a sixth of the processor time to the first label.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
