"""`edgecls predict`: classifies images, one line each."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .. import data as data_sets
from .. import edge_runtime
from ..edge_runtime.errors import UsageError
from ..edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from ..edge_runtime.models.builtin import shown_path
from ..edge_runtime.text import counted
from .messages import detail, is_quiet, note, show_next, warn
from .model_options import (
    Confidence,
    Engine,
    Labels,
    Model,
    RequireSigned,
    TopK,
    spare_blas_threads,
    with_picture_options,
)

if TYPE_CHECKING:
    from ..data.answers import AnswersByFolder
    from ..edge_runtime.camera.answer import Sink
    from ..edge_runtime.camera.control import StopRequest


@with_picture_options()
def predict(
    images: list[str] | None = typer.Argument(
        None, metavar="IMAGES...", help="Image files, folders of them, or quoted globs.", show_default=False
    ),
    source: list[str] | None = typer.Option(
        None, "--source", "-s", help="The same as an argument; may be given several times."
    ),
    as_json: bool = typer.Option(
        False, "--json", help="Print a line of JSON for each image.", rich_help_panel="Output"
    ),
    csv_file: Path | None = typer.Option(
        None,
        "--csv",
        dir_okay=False,
        help="Also write all answers to this file, a row for each image.",
        rich_help_panel="Output",
    ),
    save: Path | None = typer.Option(
        None,
        "--save",
        file_okay=False,
        help="Also write each image with its answer drawn over it to this folder.",
        rich_help_panel="Output",
    ),
    model: Model = None,
    engine: Engine = "auto",
    conf: Confidence = None,
    topk: TopK = 3,
    labels: Labels = None,
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    require_signed: RequireSigned = False,
) -> None:
    """Classify image files, one line each.

    Examples:
        edgecls predict cat.jpg dog.png
        edgecls predict photos/ --model nano --save annotated/
        edgecls predict --source "photos/*.jpg" --csv answers.csv
    """
    spare_blas_threads()
    texts = [*(images or ()), *(source or ())]
    if not texts:
        raise UsageError("no images; name files, folders or quoted globs; see `edgecls predict --help`")
    files = edge_runtime.image_files(texts)
    judged: AnswersByFolder | None = None
    with (
        edge_runtime.stop_on_signals() as stop,
        edge_runtime.open_classifier(
            model,
            engine=engine,
            threshold=conf,
            top=topk,
            labels=labels,
            picture_options=picture_options,
            require_signed=require_signed,
            on_note=note,
            on_warning=warn,
        ) as classifier,
    ):
        edge_runtime.use_background_stderr(stop, may_drop=False)
        count = len(classifier.card.labels)
        detail(f"model: {classifier.path} on {classifier.engine.name}, {count} labels")
        images_read = counted(len(files.paths), "image")
        detail(f"answers below {classifier.threshold:.2f} are unknown; {images_read}")
        names = {label.casefold() for label in classifier.card.labels}
        sinks = _sinks(stop, save, csv_file, as_json=as_json)
        if any(path.parent.name.casefold() in names for path in files.paths):
            judged = data_sets.AnswersByFolder(classifier.card.labels)
            sinks.append(judged)
        stills = edge_runtime.Stills(files, lambda event: warn(event.text), classifier.card.image)
        report = edge_runtime.Loop(classifier, sinks, stop=stop).run(stills)
    if report.failure:
        raise report.failure
    if judged and (doubt := judged.doubt):
        file = shlex.quote(str(classifier.path))
        adopt = f"; `edgecls adopt {file} --labels LABELS --data FOLDER` finds how it wants its pictures"
        warn(f"{doubt}{adopt if labels else ''}")
    for written in filter(None, (f"{save}/" if save else None, csv_file)):
        note(f"wrote {written}")
    if sys.stdout.isatty() and not is_quiet():
        print(f"model: {shown_path(classifier.path)}")
        show_next("edgecls camera")


def _sinks(stop: "StopRequest", save: Path | None, csv_file: Path | None, *, as_json: bool) -> "list[Sink]":
    render = edge_runtime.json_line if as_json else edge_runtime.answer_line
    sinks: list[Sink] = [edge_runtime.LineOutput(1, stop, render)]
    if save:
        sinks.append(edge_runtime.PictureFolder(save))
    if csv_file:
        sinks.append(edge_runtime.CsvFile(csv_file))
    return sinks
