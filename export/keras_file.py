"""The Keras original of an export: loaded safely, ours or made elsewhere, and run as the reference."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.backend import keras, tf
from ..data.keras_files import network as keras_network
from ..data.keras_files.content import computing_content, input_dtype
from ..data.keras_files.facts import saved_facts
from ..edge_runtime.errors import BadModel, UsageError
from ..edge_runtime.images.picture_options import AS_THE_FILE_SAYS, SCALINGS, PictureOptions
from ..edge_runtime.inspection.facts import TensorFacts
from ..edge_runtime.inspection.stated import of_start
from ..edge_runtime.models.card import MADE_ELSEWHERE, ModelCard, Provenance
from ..edge_runtime.models.foreign_scaling import scaling_of
from ..edge_runtime.models.model_file import ModelFile, ModelFormat, read_model
from .heads import with_scores
from .inputs import read_foreign
from .keras_ends import keras_ends
from .keras_start import keras_start

_BATCH_PIXELS = 256 * 32 * 32
"""Of the images that are predicted together: a large network's activations on more would take gigabytes."""


def load_network(original: str | Path | ModelFile) -> tuple[Any, ModelFile]:
    """Loads an `.h5` that `edgecls train` saved, from its path or from `read_model`.

    Returns:
        The Keras model (float32 (N, H, W, 3), scaled as the card says, to (N, C)) and its file with the card.

    Raises:
        MissingInput, BadModel: see `read_model`; or a layer that is refused; or not an `.h5`.
    """
    model = original if isinstance(original, ModelFile) else read_model(original)
    if model.format is not ModelFormat.H5:
        raise BadModel(f"{model.path}: a .{model.format} file, not the Keras original; name the .h5")
    network = keras_network.load_network(model.content, str(model.path))
    _check_against_card(network, model)
    return network, model


def _check_against_card(network: Any, model: ModelFile) -> None:
    rule, labels, path = model.card.image, len(model.card.labels), model.path
    taken = keras_ends(*_ends(network, model.content, str(path)), labels, AS_THE_FILE_SAYS, str(path))
    (height_px, width_px), channels = taken.size_px, taken.channels
    if (height_px, width_px, channels) != rule.shape:
        raise BadModel(
            f"{path}: its card says an input of {rule.height_px}x{rule.width_px} px, {rule.channels}, the "
            f"network takes {height_px}x{width_px} and {channels} channels; train again"
        )
    if model.card.io != "float32":
        raise BadModel(
            f"{path}: its card says an input of {model.card.io}, a Keras model takes float32; train again"
        )


def load_foreign(
    path: Path,
    labels: tuple[str, ...],
    options: PictureOptions = AS_THE_FILE_SAYS,
    on_note: Callable[[str], None] = lambda _: None,
) -> tuple[Any, ModelFile]:
    """Loads an `.h5` or `.keras` that was made elsewhere, by Keras 2 or 3.

    Args:
        path: a classifier of pictures, float32 (N, H, W, 3) or grey (N, H, W, 1), to (N, C); for two labels
            to (N, 1) too.
        labels: in the order of its outputs; one output is the second label's.
        options: how it wants its pictures, where its first layers do not say so.
        on_note: called with a line about its pixels or scores, where they are not what is usual, or not what
            the user says.

    Returns:
        As `load_network`, with what `with_scores` adds to its end, and a new card.

    Raises:
        UsageError: edgecls trained it, so it has its own labels and scaling; or nobody says how its pixels
            are scaled.
        MissingInput, BadModel: it cannot be read, has a layer that is refused, or is not a
            classifier with these labels.
    """
    content = read_foreign(path)
    network = keras_network.load_network(content, str(path), options.size_px)
    taken = keras_ends(*_ends(network, content, str(path)), len(labels), options, str(path))
    if len(network.outputs) > 1:
        network = keras.Model(network.inputs[0], network.outputs[taken.output])
    if taken.note:
        on_note(f"{path}: {taken.note}")
    channels = taken.channels
    rule = replace(options.rule(*taken.size_px, channels, str(path)), decode="reduced")
    provenance = Provenance(recipe={MADE_ELSEWHERE: options.stated})
    if "int" in (dtype := input_dtype(content, str(path))):
        scaling = SCALINGS["0..255"]
        if options.scaling not in (None, scaling):
            raise UsageError(f"{path}: takes pixels of 0..255 ({dtype}); leave --scale, --mean and --std out")
    else:
        said = of_start(keras_start(network), channels)
        scaling = scaling_of(said, options, str(path), on_note, on_note)
    if assumption := options.assumption(rule):
        on_note(f"{path}: {assumption}")
    card = ModelCard(labels, rule, *scaling, io="float32", provenance=provenance)
    network, card = with_scaling_layer(network, card)
    ended = with_scores(network, card, str(path))
    if ended.note:
        on_note(f"{path}: {ended.note}")
    card = replace(card, scores=ended.scores)
    return ended.network, ModelFile(path, ModelFormat.H5, content, card)


def load_again(model: ModelFile) -> tuple[Any, ModelFile]:
    """Loads the Keras model that a file was exported from, whose card it has; see `load_foreign`."""
    stated: Any = model.card.provenance.recipe.get(MADE_ELSEWHERE)
    if not isinstance(stated, dict):  # exported before files said so: there was only --scale
        used = model.card.scale, model.card.offset
        stated = {"scale": next((name for name, both in SCALINGS.items() if both == used), "unknown")}
    try:
        options = PictureOptions(**stated)
    except (TypeError, UsageError) as error:
        raise BadModel(f"{model.path}: how it wants its pictures is not known; export it again") from error
    return load_foreign(model.path, model.card.labels, options)


def with_scaling_layer(network: Any, card: ModelCard) -> tuple[Any, ModelCard]:
    """Returns a network that takes pixels of 0..1, and its card, where each channel has a scale of its own.

    So the input of an int8 file still takes a camera's bytes, with one scale for all channels. It is a
    convolution of one pixel, whose weights int8 keeps for each channel.
    """
    if not isinstance(card.scale, tuple) and not isinstance(card.offset, tuple):
        return network, card
    scale, offset = (
        np.broadcast_to(np.asarray(values, np.float32), 3) for values in (card.scale, card.offset)
    )
    layer: Any = keras.layers.DepthwiseConv2D(1, name="scaling")
    scaled: Any = keras.Sequential([keras.Input(card.image.shape), layer, network])
    layer.set_weights([(scale * 255).reshape(1, 1, 3, 1), offset])
    return scaled, replace(card, scale=1 / 255, offset=0.0)


class KerasEngine:
    """The Keras model as an `Engine`, compiled by `tf.function`, which is the fastest way to run it."""

    def __init__(self, original: str | Path | ModelFile | tuple[Any, ModelFile]) -> None:
        """Takes an `.h5` of ours, as a path or read already, or what a function above returned."""
        self.network, self.model = original if isinstance(original, tuple) else load_network(original)
        card = self.model.card
        self.name = f"keras {keras.__version__}, tensorflow {tf.__version__}"
        self.input_size_px = card.image.height_px, card.image.width_px
        self.classes = len(card.labels)
        self._infer: Any = tf.function(
            lambda images: self.network(
                tf.cast(images, tf.float32) * card.scale + card.offset, training=False
            ),
            input_signature=[tf.TensorSpec([None, *card.image.shape], tf.uint8)],
        )

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        return self.predict_batch(image[np.newaxis])[0]

    def predict_batch(self, images: np.ndarray) -> np.ndarray:
        """Classifies uint8 (N, H, W, 3) RGB; returns float32 (N, C)."""
        height_px, width_px = self.input_size_px
        size = max(1, min(256, _BATCH_PIXELS // (height_px * width_px)))
        batches = [self._infer(images[start : start + size]).numpy() for start in range(0, len(images), size)]
        return np.concatenate(batches)

    def close(self) -> None:
        """See `Engine.close`."""
        self._infer = None


def _ends(network: Any, content: bytes, name: str) -> tuple[tuple[TensorFacts, ...], tuple[TensorFacts, ...]]:
    """A network's inputs and outputs, with the names that they have in the file."""
    saved = saved_facts(computing_content(content, name))
    return (
        keras_network.built_ends(saved.inputs, network.inputs),
        keras_network.built_ends(saved.outputs, network.outputs),
    )
