"""What a training says before it begins: the data, the network, and what makes the result doubtful."""

from collections.abc import Iterator, Sequence

from ..data.backend import keras
from ..data.layout import find_background
from ..data.load import Dataset, images_of_class
from .losses import imbalance_line
from .options import TrainOptions
from .recipe import FROZEN, Recipe
from .teacher import TeacherFile

_CLASSES_SHOWN = 50
_LEAST_VAL = 20
"""Validation images below which one wrong answer is more than the 5 % that `export` allows by default."""


def change_warnings(training: TrainOptions, dataset: Dataset, teacher: TeacherFile | None) -> Iterator[str]:
    """Yields a warning for each change since the training to repeat, or since the teacher's training."""
    before, recipe = training.before, training.recipe
    if teacher and teacher.data_sha256 not in ("", dataset.sha256):
        yield (
            "the teacher was trained on another split or version of these images and may have seen "
            "validation or test images; for a valid accuracy use a teacher with the same --data and --seed"
        )
    if not before:
        return
    if teacher and before.recipe.teacher == recipe.teacher and before.teacher_sha256 != teacher.sha256:
        yield "the teacher's file has changed since the report was written: the result will be another model"
    same_question = (before.data, before.image, before.seed) == (training.data, training.image, recipe.seed)
    if same_question and before.data_sha256 != dataset.sha256:
        yield "the images have changed since the report was written: the result will be another model"


def few_warnings(dataset: Dataset) -> Iterator[str]:
    """Yields a warning where an export could not fit a threshold for "unknown"."""
    count = len(dataset.val)
    if count < _LEAST_VAL:
        where = " to val/" if "val" in dataset.given else ""
        noun = "image" if count == 1 else "images"
        yield (
            f'only {count} validation {noun}: export cannot fit the threshold for "unknown" on so few; '
            f"add pictures{where}, {_LEAST_VAL} or more"
        )


def described(dataset: Dataset, network: keras.Model, recipe: Recipe, notes: Sequence[str]) -> list[str]:
    """Returns lines about the data and the network, with the notes between them."""
    height_px, width_px = dataset.train.images.shape[1:3]
    counts = f"{len(dataset.train):,} train, {len(dataset.val):,} val, {len(dataset.test):,} test"
    uneven = imbalance_line(dataset, recipe.balance)
    background = find_background(dataset.labels, dataset.name)
    none_of_these = f'background class: {background}; answered as "unknown"' if background else None
    steps = f"in batches of {recipe.batch_size}, learning rate {recipe.learning_rate:.3g}"
    if recipe.backbone == FROZEN:
        steps = f"of which {network.layers[-1].count_params():,} are fitted"
    return [
        f"{dataset.name}: {len(dataset.labels)} classes, {counts} images of {width_px}x{height_px} px",
        *class_lines(dataset),
        *notes,
        *filter(None, (_from_cache(dataset), none_of_these, uneven)),
        f"{recipe.arch}: {network.count_params():,} parameters, {steps}",
    ]


def backbone_line(dataset: Dataset, recipe: Recipe, *, is_many: bool) -> str:
    """Returns what is done with the pretrained network, and whether the number of pictures is the reason."""
    each = round(len(dataset.train) / len(dataset.labels))
    count = f"{'many' if is_many else 'few'} pictures ({each:,} a class)"
    if recipe.backbone == FROZEN:
        what = "the pretrained network stays as it is, only its last layer is fitted"
        return f"{what}" if is_many else f"{count}: {what}"
    what = "all layers of the pretrained network are tuned to them"
    return f"{count}: {what}" if is_many else what


def _from_cache(dataset: Dataset) -> str | None:
    """Returns how many images did not have to be decoded."""
    fresh = sum(map(len, dataset.files.values())) - dataset.known
    if not dataset.known:
        return None
    return (
        f"images: {dataset.known:,} from the cache, {fresh:,} new" if fresh > 0 else "images: from the cache"
    )


def class_lines(dataset: Dataset) -> list[str]:
    """Returns a line for each class with its images in each split: a wrong reading of the folders shows."""
    counts = images_of_class(dataset)
    lines = [
        f"  {label}: {train:,} train, {val:,} val, {test:,} test"
        for label, (train, val, test) in list(counts.items())[:_CLASSES_SHOWN]
    ]
    more = len(counts) - _CLASSES_SHOWN
    return [*lines, f"  and {more:,} more classes, see report.json"] if more > 0 else lines
