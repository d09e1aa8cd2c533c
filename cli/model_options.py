"""Options about the model, for the commands that classify beside `edgecls camera`."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from ..edge_runtime.camera.option_values import flag_of
from ..edge_runtime.camera.options import CameraOptions
from ..edge_runtime.engines.names import EngineName
from ..edge_runtime.images.rule import Channels, Crop, PixelRange
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


def picture_option(name: str, panel: str = _PANEL) -> Any:
    """Returns an option of `PictureOptions`, for the help's group `panel`."""
    option = next(option for option in fields(CameraOptions) if option.name == name)
    return typer.Option(
        flag_of(name),
        help=option.metadata["help"],
        metavar=option.metadata["metavar"],
        min=option.metadata["minimum"],
        max=option.metadata["maximum"],
        rich_help_panel=panel,
    )


Scale = Annotated[PixelRange | None, picture_option("scale")]
Mean = Annotated[str | None, picture_option("mean")]
Std = Annotated[str | None, picture_option("std")]
ChannelOrder = Annotated[Channels | None, picture_option("channels")]
Cropping = Annotated[Crop | None, picture_option("crop")]
ResizeTo = Annotated[int | None, picture_option("resize_to")]
ImageSize = Annotated[str | None, picture_option("imgsz")]
OutputName = Annotated[str | None, picture_option("output")]
RequireSigned = Annotated[
    bool, typer.Option("--require-signed", help=_HELP["require_signed"], rich_help_panel=_PANEL)
]
TopK = Annotated[int, typer.Option(min=1, help=_HELP["topk"], rich_help_panel=_PANEL)]


def spare_blas_threads() -> None:
    """Keeps numpy from starting a thread for each core, as no command on a device multiplies matrices.

    To be called before numpy is imported. It saves a sixth of the processor time to the first label.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
