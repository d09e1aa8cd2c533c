"""Tensors: feeds pictures to a network and reads probabilities from it, whatever its types and layout are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ..errors import BadModel, InvalidOutput
from ..images.picture_options import any_size
from ..images.rule import ImageRule
from ..models.card import ModelCard, Offset, Scale, Scores

T = TypeVar("T")


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a network, as its engine describes it."""

    dtype: type[np.generic]
    shape: tuple[int, ...]
    scale: float = 0.0
    """Of a quantised tensor, real = (q - zero_point) * scale; 0 where the file does not say."""
    zero_point: int = 0

    @property
    def channels_first(self) -> bool:
        """Whether a picture's channels come before its height and width."""
        return len(self.shape) == 4 and self.shape[3] not in (1, 3) and self.shape[1] in (1, 3)

    @property
    def channels(self) -> int:
        """Of a picture that it takes: 3, or 1 if it is grey; 0 where it takes none."""
        if len(self.shape) != 4:
            return 0
        count = self.shape[1 if self.channels_first else 3]
        return count if count in (1, 3) else 0

    @property
    def ends(self) -> tuple[float, float] | None:
        """The least and the largest real value of an input of integers; of one without a scale, bytes.

        None for floats, which may be any.
        """
        if np.issubdtype(self.dtype, np.floating):
            return None
        if not self.scale:
            return 0.0, 255.0
        lowest = -128 if self.dtype is np.int8 else 0
        return (lowest - self.zero_point) * self.scale, (lowest + 255 - self.zero_point) * self.scale

    @property
    def type_name(self) -> str:
        """The type as a card's `io` has it, such as `uint8`."""
        return np.dtype(self.dtype).name

    def __str__(self) -> str:
        return f"{self.type_name} {list(self.shape)}"


_APART = 0.25
"""By what share of an integer input's range, which was measured on some pictures, pixels may differ."""


def fits(ends: tuple[float, float], wanted: tuple[float, float]) -> bool:
    """Whether an input of integers, whose range was measured, holds the values that are wanted."""
    width = ends[1] - ends[0]
    return all(abs(one - other) <= _APART * width for one, other in zip(ends, wanted, strict=True))


def picture_and_scores(
    inputs: Sequence[tuple[str, T]], outputs: Sequence[tuple[str, T]], wanted: str, name: str
) -> tuple[T, T]:
    """Returns the only input of a network, and the output that is wanted, or the only one.

    Args:
        inputs: with their names.
        outputs: with their names.
        wanted: the name of an output; empty for the only one.
        name: of the file, in messages.

    Raises:
        BadModel: there are several inputs, no such output, or several and none is wanted.
    """
    if len(inputs) != 1 or not outputs:
        raise BadModel(
            f"{name}: has {len(inputs)} inputs and {len(outputs)} outputs; use a classifier with one of each"
        )
    chosen = [output for output_name, output in outputs if wanted in ("", output_name)]
    if len(chosen) != 1:
        names = ", ".join(output_name for output_name, _ in outputs)
        raise BadModel(f"{name}: has the outputs {names}; name one of them with --output")
    return inputs[0][1], chosen[0]


def in_size(spec: TensorSpec, rule: ImageRule) -> TensorSpec:
    """Returns an input with the height and width of a rule where its shape has 0, for any size."""
    if len(spec.shape) != 4:
        return spec
    at = 2 if spec.channels_first else 1
    sides = zip(spec.shape[at : at + 2], (rule.height_px, rule.width_px), strict=True)
    return replace(
        spec, shape=(*spec.shape[:at], *(size or wanted for size, wanted in sides), *spec.shape[at + 2 :])
    )


_CHANNELS = np.arange(3)


@dataclass(frozen=True)
class PictureInput:
    """Turns a picture, uint8 (H, W, C) in the network's channels, into the tensor that the network takes."""

    size_px: tuple[int, int]
    """(height, width)."""
    table: np.ndarray | None
    """(256,) or for each channel (3, 256), from byte to the input's type; None where bytes go in as they are.
    """
    channels_first: bool

    def tensor(self, image: np.ndarray) -> np.ndarray:
        """Returns the input, [1, H, W, C] or [1, C, H, W]; for an exported file, a view of `image`."""
        if self.table is not None:
            image = self.table[image] if self.table.ndim == 1 else self.table[_CHANNELS, image]
        if self.channels_first:
            image = np.ascontiguousarray(image.transpose(2, 0, 1))
        return image[np.newaxis]


def picture_input(spec: TensorSpec, card: ModelCard, name: str) -> PictureInput:
    """Returns how to feed pictures to this input; `name` is the file's in messages.

    Raises:
        BadModel: it does not take one picture of three channels, or of one.
    """
    channels_first = spec.channels_first
    sides = spec.shape[2:] if channels_first else spec.shape[1:3]
    if spec.channels and spec.shape[0] == 1 and min(sides) < 1:
        raise any_size(name)
    if not spec.channels:
        raise BadModel(
            f"{name}: takes {spec}, not one picture [1, H, W, 3] or [1, H, W, 1]; take another network"
        )
    if spec.shape[0] != 1:
        raise BadModel(f"{name}: takes {spec}, not one picture at a time; export it for a batch of 1")
    if spec.dtype not in (np.uint8, np.int8, np.float32, np.float16):
        raise BadModel(f"{name}: takes {spec}; use a file that takes uint8, int8, float32 or float16")
    table = byte_table(spec.dtype, card.scale, card.offset, spec.scale, spec.zero_point)
    return PictureInput((sides[0], sides[1]), table, channels_first)


def byte_table(
    dtype: type[np.generic], scale: Scale, offset: Offset, tensor_scale: float = 0.0, zero_point: int = 0
) -> np.ndarray | None:
    """Returns the network's input for each of the 256 bytes, so that any scaling is a look-up in a table.

    Args:
        dtype: of the network's input: uint8, int8 or float32.
        scale: the network was trained on pixel * scale + offset; for each channel where it is three.
        offset: see `scale`.
        tensor_scale: of a quantised input, real = (q - zero_point) * tensor_scale; else 0.
        zero_point: see `tensor_scale`.

    Returns:
        `dtype` (256,), or (3, 256) for each channel; None where bytes go in as they are.
    """
    pixels = np.arange(256)
    real = pixels * _upright(scale) + _upright(offset)
    if np.issubdtype(dtype, np.floating):
        return real.astype(dtype)
    if not tensor_scale:  # the scaling is inside the graph
        return None if dtype is np.uint8 else (pixels - 128).astype(dtype)
    lowest = -128 if dtype is np.int8 else 0
    table = np.clip(np.rint(real / tensor_scale + zero_point), lowest, lowest + 255).astype(dtype)
    return None if dtype is np.uint8 and (table == pixels).all() else table


def _upright(values: Scale | Offset) -> "float | np.ndarray":
    return np.array(values)[:, None] if isinstance(values, tuple) else values


@dataclass(frozen=True)
class ScoreOutput:
    """Turns a network's output into float32 (C,) probabilities."""

    name: str
    """Of the model file, for messages."""
    numbers: int
    """In the output."""
    scale: float
    zero_point: int
    scores: Scores

    @property
    def classes(self) -> int:
        """How many probabilities it gives."""
        return 2 if self.scores.startswith("binary") else self.numbers

    def probabilities(self, output: np.ndarray) -> np.ndarray:
        """Returns the probabilities of a raw output [1, C]; an exported file's are its only row, as it is.

        Raises:
            InvalidOutput: on this picture it has another size than the file says.
        """
        scores = output.ravel()
        if scores.size != self.numbers:
            raise InvalidOutput(
                f"{self.name}: gave {scores.size:,} scores on this picture, not {self.numbers:,}; "
                "export it again"
            )
        if self.scale:
            scores = (scores.astype(np.float32) - self.zero_point) * np.float32(self.scale)
        elif scores.dtype != np.float32:
            scores = scores.astype(np.float32)
        if self.scores == "logits":
            powers = np.exp(scores - scores.max())
            return powers / powers.sum()
        if self.scores == "binary-logits":
            scores = (np.tanh(scores / 2) + 1) / 2  # the sigmoid, which does not overflow this way
        return np.append(1 - scores, scores) if self.classes > self.numbers else scores


_SCORES = (np.uint8, np.int8, np.float32, np.float16, np.float64)


def score_output(spec: TensorSpec, card: ModelCard, name: str) -> ScoreOutput:
    """Returns how to read probabilities from this output; `name` is the file's in messages.

    An integer output without a scale of its own is read as probability = (q - lowest) / 256.

    Raises:
        BadModel: it does not give one row of scores, or not the one number that the card says.
    """
    least = 1 if card.scores.startswith("binary") else 2
    shape = spec.shape
    if shape and 0 in shape[1:]:  # chosen at run time: as many as there are labels
        shape = (*shape[:-1], shape[-1] or (1 if least == 1 else len(card.labels)))
    numbers = int(np.prod(shape)) if shape else 0
    if numbers < least or max(shape) != numbers or spec.dtype not in _SCORES:
        raise BadModel(f"{name}: gives {spec}, not one row of scores [1, C]; use a classifier")
    if least == 1 < numbers:
        raise BadModel(
            f"{name}: its card says one score for two labels, the network gives {numbers:,}; export it again"
        )
    scale, zero_point = spec.scale, spec.zero_point
    if not np.issubdtype(spec.dtype, np.floating) and not scale:
        scale, zero_point = 1 / 256, -128 if spec.dtype is np.int8 else 0
    return ScoreOutput(name, numbers, scale, zero_point, card.scores)
