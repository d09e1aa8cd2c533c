"""The stranger: a file made elsewhere as adopt sees it, with what it says of itself and what a user says."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ...edge_runtime.errors import UsageError
from ...edge_runtime.files import open_file
from ...edge_runtime.images.picture_options import AS_THE_FILE_SAYS, SCALINGS, PictureOptions
from ...edge_runtime.inspection.inspect import read_network
from ...edge_runtime.inspection.stated import Stated
from ...edge_runtime.models.card import ModelCard
from ...edge_runtime.models.foreign import read_unscaled
from ...edge_runtime.models.foreign_scaling import scaling_of as checked_scaling
from ...edge_runtime.models.label_file import read_labels
from ...edge_runtime.models.model_file import ModelFile
from .preparations import Known, PixelScaling


@dataclass(frozen=True)
class StrangerOptions:
    """A file, and what the user knows of it."""

    model: Path
    labels: Path | None = None
    """None: those inside the file."""
    pictures: PictureOptions = AS_THE_FILE_SAYS


@dataclass(frozen=True)
class Stranger:
    """A file made elsewhere, which has passed its trial."""

    file: ModelFile
    """Its weights are inside, also where they lay beside it; its card says nothing of the scale."""
    labels: tuple[str, ...]
    known: Known
    notes: tuple[str, ...]
    """What was taken for what, a line each."""
    operators: tuple[str, ...]
    output_number: int = 0
    """Of its outputs, the one that is read."""

    def with_card(self, card: ModelCard) -> ModelFile:
        """The file with a card of another preparation."""
        return replace(self.file, card=card)


def read_stranger(options: StrangerOptions, on_warning: Callable[[str], None]) -> Stranger:
    """Reads a file made elsewhere, which passes its trial in a process with limits first.

    Raises:
        UsageError: edgecls made it, it is a Keras model, it has no labels and none are named, or an option
            makes no sense for it.
        BadModel: it cannot be run, or has another number of classes than there are labels.
        MissingInput, PermissionRefused: it cannot be read.
    """
    if is_keras(options.model):
        raise UsageError(f"{options.model}: a Keras model does not run on a device; export it")
    notes: list[str] = []
    labels = read_labels(options.labels, notes.append) if options.labels else None
    pictures = options.pictures
    file, said = read_unscaled(options.model, labels, pictures, notes.append, on_warning)
    if pictures.scaling is not None:
        checked_scaling(said, pictures, str(options.model), notes.append, on_warning)
    rule = replace(file.card.image, decode="reduced")
    facts = read_network(file.content, str(file.path))
    outputs = [output.name for output in facts.outputs]
    number = outputs.index(file.card.output) if file.card.output else 0
    operators = tuple(operator.name for operator in facts.operators)
    known = Known(file.format, rule, pictures, _by_file(said), said.ends)
    if known.stated and said.by:
        notes.append(f"{file.path}: takes {known.stated.options}, by {said.by}")
    elif said.unclear:
        notes.append(f"{file.path}: {said.unclear}")
    return Stranger(file, file.card.labels, known, tuple(notes), operators, number)


def _by_file(said: Stated) -> PixelScaling | None:
    """The scaling that a file states; None where it states none."""
    if said.takes_bytes:
        return PixelScaling("", *SCALINGS["0..255"])
    if said.options and said.options.scaling:
        return PixelScaling(said.options.scaling_text, *said.options.scaling)
    return None


def is_keras(path: Path) -> bool:
    """Whether a file is an `.h5` or `.keras`, by its first bytes: `edgecls export` takes those."""
    with open_file(path) as file:
        return file.read(8).startswith(_KERAS)


_KERAS = (b"\x89HDF\r\n\x1a\n", b"PK\x03\x04")
