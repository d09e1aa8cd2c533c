"""A Keras model made elsewhere: the same search says with which options `edgecls export` takes it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...data.known_pictures import check_pictures, read_known
from ...edge_runtime.errors import UsageError
from ...edge_runtime.models.label_file import read_labels
from ..inputs import read_foreign
from ..keras_ends import check_saved
from .adopt import MOST_PICTURES, Adoption, AdoptOptions, check_installed, refusal_of
from .preparations import Known, PixelScaling, Preparation, crops
from .search import Search


def search_keras(options: AdoptOptions, on_step: Callable[[str], None] = lambda _: None) -> Adoption:
    """Finds how a Keras model wants its pictures; writes nothing.

    Raises:
        UsageError: its labels are not named, or edgecls trained it.
        BadModel: it is refused, or not a classifier with these labels.
        BadData: the pictures cannot be used.
    """
    path, asked = options.stranger.model, options.stranger.pictures
    if options.output or options.force or options.reorder:
        raise UsageError(
            f"{path}: a Keras model is exported, not adopted; leave --to, --force, --reorder out"
        )
    if options.stranger.labels is None:
        raise UsageError(f"{path}: name its labels with --labels, a file with one on each line")
    notes: list[str] = []
    labels = read_labels(options.stranger.labels, notes.append)
    check_installed()
    content = read_foreign(path)
    check_saved(content, len(labels), asked, str(path))
    check_pictures(options.data, labels)
    on_step("loading TensorFlow")
    from ..keras_file import KerasEngine, load_foreign  # noqa: PLC0415 - after what is refused without it

    stated = None
    try:
        network, file = load_foreign(path, labels, asked, notes.append)
        stated = None if asked.scaling else PixelScaling("", file.card.scale, file.card.offset)
    except UsageError:
        if asked.scaling:
            raise
        network, file = load_foreign(path, labels, replace(asked, scale="0..255"), notes.append)
    known = Known(file.format, file.card.image, asked, stated)
    on_step("reading pictures")
    pictures = read_known(options.data, labels, crops(known), MOST_PICTURES // 2)

    def answer(preparation: Preparation, images: np.ndarray) -> np.ndarray:
        scaling = preparation.scaling
        card = replace(file.card, image=preparation.rule, scale=scaling.scale, offset=scaling.offset)
        return KerasEngine((network, replace(file, card=card))).predict_batch(images)

    found = Search(known, pictures, labels, answer, on_step).run()
    refusal = refusal_of(options, found, pictures)
    return Adoption(found, pictures, labels, None, refusal, notes=tuple(notes))
