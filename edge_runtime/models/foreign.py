"""Foreign models: TFLite and ONNX files that edgecls did not make; they are given a card."""

from pathlib import Path

from ..errors import BadModel, UsageError
from ..files import MODEL_BYTES, read_whole
from ..images.picture_options import AS_THE_FILE_SAYS, OPTIONS, SCALINGS, PictureOptions
from ..workers import ask_worker
from .card import ModelCard
from .model_file import ModelFile, ModelFormat, content_sha256, model_format, read_card
from .passed import has_passed, remember
from .trial import TIME_S, try_out


def read_foreign(
    path: Path, labels: tuple[str, ...], picture_options: PictureOptions = AS_THE_FILE_SAYS
) -> ModelFile:
    """Reads a foreign TFLite or ONNX file, and makes a card for it.

    Args:
        path: a network that takes one picture as uint8, int8 or float32, [1, H, W, 3] or [1, 3, H, W], and
            returns one row of scores of any of these types.
        labels: in the order of the scores.
        picture_options: how it wants its pictures. A file that takes bytes without a scale of their own does
            the scaling inside.

    Raises:
        UsageError: edgecls made the file, so that it has labels of its own; or it is a Keras model.
        BadModel: it cannot be run, or has another number of classes than there are labels.
        MissingInput, PermissionRefused: it cannot be read.
        Unavailable: the engine for its format is not installed.
    """
    content = read_whole(path, MODEL_BYTES)
    format_ = model_format(content, str(path))
    if read_card(content, format_, str(path)):
        raise UsageError(f"{path}: carries its own labels and scaling; leave {OPTIONS} out")
    if format_ is ModelFormat.H5:
        raise UsageError(f"{path}: a Keras model does not run on a device; run `edgecls export` first")
    sha256 = content_sha256(content)
    if has_passed(sha256, "run"):
        found = try_out(content, str(path))
    else:
        found = ask_worker(try_out, content, str(path), time_s=TIME_S)
        remember(sha256, "run")
    if found["classes"] != len(labels):
        raise BadModel(
            f"{path}: the network has {found['classes']} classes, but there are {len(labels)} labels; "
            "write one label for each class"
        )
    scale, offset = picture_options.scaling or SCALINGS["0..1"]
    rule = picture_options.rule(*found["size_px"], found["channels"], str(path))
    card = ModelCard(labels, rule, scale, offset, io=found["io"], scores=found["scores"])
    return ModelFile(path, format_, content, card, is_foreign=True)
