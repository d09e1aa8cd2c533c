"""Fits a network, epoch by epoch, in a loop of our own, so that all state is plain values."""

import importlib
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..data.backend import JIT_COMPILE, keras
from ..data.load import Dataset
from .batches import Batch, EpochBatches
from .checkpoint import TrainingState
from .class_weights import class_weights
from .fused import FusedBatchNormalization, is_fusible
from .losses import accuracy, loss
from .optimizer import optimizer
from .predict import SILENT, answers, scaled
from .progress import Progress
from .recipe import Recipe
from .report import Epoch, Metrics, best_epoch, metrics
from .teacher import Teacher

# What `fit` is given to read an epoch's batches from.

_AHEAD = 16
"""Batches that are made while the network computes."""


def feed(batches: EpochBatches) -> Any:
    """The batches in the form that the backend reads without waiting.

    For TensorFlow Keras would make of them a `tf.data.Dataset` whose automatic tuning, when it is ended,
    may sleep on until its next round. Rounds come 10 ms * (2**n - 1) after the start, so that an epoch of
    21 s took 41 s, now and then. There is nothing to tune in it: it is made here, without.
    """
    if keras.config.backend() != "tensorflow":
        return batches
    tf: Any = importlib.import_module("tensorflow")
    signature = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in batches[0])
    seen: Any = weakref.ref(batches)  # TensorFlow never lets go of what a generator comes from
    made = tf.data.Dataset.from_generator(lambda: _each(seen()), output_signature=signature)
    made = made.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(_AHEAD)
    options = tf.data.Options()
    options.autotune.enabled = False
    return made.with_options(options)


def _each(batches: EpochBatches) -> Iterator[Batch]:
    return map(batches.__getitem__, range(len(batches)))


# The network in the form that is fitted: scaling in front, compiled, in the recipe's precision.

_STEPS_PER_EXECUTION = 16
"""Batches for each call from Python; more than a few tens do not make a small network faster."""


def learner(network: keras.Model, recipe: Recipe, steps: int) -> keras.Model:
    """A model to fit, with weights of its own that start as the network's.

    Args:
        network: as `networks.build` makes it.
        recipe: what decides optimizer, loss and precision.
        steps: of the whole training.
    """
    made = scaled(optimised(network, recipe.precision))
    backend = keras.config.backend()
    made.compile(
        optimizer=optimizer(recipe, steps),
        loss=loss(recipe),
        metrics=[accuracy],
        jit_compile=JIT_COMPILE,
        steps_per_execution=1 if backend == "torch" else _STEPS_PER_EXECUTION,  # torch takes no other
    )
    made.optimizer.build(made.trainable_variables)
    return made


def optimised(network: keras.Model, precision: str) -> keras.Model:
    """A copy that computes in `bfloat16` or `float32`, fused where it can be; or the network, if it does.

    Its weights are float32, and as many and in the same order as the network's, and so is its last layer.
    """
    if precision == "float32" and not any(map(is_fusible, network.layers)):
        return network
    last = network.layers[-1].name

    def copied(layer: keras.Layer) -> keras.Layer:
        kind = FusedBatchNormalization if is_fusible(layer) else type(layer)
        config = layer.get_config()
        if precision != "float32" and layer.name != last:
            config["dtype"] = f"mixed_{precision}"
        return kind.from_config(config)

    copy = keras.models.clone_model(network, clone_function=copied)
    copy.set_weights(network.get_weights())
    return copy


def weights(learning: keras.Model) -> list[np.ndarray]:
    """What the network inside has learnt so far, as `set_weights` takes it."""
    return learning.layers[-1].get_weights()


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
            metrics(answers(self._learner, split.images), split.truth)
            for split in (self.dataset.val, self.dataset.test)
        )
        done = Epoch(number, time.perf_counter() - started_s, train, val, test)
        self.progress.epoch_done(done)
        values = tuple(np.asarray(keras.ops.convert_to_numpy(variable)) for variable in self._variables)
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
        batches.ask_teacher()
        watch = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: self.progress.batches_done(
                min(batch + 1, len(batches)), logs["loss"], logs["accuracy"]
            )
        )
        means = self._learner.fit(feed(batches), verbose=SILENT, shuffle=False, callbacks=[watch]).history
        return Metrics(means["loss"][-1], means["accuracy"][-1])

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
