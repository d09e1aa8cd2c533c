"""Fits a network, epoch by epoch, in a loop of our own, so that its whole state is plain values."""

import time
from collections.abc import Callable

import numpy as np

from ..data.backend import keras
from ..data.load import Dataset
from .batches import EpochBatches, as_dataset
from .checkpoint import TrainingState
from .compiled import SILENT, compiled_to_fit, fast_copy, fitted_weights, predict_uint8
from .losses import class_weights
from .progress import Progress
from .recipe import Recipe
from .report import Epoch, Metrics, best_epoch, metrics
from .teacher import Teacher, TeacherFile

PATIENCE_EPOCHS = 3
"""Early stopping ends a training whose validation loss has not improved for so long."""


def fit(
    network: keras.Model,
    dataset: Dataset,
    recipe: Recipe,
    *,
    teacher: TeacherFile | None = None,
    start: TrainingState | None = None,
    on_epoch: Callable[[TrainingState], None] = lambda _: None,
    progress: Progress | None = None,
) -> tuple[Epoch, ...]:
    """Trains `network` in place; returns what each epoch gave.

    Args:
        network: as `networks.build` makes it.
        dataset: only `train` is fitted. `val` decides when to stop; `test` is shown after each epoch, as in
            the documented recipe.
        recipe: the options; those of its `design` are already in the network.
        teacher: what the recipe's `teacher` names, loaded.
        start: a state from `on_epoch` to resume from; the result is as if never interrupted.
        on_epoch: called with the state after each epoch.
        progress: shows how far the training is.
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
    """What the epochs of one training have in common."""

    def __init__(
        self,
        network: keras.Model,
        dataset: Dataset,
        recipe: Recipe,
        teacher: TeacherFile | None,
        progress: Progress,
    ) -> None:
        self.network, self.dataset, self.recipe, self.progress = network, dataset, recipe, progress
        steps = recipe.epochs * len(EpochBatches(dataset.train, recipe, 0))
        self._model = compiled_to_fit(network, recipe, steps)
        self._variables = [*self._model.variables, *self._model.optimizer.variables]
        classes = len(dataset.labels)
        self._weights = class_weights(dataset.train.truth, classes) if recipe.balance else None
        self._teacher = None
        if teacher:
            copy = fast_copy(teacher.network, recipe.precision)
            self._teacher = Teacher(copy, len(dataset.train), classes, recipe.epochs, teacher.pixels)

    def assign(self, values: tuple[np.ndarray, ...]) -> None:
        """Restores the state of an interrupted training."""
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
        self.network.set_weights(fitted_weights(self._model))

    def epoch(self, before: TrainingState) -> TrainingState:
        """Trains one epoch and evaluates it; returns the state after it."""
        started_s = time.perf_counter()
        number = len(before.history) + 1
        train = self._fit_once(number)
        self.network.set_weights(fitted_weights(self._model))
        # By the compiled model: in the recipe's precision, as in training.
        val, test = (
            metrics(predict_uint8(self._model, split.images), split.truth)
            for split in (self.dataset.val, self.dataset.test)
        )
        done = Epoch(number, time.perf_counter() - started_s, train, val, test)
        self.progress.epoch_done(done)
        values = tuple(variable.numpy() for variable in self._variables)
        history = (*before.history, done)
        return TrainingState(history, values, self._kept(before.kept, history))

    def _fit_once(self, number: int) -> Metrics:
        batches = EpochBatches(
            self.dataset.train,
            self.recipe,
            number - 1,
            mirrored_is_same=self.dataset.mirrored_is_same,
            teacher=self._teacher,
            class_weights=self._weights,
        )
        self.progress.epoch_started(number, self.recipe.epochs, len(batches))
        batches.run_teacher()
        on_batch = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: self.progress.batches_done(
                min(batch + 1, len(batches)), logs["loss"], logs["accuracy"]
            )
        )
        means = self._model.fit(
            as_dataset(batches), verbose=SILENT, shuffle=False, callbacks=[on_batch]
        ).history
        return Metrics(means["loss"][-1], means["accuracy"][-1])

    def _kept(self, before: tuple[np.ndarray, ...], history: tuple[Epoch, ...]) -> tuple[np.ndarray, ...]:
        """Returns the weights to save if they are not simply the last ones; see `TrainingState.kept`."""
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
