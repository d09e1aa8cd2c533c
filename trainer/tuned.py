"""Training of a pretrained network as a whole: the last layer first, then all layers in small steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ..data.backend import keras
from ..data.load import Dataset
from .checkpoint import TrainingState
from .features import ViewFeatures
from .fit import fit
from .frozen import fit_frozen
from .progress import Progress
from .recipe import Recipe
from .report import Epoch
from .teacher import TeacherFile

_FIRST_PASSES = 1
"""For the last layer alone, so that the first steps do not spoil what the network has learnt before."""


def fit_tuned(
    network: keras.Model,
    dataset: Dataset,
    recipe: Recipe,
    *,
    teacher: TeacherFile | None = None,
    start: TrainingState | None = None,
    on_epoch: Callable[[TrainingState], None] = lambda _: None,
    features: ViewFeatures | None = None,
    progress: Progress | None = None,
) -> tuple[Epoch, ...]:
    """Trains a pretrained `network` in place; returns what each epoch gave.

    Args as those of `fit`; `features` as that of `fit_frozen`.
    """
    shown = progress or Progress()
    if start is None:
        shown.message("first the last layer, on what the pretrained network sees")
        first = replace(recipe, epochs=_FIRST_PASSES)
        fit_frozen(network, dataset, first, features=features, progress=_Quiet(shown))
        shown.message("then all layers, in small steps")
    with _kept_normalisation(network):
        return fit(
            network, dataset, recipe, teacher=teacher, start=start, on_epoch=on_epoch, progress=progress
        )


@contextmanager
def _kept_normalisation(network: keras.Model) -> Iterator[None]:
    """Batch normalisation with ImageNet's means and variances: those of few pictures would be worse."""
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in layers:
        layer.trainable = False
    try:
        yield
    finally:
        for layer in layers:
            layer.trainable = True


class _Quiet(Progress):
    """Shows the passes for the last layer, but not as an epoch of the training."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    def pass_started(self, number: int, passes: int, text: str, images: int) -> None:
        """See `Progress`."""
        self._shown.pass_started(number, passes, text, images)

    def images_done(self, count: int) -> None:
        """See `Progress`."""
        self._shown.images_done(count)
