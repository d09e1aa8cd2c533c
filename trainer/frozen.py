"""Training with a frozen network: pictures are looked at in several views, and the last layer is fitted.

A pass over the training pictures takes the place of an epoch: the first sees them as they are, each other one
in a new random view. After each the last layer is fitted to all views so far.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..data.backend import keras
from ..data.load import Dataset
from ..data.split import Split
from .checkpoint import TrainingState
from .features import Features, PictureView, ViewFeatures, view_features
from .last_layer import LastLayer, chosen_strength, fit_last_layer
from .losses import class_weights
from .networks.blocks import LAST_LAYER
from .networks.design import ARCHITECTURES
from .progress import Progress
from .recipe import Recipe
from .report import Epoch


@dataclass(frozen=True)
class PlainFeatures:
    """Features of the pictures of each split, as they are; float16 (N, D)."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class _Fitted:
    """All that one pass leaves to the next."""

    plain: PlainFeatures
    views: tuple[np.ndarray, ...]
    """Of the training pictures, the first as they are."""
    layer: LastLayer
    strength: float

    def state(self, history: tuple[Epoch, ...]) -> TrainingState:
        others = (self.plain.val, self.plain.test, self.layer.kernel, self.layer.bias)
        return TrainingState(history, (*others, np.array(self.strength), *self.views))

    @classmethod
    def of(cls, state: TrainingState) -> "_Fitted":
        val, test, kernel, bias, strength, *views = state.variables
        layer = LastLayer(kernel, bias)
        return cls(PlainFeatures(views[0], val, test), tuple(views), layer, float(strength))


def fit_frozen(
    network: keras.Model,
    dataset: Dataset,
    recipe: Recipe,
    *,
    start: TrainingState | None = None,
    on_pass: Callable[[TrainingState], None] = lambda _: None,
    features: ViewFeatures | None = None,
    progress: Progress | None = None,
) -> tuple[tuple[Epoch, ...], PlainFeatures]:
    """Fits the last layer of `network` in place.

    Args:
        network: a pretrained one, as `networks.build` makes it.
        dataset: only `train` is fitted; `val` chooses how strongly the weights are held small.
        recipe: `epochs` (passes), `augment`, `seed` and `balance` are used.
        start: a state from `on_pass` to resume from; the result is as if never interrupted.
        on_pass: called with the state after each pass.
        features: computes features; None computes them here.
        progress: shows how far the training is.

    Returns:
        What each pass gave, and the features of the pictures as they are.
    """
    shown = progress or Progress()
    compute = features or view_features(Features(network, ARCHITECTURES[recipe.arch].pixels))
    run = _Passes(dataset, recipe, compute, shown)
    history, fitted = (start.history, _Fitted.of(start)) if start else run.first_pass()
    while len(history) < run.passes:
        on_pass(fitted.state(history))
        history, fitted = run.next_pass(history, fitted)
    network.get_layer(LAST_LAYER).set_weights([fitted.layer.kernel, fitted.layer.bias])
    return history, fitted.plain


class _Passes:
    """What the passes of one training have in common."""

    def __init__(self, dataset: Dataset, recipe: Recipe, compute: ViewFeatures, progress: Progress) -> None:
        self._dataset, self._recipe, self._compute, self._progress = dataset, recipe, compute, progress
        self.passes = recipe.epochs if recipe.augment else 1
        self._weights = np.ones(len(dataset.labels))
        if recipe.balance:
            self._weights = class_weights(dataset.train.truth, len(dataset.labels))

    def first_pass(self) -> tuple[tuple[Epoch, ...], _Fitted]:
        """Looks at all pictures as they are; returns a history of one pass, and what was fitted."""
        started_s = time.perf_counter()
        splits = (self._dataset.train, self._dataset.val, self._dataset.test)
        names = ("training", "validation", "test")
        plain = PlainFeatures(
            *(self._look(split, PictureView(), name) for split, name in zip(splits, names, strict=True))
        )
        truth, val = self._dataset.train.truth, self._dataset.val
        self._progress.pass_started(1, self.passes, "fitting the last layer", 0)
        strength = chosen_strength(plain.train, truth, plain.val, val.truth, self._weights)
        layer = fit_last_layer([plain.train], truth, strength, self._weights)
        fitted = _Fitted(plain, (plain.train,), layer, strength)
        return self._done((), fitted, started_s), fitted

    def next_pass(self, history: tuple[Epoch, ...], before: _Fitted) -> tuple[tuple[Epoch, ...], _Fitted]:
        """Looks at the training pictures in another view, and fits all views."""
        started_s = time.perf_counter()
        recipe, train = self._recipe, self._dataset.train
        view = PictureView(len(before.views), recipe.augment, recipe.seed, self._dataset.mirrored_is_same)
        views = (*before.views, self._look(train, view, "training"))
        layer = fit_last_layer(views, train.truth, before.strength, self._weights, before.layer)
        fitted = _Fitted(before.plain, views, layer, before.strength)
        return self._done(history, fitted, started_s), fitted

    def _look(self, split: Split, view: PictureView, name: str) -> np.ndarray:
        text = f"looking at {len(split):,} {name} pictures"
        self._progress.pass_started(view.number + 1, self.passes, text, len(split))
        return self._compute(split.images, view, self._progress.images_done)

    def _done(self, history: tuple[Epoch, ...], fitted: _Fitted, started_s: float) -> tuple[Epoch, ...]:
        """Returns the history with this pass, and shows it."""
        data, plain, layer = self._dataset, fitted.plain, fitted.layer
        epoch = Epoch(
            len(history) + 1,
            time.perf_counter() - started_s,
            layer.metrics(fitted.views[-1], data.train.truth),
            layer.metrics(plain.val, data.val.truth),
            layer.metrics(plain.test, data.test.truth),
        )
        self._progress.epoch_done(epoch)
        return (*history, epoch)
