"""The ends of a Keras file made elsewhere: whether it is a classifier of pictures with these labels.

What its description tells is checked before Keras is loaded, which takes seconds; the rest once it is built.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..data.keras_files.content import computing_content, refuse_early
from ..data.keras_files.facts import saved_facts
from ..edge_runtime.errors import BadModel
from ..edge_runtime.images.picture_options import PictureOptions, any_size
from ..edge_runtime.inspection.facts import TensorFacts
from ..edge_runtime.models.foreign_ends import chosen_output, output_note, wanted_size


@dataclass(frozen=True)
class KerasEnds:
    """What a network takes, and which of its outputs is read."""

    size_px: tuple[int, int]
    """(height, width) of the pictures."""
    channels: int
    output: int
    """Its number among the outputs."""
    note: str = ""
    """What a user should know of the choice."""


def check_saved(content: bytes, labels: int, options: PictureOptions, name: str) -> None:
    """Refuses a file that nobody has vouched for, and that `keras_ends` would refuse, without Keras.

    Args:
        content: of the file.
        labels: how many there are.
        options: of the user.
        name: of the file.

    Raises:
        BadModel, UsageError: as `keras_ends`, as far as the description tells; or as `computing_content`.
        Unavailable: h5py is not installed.
    """
    refuse_early(content, name)
    facts = saved_facts(computing_content(content, name))
    if not facts.inputs or not facts.outputs:  # of an unusual description
        return
    known = all(output.shape and None not in output.shape[1:] for output in facts.outputs)
    if known or options.output or len(facts.outputs) == 1:
        keras_ends(facts.inputs, facts.outputs, labels, options, name)
    else:
        picture_of(facts.inputs, options, name)


def keras_ends(
    inputs: Sequence[TensorFacts],
    outputs: Sequence[TensorFacts],
    labels: int,
    options: PictureOptions,
    name: str,
) -> KerasEnds:
    """Returns what a network takes and which output is read.

    Args:
        inputs: with their shapes, (None, H, W, C); None stands for a size that is left open.
        outputs: with their shapes, or None for what is not known yet.
        labels: how many there are.
        options: of the user: the size of the pictures for a network that takes any, the output to read.
        name: of the file.

    Raises:
        BadModel: it does not take one picture, or gives no row of scores, or not one for each label.
        UsageError: the size or the output is missing, or makes no sense.
    """
    size_px, channels = picture_of(inputs, options, name)
    rows = [replace(output, dtype="float32") for output in outputs]  # as it is built
    chosen = chosen_output(rows, labels, options.output or "", name)
    sizes = chosen.shape[1:] if chosen.shape else (None,)
    if len(sizes) != 1:
        raise BadModel(f"{name}: gives {chosen.text}, not one row of scores [?, C]; use a classifier")
    if sizes[0] not in (None, labels) and (sizes[0], labels) != (1, 2):
        what = f"output {chosen.name}" if len(rows) > 1 else "network"
        classes = f"{sizes[0]:,} class{'' if sizes[0] == 1 else 'es'}"
        raise BadModel(
            f"{name}: the {what} has {classes}, but there are {labels:,} labels; "
            "write one label for each class"
        )
    note = "" if options.output or len(rows) == 1 else output_note(chosen, labels)
    return KerasEnds(size_px, channels, rows.index(chosen), note)


def picture_of(
    inputs: Sequence[TensorFacts], options: PictureOptions, name: str
) -> tuple[tuple[int, int], int]:
    """Returns the (height, width) and the channels of the pictures that a network takes; see `keras_ends`."""
    wanted = wanted_size(inputs, options.size_px, name)
    shape = inputs[0].shape or ()
    if len(shape) != 4 or shape[3] not in (1, 3):
        raise BadModel(
            f"{name}: takes {inputs[0].text}, not pictures [?, H, W, 3] or [?, H, W, 1]; "
            "use a network for pictures"
        )
    height_px, width_px = (side or asked for side, asked in zip(shape[1:3], wanted, strict=True))
    if not (height_px and width_px):
        raise any_size(name)
    return (height_px, width_px), shape[3] or 0
