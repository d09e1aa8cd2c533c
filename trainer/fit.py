"""Fits a network, epoch by epoch, in a loop of our own, so that all state is plain values."""

import time
from collections.abc import Callable

import numpy as np

from .backend import keras
from .batches import EpochBatches
from .checkpoint import TrainingState
from .class_weights import class_weights
from .data import Dataset
from .feed import feed
from .history import Epoch, Figures, best_epoch, figures
from .learner import learner, optimised, weights
from .predict import SILENT, answers
from .progress import Progress
from .recipe import Recipe
from .teacher import Teacher

PATIENCE_EPOCHS = 3
"""Early stopping ends a training that has not improved on the validation split for so long."""


def fit(
    network: keras.Model,
    dataset: Dataset,
    recipe: Recipe,
    *,
    teacher: keras.Model | None = None,
    start: TrainingState | None = None,
    on_epoch: Callable[[TrainingState], None] = lambda _: None,
    progress: Progress | None = None,
) -> tuple[Epoch, ...]:
    """Trains `network` in place and returns what each epoch gave.

    Args:
        network: takes float32 (N, H, W, 3), 0 to 1, as `networks.build` makes it.
        dataset: fitted on `train` alone. `test` is shown after each epoch, as the documented recipe does,
            and `val` decides when to stop; neither is learnt from.
        recipe: the options; those of its `design` are already in the network.
        teacher: the network that the recipe's `teacher` names, loaded.
        start: a state that `on_epoch` was given, to go on from; the result is as if never interrupted.
        on_epoch: is given the state after each epoch, to be kept for `start`.
        progress: is told how far it is.
    """
    run = _Run(network, dataset, recipe, teacher, progress or Progress())
    state = start or TrainingState((), ())
    if start:
        run.assign(start.variables)
    while not _is_done(state.history, recipe):
        state = run.epoch(state)
        on_epoch(state)
    if state.kept:
        network.set_weights(_as_saved(state.kept, recipe))
    return state.history


class _Run:
    """What the epochs of one training share."""

    def __init__(
        self,
        network: keras.Model,
        dataset: Dataset,
        recipe: Recipe,
        teacher: keras.Model | None,
        progress: Progress,
    ) -> None:
        self.network, self.dataset, self.recipe, self.progress = network, dataset, recipe, progress
        steps = recipe.epochs * len(EpochBatches(dataset.train, recipe, 0))
        self._learner = learner(network, recipe, steps)
        self._variables = [*self._learner.variables, *self._learner.optimizer.variables]
        classes = len(dataset.labels)
        self._weights = class_weights(dataset.train.truth, classes) if recipe.balance else None
        self._teacher = None
        if teacher:
            asked = optimised(teacher, recipe.precision)
            self._teacher = Teacher(asked, len(dataset.train), classes, recipe.epochs)

    def assign(self, values: tuple[np.ndarray, ...]) -> None:
        """Takes up the state of an interrupted training."""
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
        self.network.set_weights(weights(self._learner))

    def epoch(self, before: TrainingState) -> TrainingState:
        """Goes once over the training images."""
        started_s = time.perf_counter()
        number = len(before.history) + 1
        train = self._fit_once(number)
        self.network.set_weights(weights(self._learner))
        # Asked of the learner: in the recipe's precision, as training is.
        val, test = (
            figures(answers(self._learner, split.images), split.truth)
            for split in (self.dataset.val, self.dataset.test)
        )
        done = Epoch(number, time.perf_counter() - started_s, train, val, test)
        self.progress.epoch_done(done)
        values = tuple(np.asarray(keras.ops.convert_to_numpy(variable)) for variable in self._variables)
        history = (*before.history, done)
        return TrainingState(history, values, self._kept(before.kept, history))

    def _fit_once(self, number: int) -> Figures:
        batches = EpochBatches(
            self.dataset.train,
            self.recipe,
            number - 1,
            mirrored_is_same=self.dataset.mirrored_is_same,
            teacher=self._teacher,
            class_weights=self._weights,
        )
        self.progress.epoch_started(number, self.recipe.epochs, len(batches))
        batches.ask_teacher()
        watch = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: self.progress.batches_done(
                min(batch + 1, len(batches)), logs["loss"], logs["accuracy"]
            )
        )
        means = self._learner.fit(feed(batches), verbose=SILENT, shuffle=False, callbacks=[watch]).history
        return Figures(means["loss"][-1], means["accuracy"][-1])

    def _kept(self, before: tuple[np.ndarray, ...], history: tuple[Epoch, ...]) -> tuple[np.ndarray, ...]:
        """The weights that will be saved, where they are not simply the last; see `TrainingState.kept`."""
        now = self.network.get_weights()
        if self.recipe.early_stopping:
            return tuple(now) if best_epoch(history) == len(history) else before
        if len(history) > self.recipe.epochs - self.recipe.average_epochs:
            sums = before or tuple(np.zeros_like(array, np.float64) for array in now)
            return tuple(sum_ + array for sum_, array in zip(sums, now, strict=True))
        return before


def _as_saved(kept: tuple[np.ndarray, ...], recipe: Recipe) -> list[np.ndarray]:
    if recipe.early_stopping:
        return list(kept)
    count = min(recipe.average_epochs, recipe.epochs)
    return [(array / count).astype(np.float32) for array in kept]


def _is_done(history: tuple[Epoch, ...], recipe: Recipe) -> bool:
    if recipe.early_stopping and history and len(history) - best_epoch(history) >= PATIENCE_EPOCHS:
        return True
    return len(history) >= recipe.epochs
