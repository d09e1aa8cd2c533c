"""Engine: what runs a network. One picture in, probabilities out."""

from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import BadModel, UsageError
from ..images.picture_options import ends_of
from ..models.card import ModelCard
from ..models.model_file import ModelFile, ModelFormat
from ..text import numbers_text
from .names import ENGINES, EngineName
from .tensors import TensorSpec, byte_table, fits


@runtime_checkable
class Engine(Protocol):
    """Runs one network, one picture at a time. Not safe to share between threads."""

    name: str
    """The engine and its version, such as `litert 2.3.0`."""
    input_size_px: tuple[int, int]
    """(height, width)."""
    classes: int

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Classifies a picture, uint8 (H, W, 3) RGB or as the card's `image.channels` says.

        Returns:
            float32 (C,), a copy of its own, summing to 1 unless the card's scores are `independent`.
        """
        ...

    def close(self) -> None:
        """Frees the engine's memory. Calling it twice is allowed."""
        ...


class OpenedEngine(Engine, Protocol):
    """An engine that tells what its network takes, to be compared with what the card says."""

    takes: TensorSpec


def start_engine(model: ModelFile, engine: EngineName = "auto", threads: int = 1) -> OpenedEngine:
    """Opens an engine in this process, whatever the file does to it, and without a look at the card.

    Use `open.open_engine` for a file that nobody has vouched for.

    Raises:
        UsageError, Unavailable, BadModel: as `open_engine`.
    """
    check_runnable(model, engine)
    if model.format is ModelFormat.TFLITE:
        from .litert import LiteRTEngine  # noqa: PLC0415 - a device may have one engine only

        return LiteRTEngine(model, threads)
    from .onnxruntime import OnnxRuntimeEngine  # noqa: PLC0415 - a device may have one engine only

    return OnnxRuntimeEngine(model, threads)


def check_runnable(model: ModelFile, engine: EngineName = "auto") -> None:
    """Checks that an engine runs files of this format.

    Raises:
        UsageError: it does not.
    """
    if model.format is ModelFormat.H5:
        raise UsageError(f"{model.path}: a Keras model does not run on a device; run `edgecls export` first")
    if engine != "auto" and ENGINES[engine][0] != model.format:
        raise UsageError(f"{model.path}: {engine} does not run .{model.format} files; leave --engine out")


def check_against_card(engine: OpenedEngine, model: ModelFile) -> None:
    """Checks that a network's shapes, its type and the scale of its input are what the card says.

    Raises:
        BadModel: they are not.
    """
    card = model.card
    height_px, width_px = engine.input_size_px
    if engine.input_size_px != (card.image.height_px, card.image.width_px):
        raise BadModel(
            f"{model.path}: its card says an input of {card.image.height_px}x{card.image.width_px} px, the "
            f"network takes {height_px}x{width_px}; export it again"
        )
    if engine.takes.channels != card.image.shape[2]:
        raise BadModel(
            f"{model.path}: its card says {card.image.channels} pictures, the network takes {engine.takes}; "
            "export it again"
        )
    if engine.classes != len(card.labels):
        raise BadModel(
            f"{model.path}: its card has {len(card.labels)} labels, the network {engine.classes} classes; "
            "export it again"
        )
    if engine.takes.type_name != card.io:
        raise BadModel(
            f"{model.path}: its card says an input of {card.io}, the network takes {engine.takes.type_name}; "
            "export it again"
        )
    _check_scale(engine.takes, model)


def _check_scale(takes: TensorSpec, model: ModelFile) -> None:
    """Checks the scale that a card says where the network's input of integers has one.

    Raises:
        BadModel: of a file that was made here, it is another; of one made elsewhere, it does not fit: the
            range of its input was measured on some pictures.
    """
    card, ends = model.card, takes.ends
    if model.is_foreign or card.provenance.is_adopted:
        wanted = ends_of(card.scale, card.offset)
        if ends and not fits(ends, wanted):
            raise BadModel(
                f"{model.path}: its card says pixels of {wanted[0]:.4g} to {wanted[1]:.4g}, its integers "
                f"stand for {ends[0]:.4g} to {ends[1]:.4g}; adopt the original again"
            )
    elif not _takes_bytes_as_they_are(takes, card):
        scale, offset = takes.scale, -takes.zero_point * takes.scale
        raise BadModel(
            f"{model.path}: its card scales pixels by {numbers_text(card.scale)} and adds "
            f"{numbers_text(card.offset)}, the network by {scale:g} and {offset:g}; export it again"
        )


def _takes_bytes_as_they_are(takes: TensorSpec, card: ModelCard) -> bool:
    """Whether the scale of a quantised input is the card's: then each byte of a picture is its own value.

    Or the one beside it: of pixels from -1 to 1, no byte is 0, as an int8 network wants one to be.
    """
    if not takes.scale or card.io == "float32":
        return True
    table = byte_table(takes.dtype, card.scale, card.offset, takes.scale, takes.zero_point)
    lowest = -128 if card.io == "int8" else 0
    return table is None or bool((np.abs(table - np.arange(lowest, lowest + 256)) <= 1).all())
