"""The stranger: a file made elsewhere as adopt sees it, with what it says of itself and what a user says."""

from dataclasses import dataclass, replace
from pathlib import Path

from ...edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from ...edge_runtime.models.card import ModelCard
from ...edge_runtime.models.foreign import read_unscaled
from ...edge_runtime.models.label_file import read_labels
from ...edge_runtime.models.model_file import ModelFile
from .preparations import Known, PixelScaling


@dataclass(frozen=True)
class StrangerOptions:
    """A file, and what the user knows of it."""

    model: Path
    labels: Path | None = None
    pictures: PictureOptions = AS_THE_FILE_SAYS


@dataclass(frozen=True)
class Stranger:
    """A file made elsewhere, which has passed its trial."""

    file: ModelFile
    labels: tuple[str, ...]
    known: Known
    notes: tuple[str, ...] = ()
    output_number: int = 0

    @property
    def whole_content(self) -> bytes:
        """Its bytes, with the weights that lay beside it inside."""
        return self.file.content

    def with_card(self, card: ModelCard) -> ModelFile:
        """The file with a card of another preparation."""
        return replace(self.file, card=card)


def read_stranger(options: StrangerOptions) -> Stranger:
    """Reads a file made elsewhere, which passes its trial in a process with limits first.

    Raises:
        UsageError: edgecls made it, it is a Keras model, or its labels are not named.
        BadModel: it cannot be run, or has another number of classes than there are labels.
        MissingInput, PermissionRefused: it cannot be read.
    """
    notes: list[str] = []
    named = read_labels(options.labels, notes.append) if options.labels else None
    file, said = read_unscaled(options.model, named, options.pictures, notes.append, notes.append)
    rule = replace(file.card.image, decode="reduced")
    says = PictureOptions(scale="0..255") if said.takes_bytes else said.options
    numbers = says.scaling if says else None
    stated = PixelScaling("", *numbers) if numbers else None
    known = Known(file.format, rule, options.pictures, stated)
    return Stranger(file, file.card.labels, known, tuple(notes))
