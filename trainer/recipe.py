"""Recipes: the options that, with the data set, decide a network's weights; and recipes by name."""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypedDict

from ..data.load import WARNING
from ..edge_runtime.errors import UnknownChoice, UsageError
from ..edge_runtime.schema import Range, Raw
from .augmentation import KINDS, parse_kinds
from .networks.design import ARCHITECTURES, Design

OPTIMIZERS = ("adam", "adamw", "muon", "sgd")
SCHEDULES = ("constant", "one-cycle")
PRECISIONS = ("float32", "bfloat16")
FROZEN, TUNED = BACKBONES = ("frozen", "tuned")
"""What becomes of a pretrained network: it stays as it is and only its last layer is fitted, or all layers
are trained further, the last one first."""


@dataclass(frozen=True)
class Recipe:
    """A recipe; its defaults are the documented one: Adam, sparse categorical cross-entropy, nothing else."""

    arch: str = "cnn"
    """A name in `design.ARCHITECTURES`."""
    depth: Annotated[int, Range(1, 10_000)] | None = None
    """Of `resnet`; see `Design`."""
    width: Annotated[float, Range(0.001, 1000)] | None = None
    """Of `resnet` and `mobilenet`; see `Design`."""
    epochs: Annotated[int, Range(1, 100_000)] = 10
    batch_size: Annotated[int, Range(1, 65_536)] = 32
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """For initial weights, the order of the images, augmentation, dropout and the split. 0 to 2**32 - 1."""
    optimizer: str = "adam"
    """One of `OPTIMIZERS`; `sgd` has a Nesterov momentum of 0.9, `muon` of 0.95."""
    learning_rate: Annotated[float, Range(1e-9, 1000)] = 1e-3
    """The peak of the schedule."""
    schedule: str = "constant"
    """One of `SCHEDULES`; see `optimizer.OneCycle`."""
    weight_decay: Annotated[float, Range(0, 1)] = 0.0
    """Decoupled (Loshchilov and Hutter 2019): each step shrinks kernels by learning rate times this."""
    label_smoothing: Annotated[float, Range(0, 0.9)] = 0.0
    """The share of each label that is spread over all classes (Szegedy et al. 2016)."""
    augment: tuple[str, ...] = ()
    """Names in `augmentation.KINDS`."""
    dropout: Annotated[float, Range(0, 0.95)] = 0.0
    """The share of activations dropped before each dense layer in training; 0 adds no dropout layer."""
    average_epochs: Annotated[int, Range(0, 100_000)] = 0
    """The saved weights are the mean over so many last epochs (Izmailov et al. 2018); 0: those of the
    last."""
    early_stopping: bool = False
    balance: bool = False
    """Whether class weights make all classes count the same."""
    teacher: Annotated[str, Raw] | None = None
    """The path of the `.h5` of a network to imitate (Hinton et al. 2015)."""
    temperature: Annotated[float, Range(0.1, 100)] = 4.0
    """Divides the logits of both networks before the student imitates the teacher."""
    teacher_share: Annotated[float, Range(0, 1)] = 0.9
    """The teacher's share of the loss; the rest comes from the true classes."""
    precision: str = "float32"
    """One of `PRECISIONS`, for computing while fitting. Weights are kept and saved as float32."""
    backbone: str | None = None
    """One of `BACKBONES`, for a pretrained network; None trains all layers from the start."""

    def __post_init__(self) -> None:
        for option, value, known in (
            ("--optimizer", self.optimizer, OPTIMIZERS),
            ("--schedule", self.schedule, SCHEDULES),
            ("--precision", self.precision, PRECISIONS),
            ("--recipe", self.backbone or FROZEN, BACKBONES),
        ):
            if value not in known:
                raise UnknownChoice(
                    f"{option} {value}: not known; use {', '.join(known[:-1])} or {known[-1]}", value, known
                )
        parse_kinds(",".join(self.augment) or "none")  # refuses unknown names
        if self.early_stopping and self.average_epochs:
            raise UsageError(
                "--early-stopping and --average-epochs: the one keeps the best epoch's weights, the other "
                "the mean of the last; leave one out"
            )

    @property
    def design(self) -> Design:
        """The part that decides which network is built."""
        return Design(self.arch, self.dropout, self.depth, self.width)

    def by_option(self) -> dict[str, Any]:
        """Returns the values by their names on the command line."""
        values = {**asdict(self), "augment": ",".join(self.augment) or "none"}
        if backbone := values.pop("backbone"):
            values["recipe"] = backbone
        return {f"--{name.replace('_', '-')}": value for name, value in values.items()}


class RecipeOptions(TypedDict, total=False):
    """Fields of `Recipe` as a user gives them; None, like a missing one, keeps the recipe's own value."""

    depth: int | None
    width: float | None
    epochs: int | None
    batch_size: int | None
    seed: int | None
    optimizer: str | None
    learning_rate: float | None
    schedule: str | None
    weight_decay: float | None
    label_smoothing: float | None
    augment: str | None
    dropout: float | None
    average_epochs: int | None
    early_stopping: bool | None
    balance: bool | None
    teacher: str | Path | None
    temperature: float | None
    teacher_share: float | None
    precision: str | None


RECIPES = ("documented", "best", *BACKBONES)

_LEAST_BATCHES = 10
"""In an epoch. With two or three large batches of 200 pictures, a network has hardly moved after five epochs,
and the means of its batch normalisation lag behind: 21 % accuracy, where small batches gave 95 %."""
_SMALLEST_BATCH = 16

_BEST = Recipe(
    optimizer="sgd",
    learning_rate=0.15,
    schedule="one-cycle",
    weight_decay=5e-3,
    batch_size=128,
    label_smoothing=0.1,
    augment=("flip", "shift"),
    balance=True,
)
"""For all networks with batch normalisation."""

_MUON = {"optimizer": "muon", "learning_rate": 0.03, "weight_decay": 0.03}
"""Slightly beyond the best of the ten-epoch trials in docs/results/networks.md."""

_BEST_OF: dict[str, dict[str, Any]] = {
    # Without batch normalisation: a small learning rate; for so few epochs, no label smoothing.
    "cnn": {
        "epochs": 10,
        "batch_size": 64,
        "optimizer": "muon",
        "learning_rate": 4e-3,
        "weight_decay": 0.02,
        "label_smoothing": 0.0,
        "augment": ("jpeg", "flip", "shift", "noise"),
    },
    "resnet8": {"epochs": 80},
    "resnet": {"epochs": 30},
    "mobilenet": {"epochs": 40},
    # JPEG, as for `cnn`: cameras send it. Noise was not tried with these two.
    "nano": {**_MUON, "epochs": 60, "augment": ("jpeg", "flip", "shift")},
    "edge": {**_MUON, "epochs": 40, "augment": ("jpeg", "flip", "shift", "cutout")},
}


_FROZEN = Recipe(backbone=FROZEN, epochs=6, augment=("flip", "crop"))
"""More kinds, such as colour and noise, lowered the accuracy of most of the sets that were tried."""
_TUNED = Recipe(
    backbone=TUNED,
    optimizer="adamw",
    learning_rate=1e-3,
    schedule="one-cycle",
    weight_decay=0.1,
    batch_size=32,
    epochs=8,
    label_smoothing=0.1,
    augment=KINDS,
)
"""All kinds of augmentation: of 355 pictures of the guide, `lite0-4` at 64 px has 98.3 % right so (one run),
and 95.8 % with flip, crop and colour, half the rate and half the decay."""
_TUNED_OF: dict[str, dict[str, Any]] = {"lite0-4": {"learning_rate": 2e-3}}

ONLY_TUNED = frozenset(
    {
        "batch_size",
        "optimizer",
        "learning_rate",
        "schedule",
        "weight_decay",
        "label_smoothing",
        "dropout",
        "average_epochs",
        "early_stopping",
        "teacher",
        "temperature",
        "teacher_share",
        "precision",
    }
)
"""Fields of `Recipe` without effect on a frozen network."""

_MANY_OF_CLASS = {"lite0": 500, "lite0-6": 100, "lite0-5": 50, "lite0-4": 30}
"""Training pictures of each class, on average, from which tuning is better than the frozen network."""


def named_recipe(name: str | None, arch: str) -> Recipe:
    """Returns the recipe of this name for a network.

    Without a name `documented` for `cnn`, `frozen` for pretrained ones, else `best`.

    Raises:
        UsageError: no such recipe, or not for this network.
    """
    is_pretrained = arch in ARCHITECTURES and ARCHITECTURES[arch].is_pretrained
    name = name or ("documented" if arch == "cnn" else FROZEN if is_pretrained else "best")
    if name not in RECIPES:
        known = f"{', '.join(RECIPES[:-1])} or {RECIPES[-1]}"
        raise UnknownChoice(f"--recipe {name}: no such recipe; use {known}", name, RECIPES)
    if name in BACKBONES:
        if not is_pretrained:
            raise UsageError(
                f"--recipe {name}: {arch} has no pretrained weights; use --arch lite0, or --recipe best"
            )
        return (
            replace(_FROZEN, arch=arch)
            if name == FROZEN
            else replace(_TUNED, arch=arch, **_TUNED_OF.get(arch, {}))
        )
    if name == "documented":
        return Recipe(arch=arch)
    return replace(_BEST, arch=arch, **_BEST_OF.get(arch, {}))


def are_many(arch: str, images: int, classes: int) -> bool:
    """Returns whether there are so many training images that a pretrained network is better tuned."""
    return images >= _MANY_OF_CLASS.get(arch, 500) * classes


def for_few_images(recipe: Recipe, images: int) -> Recipe:
    """Returns the recipe as the number of training images wants it.

    Fewer passes for a frozen network that has many images; smaller batches, of at least 16 images, if an
    epoch would have fewer than 10. The learning rate is scaled by the square root of the batch size, which
    keeps the noise of a step (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural
    networks", section 5).
    """
    if recipe.backbone == FROZEN:
        passes = next((passes for most, passes in _PASSES if images <= most), 1)
        return replace(recipe, epochs=passes)
    size = recipe.batch_size
    while size // 2 >= _SMALLEST_BATCH and images < _LEAST_BATCHES * size:
        size //= 2
    rate = recipe.learning_rate * math.sqrt(size / recipe.batch_size)
    return replace(recipe, batch_size=size, learning_rate=rate)


_PASSES = ((500, 8), (2_000, 4), (10_000, 3), (50_000, 2))
"""Most images, and passes. Views of the same picture help less the more pictures there are."""


def without_flip(recipe: Recipe) -> Recipe:
    """Returns the recipe without mirrored images, for classes that are each other's mirror image."""
    return replace(recipe, augment=tuple(kind for kind in recipe.augment if kind != "flip"))


def mirror_note(recipe: Recipe, pair: tuple[str, str] | None) -> str | None:
    """Returns a line about mirrored images, which users think of when it is too late.

    Args:
        recipe: with `flip`, or without it because of the pair.
        pair: two classes that are each other's mirror image, if there are any.
    """
    others = ",".join(kind for kind in recipe.augment if kind != "flip") or "none"
    names = "{} and {} seem to be each other's mirror image".format(*pair) if pair else ""
    if pair and "flip" in recipe.augment:
        return (
            f"{WARNING}flip mirrors images, but {names}: they will be confused; "
            f"without flip: --augment {others}"
        )
    if pair:
        all_kinds = ",".join(kind for kind in KINDS if kind in ("flip", *recipe.augment))
        return f"no flip, because {names}; to mirror images all the same: --augment {all_kinds}"
    if "flip" in recipe.augment:
        return f"flip: mirrored images keep their class; where left and right matter: --augment {others}"
    return None
