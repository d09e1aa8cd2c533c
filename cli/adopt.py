"""`edgecls adopt`: makes a TFLite or ONNX file from elsewhere one of edgecls."""

import shlex
import sys
from pathlib import Path

import typer

from .. import export as exports
from ..edge_runtime.errors import BadData
from ..edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from ..edge_runtime.text import columns_of, printable, wrap_for
from .messages import show_next, show_step, warn
from .model_options import complete_model_files, with_picture_options

_KNOWN = "What you know of it: nothing else is tried"


@with_picture_options(_KNOWN)
def adopt(
    model: Path = typer.Argument(
        metavar="MODEL",
        autocompletion=complete_model_files,
        help="A .tflite or .onnx file made elsewhere; of an .h5 or .keras, see below.",
        show_default=False,
    ),
    data: str = typer.Option(
        ..., "--data", "-d", help="Pictures with known classes: a folder for each, named as its label."
    ),
    labels: Path | None = typer.Option(
        None,
        help="Labels in the order of the outputs: lines, JSON, YAML or CSV.  [default: those in the file]",
        show_default=False,
    ),
    to: Path | None = typer.Option(
        None,
        "--to",
        dir_okay=False,
        help="The file to write.  [default: MODEL_edgecls, beside it]",
        show_default=False,
    ),
    reorder: bool = typer.Option(
        False, "--reorder", help="Take the labels in the order that the pictures show."
    ),
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    force: bool = typer.Option(False, "--force", help="Write over a file that adopt did not make."),
) -> None:
    """Make a TFLite or ONNX file from elsewhere one of edgecls: find how it wants its pictures.

    Scale, mean and deviation, order of channels, crop and order of labels are tried on pictures with known
    classes. What makes most answers right goes into a new file, with labels, a threshold and golden frames:
    camera, predict, verify, bench and sign take it without options. What you give is not tried otherwise.
    Of a Keras model it says which options `edgecls export` needs, and writes nothing.

    Examples:
        edgecls adopt their.onnx --labels labels.txt --data photos/
        edgecls adopt their.tflite --labels labels.txt --data photos/ --crop stretch
    """
    options = exports.AdoptOptions(
        exports.StrangerOptions(model, labels, picture_options), data, to, reorder=reorder, force=force
    )
    is_keras = exports.is_keras(model)
    adoption = (
        exports.search_keras(options, show_step) if is_keras else exports.run_adopt(options, show_step, warn)
    )
    print(wrap_for(sys.stdout, exports.render_adoption(adoption, columns_of(sys.stdout))))
    if adoption.refusal:
        raise BadData(adoption.refusal)
    if adoption.path is None:  # a Keras model
        files = shlex.join([str(model), "--labels", str(labels), "--data", data])
        said = PictureOptions(imgsz=picture_options.imgsz, output=picture_options.output)
        found = f"{adoption.found.chosen.preparation.options} {said.text}".strip()
        show_next(f"edgecls export {files} {found}")
        return
    print(f"wrote {printable(str(adoption.path))}, verified by its golden frames")
    show_next(f"edgecls camera --model {shlex.quote(str(adoption.path))}")
