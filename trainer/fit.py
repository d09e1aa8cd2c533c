"""Fits a network, epoch by epoch, in a loop of our own, so that all state is plain values."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .backend import keras
from .batches import EpochBatches
from .checkpoint import TrainingState
from .data import Dataset
from .history import Epoch, Figures, best_epoch, figures
from .network import compile_documented
from .progress import Progress
from .recipe import Recipe

PATIENCE_EPOCHS = 3
"""Early stopping ends a training that has not improved on the validation split for so long."""
_EVALUATION_BATCH = 256
_SILENT: Any = 0  # Any, because pyright infers from Keras's default that `verbose` is a str


def fit(
    network: keras.Model,
    dataset: Dataset,
    recipe: Recipe,
    *,
    start: TrainingState | None = None,
    on_epoch: Callable[[TrainingState], None] = lambda _: None,
    progress: Progress | None = None,
) -> tuple[Epoch, ...]:
    """Trains `network` in place and returns what each epoch gave.

    Args:
        network: takes float32 (N, H, W, 3), 0 to 1, as `network.build` makes it.
        dataset: fitted on `train` alone. `test` is shown after each epoch, as the documented recipe does,
            and `val` decides when to stop; neither is learnt from.
        recipe: the options; `arch` and `dropout` are already in the network.
        start: a state that `on_epoch` was given, to go on from; the result is as if never interrupted.
        on_epoch: is given the state after each epoch, to be kept for `start`.
        progress: is told how far it is.
    """
    progress = progress or Progress()
    trainer = scaled(network)
    trainer.optimizer.build(trainer.trainable_variables)
    variables = [*trainer.variables, *trainer.optimizer.variables]
    history: tuple[Epoch, ...] = ()
    best_weights: tuple[np.ndarray, ...] = ()
    if start:
        history, best_weights = start.history, start.best_weights
        for variable, value in zip(variables, start.variables, strict=True):
            variable.assign(value)
    while not _is_done(history, recipe):
        history += (_run_epoch(trainer, dataset, recipe, len(history), progress),)
        if recipe.early_stopping and best_epoch(history) == len(history):
            best_weights = tuple(network.get_weights())
        values = tuple(np.asarray(keras.ops.convert_to_numpy(variable)) for variable in variables)
        on_epoch(TrainingState(history, values, best_weights))
    if best_weights:
        network.set_weights(best_weights)
    return history


def probabilities(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """What a network gives for uint8 (N, H, W, 3) RGB: float32 (N, C), each row summing to 1."""
    return _predict(scaled(network), images)


def scaled(network: keras.Model) -> keras.Model:
    """The network with the scaling in front of it, so that images stay uint8 until they are in the graph."""
    shape = network.input_shape[1:]
    scaling = keras.layers.Rescaling(1 / 255)
    trainer = keras.Sequential([keras.Input(shape, dtype="uint8"), scaling, network])
    compile_documented(trainer)
    return trainer


def _is_done(history: tuple[Epoch, ...], recipe: Recipe) -> bool:
    if recipe.early_stopping and history and len(history) - best_epoch(history) >= PATIENCE_EPOCHS:
        return True
    return len(history) >= recipe.epochs


def _run_epoch(
    trainer: keras.Model, dataset: Dataset, recipe: Recipe, epoch: int, progress: Progress
) -> Epoch:
    started_s = time.perf_counter()
    batches = EpochBatches(
        dataset.train,
        recipe.batch_size,
        recipe.seed,
        epoch,
        augmented=recipe.augment,
        mirror=dataset.mirrored_is_same,
    )
    progress.epoch_started(epoch + 1, recipe.epochs, len(batches))
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: progress.batch_done(logs["loss"], logs["accuracy"])
    )
    means = trainer.fit(batches, verbose=_SILENT, shuffle=False, callbacks=[watch]).history
    val, test = (
        figures(_predict(trainer, split.images), split.truth) for split in (dataset.val, dataset.test)
    )
    train = Figures(means["loss"][-1], means["accuracy"][-1])
    result = Epoch(epoch + 1, time.perf_counter() - started_s, train, val, test)
    progress.epoch_done(result)
    return result


def _predict(trainer: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.asarray(trainer.predict(images, batch_size=_EVALUATION_BATCH, verbose=_SILENT))
