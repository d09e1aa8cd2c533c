"""Foreign models: TFLite and ONNX files that edgecls did not make; they are given a card."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files import MODEL_BYTES, read_whole
from ..images.picture_options import AS_THE_FILE_SAYS, OPTIONS, PictureOptions
from ..inspection.stated import Stated
from ..limits import TENSOR_BYTES
from ..text import first_few
from ..workers import TRIAL_TIME_S, ask_worker
from .card import ModelCard
from .external_data import with_external_data
from .foreign_scaling import scaling_of
from .model_file import ModelFile, ModelFormat, content_sha256, model_format, read_card
from .passed import has_passed, remember


def read_foreign(
    path: Path,
    labels: tuple[str, ...] | None,
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    on_note: Callable[[str], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> ModelFile:
    """Reads a foreign TFLite or ONNX file, and makes a card for it.

    Args:
        path: a network that takes one picture as uint8, int8, float32 or float16, [1, H, W, 3] or
            [1, 3, H, W], and returns one row of scores, or one score for two labels.
        labels: in the order of the scores; for one score, it is that of the second. None: those inside it.
        picture_options: how it wants its pictures, where it does not say so itself, and which output is read.
            A file that takes bytes without a scale of their own does the scaling inside.
        on_note: called with a line for each thing that was taken for another than usual.
        on_warning: called with a line where the file and the user do not say the same.

    Raises:
        UsageError: edgecls made the file, so that it has labels of its own; it is a Keras model; or an option
            is missing or makes no sense for it, or neither it nor the user says how its pixels are scaled.
        BadModel: it cannot be run, or has another number of classes than there are labels.
        MissingInput, PermissionRefused: it cannot be read.
        Unavailable: the engine for its format is not installed.
    """
    model, said = read_unscaled(path, labels, picture_options, on_note, on_warning)
    scale, offset = scaling_of(said, picture_options, str(path), on_note, on_warning)
    if assumption := picture_options.assumption(model.card.image):
        on_note(f"{path}: {assumption}")
    return replace(model, card=replace(model.card, scale=scale, offset=offset))


def read_unscaled(
    path: Path,
    labels: tuple[str, ...] | None,
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    on_note: Callable[[str], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> tuple[ModelFile, Stated]:
    """Reads a foreign file whose card does not say yet how pixels are scaled, and what it says of itself.

    Args:
        path: see `read_foreign`, as the others.
        labels: see `path`.
        picture_options: see `path`.
        on_note: see `path`.
        on_warning: see `path`.

    Raises:
        EdgeclsError: see `read_foreign`.
    """
    content = read_whole(path, MODEL_BYTES)
    format_ = model_format(content, str(path))
    if read_card(content, format_, str(path)):
        raise UsageError(f"{path}: carries its own labels and scaling; leave {OPTIONS} out")
    if format_ is ModelFormat.H5:
        raise UsageError(f"{path}: a Keras model does not run on a device; run `edgecls export` first")
    if format_ is ModelFormat.ONNX:
        content = with_external_data(content, path)
    asked = {"size_px": picture_options.size_px, "output": picture_options.output or ""}
    found = _tried(content, str(path), {"labels": len(labels or ()), **asked})
    inside = tuple(found["labels"])
    if labels and inside and labels != inside:
        on_warning(f"{path}: has other labels inside ({first_few(inside)}); using those of --labels")
    said = Stated.from_json(found["stated"])
    height_px, width_px = found["size_px"]
    rule = picture_options.rule(height_px, width_px, found["channels"], str(path))
    card = ModelCard(labels or inside, rule, io=found["io"], scores=found["scores"], output=found["output"])
    if said.is_calibrated:
        on_note(f"{path}: its score calibration is not applied")
    for note in found["notes"]:
        on_note(f"{path}: {note}")
    return ModelFile(path, format_, content, card, is_foreign=True), said


def _tried(content: bytes, name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What `try_foreign` found out, in a process with limits where the file has not passed before."""
    from .foreign_trial import try_foreign  # noqa: PLC0415 - it reads networks, which few commands need

    size = (
        repr(asked["size_px"]).encode() if asked["size_px"] else b""
    )  # with another, it needs another trial
    sha256 = content_sha256(content + size)
    if has_passed(sha256, "run"):
        return try_foreign(content, name, **asked)
    found = ask_worker(
        *(try_foreign, content, name), more_bytes=TENSOR_BYTES, time_s=TRIAL_TIME_S, arguments=asked
    )
    remember(sha256, "run")
    return found
