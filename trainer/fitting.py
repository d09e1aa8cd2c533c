"""Fitting a network as the recipe says: all of it, its last layer, or one after the other."""

from collections.abc import Callable
from dataclasses import dataclass

from ..data.backend import keras
from ..data.load import Dataset
from .checkpoint import TrainingState
from .features import ViewFeatures
from .fit import fit
from .frozen import PlainFeatures, fit_frozen
from .progress import Progress
from .recipe import FROZEN, TUNED, Recipe
from .report import Epoch
from .teacher import TeacherFile
from .tuned import fit_tuned


@dataclass(frozen=True)
class FittedNetwork:
    """A fitted network."""

    network: keras.Model
    history: tuple[Epoch, ...]
    plain: PlainFeatures | None = None
    """Where its last layer was fitted on features."""


@dataclass(frozen=True)
class Fitting:
    """Fits a network in the recipe's way; the fields are arguments of `fit`, `fit_frozen` and `fit_tuned`."""

    dataset: Dataset
    recipe: Recipe
    teacher: TeacherFile | None
    start: TrainingState | None
    on_epoch: Callable[[TrainingState], None]
    features: ViewFeatures | None
    progress: Progress

    def of(self, network: keras.Model) -> FittedNetwork:
        """Fits the network in place."""
        data, recipe = self.dataset, self.recipe
        if recipe.backbone == FROZEN:
            history, plain = fit_frozen(
                network,
                data,
                recipe,
                start=self.start,
                on_pass=self.on_epoch,
                features=self.features,
                progress=self.progress,
            )
            return FittedNetwork(network, history, plain)
        common = {
            "teacher": self.teacher,
            "start": self.start,
            "on_epoch": self.on_epoch,
            "progress": self.progress,
        }
        if recipe.backbone == TUNED:
            return FittedNetwork(network, fit_tuned(network, data, recipe, features=self.features, **common))
        return FittedNetwork(network, fit(network, data, recipe, **common))
