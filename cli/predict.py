"""`edgecls predict`: images in, one line each."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .. import edge_runtime
from .messages import note
from .model_options import Confidence, Engine, Labels, Model, Scale, TopK, spare_blas_threads

if TYPE_CHECKING:
    from ..edge_runtime.camera.sources.address import ImageFiles


def predict(
    images: list[str] = typer.Argument(help="Images, folders of them, or quoted globs."),
    model: Model = None,
    engine: Engine = "auto",
    conf: Confidence = None,
    topk: TopK = 3,
    labels: Labels = None,
    scale: Scale = None,
    as_json: bool = typer.Option(False, "--json", help="One line of JSON an image."),
) -> None:
    """Classify images, one line each."""
    spare_blas_threads()
    from ..edge_runtime.camera.event import Event
    from ..edge_runtime.camera.loop import Loop, stop_on_signals
    from ..edge_runtime.camera.outputs.lines import LineOutput, answer_line, json_line
    from ..edge_runtime.camera.sources.source import Stills
    from ..edge_runtime.text import printable

    def tell(event: Event) -> None:
        print(f"edgecls: {printable(event.text)}", file=sys.stderr)

    with (
        stop_on_signals() as stop,
        edge_runtime.open_classifier(
            model, engine=engine, threshold=conf, top=topk, labels=labels, scale=scale, on_note=note
        ) as classifier,
    ):
        output = LineOutput(1, stop, json_line if as_json else answer_line)
        report = Loop(classifier, [output], stop=stop).run(Stills(_find(images), tell))
    if report.failure:
        raise report.failure
    if sys.stdout.isatty():
        print(f"model: {classifier.path}\nnext: edgecls camera")


def _find(texts: list[str]) -> "ImageFiles":
    """The images that the arguments name. One that is not there is told of in its turn, after the others."""
    from ..edge_runtime.camera.sources.address import ImageFiles, parse_source
    from ..edge_runtime.errors import MissingInput, UsageError

    paths: list[Path] = []
    for text in texts:
        try:
            address = None if Path(text).is_file() else parse_source(text)
        except MissingInput:
            address = None
        if isinstance(address, ImageFiles):
            paths += address.paths
        elif address is None:
            paths.append(Path(text))
        else:
            raise UsageError(f"{address.description}: not an image; see `edgecls camera --source`")
    return ImageFiles(tuple(paths), texts[0] if len(texts) == 1 else f"{len(texts)} arguments")
