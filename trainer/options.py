"""The options of a training, put together and checked before Keras is imported."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data.cifar10 import find_cifar10
from ..data.load import Dataset, find, is_path, load_dataset
from ..data.model_data import report_folder
from ..edge_runtime.errors import EdgeclsError, MissingInput, UsageError
from ..edge_runtime.files import check_writable
from ..edge_runtime.images.rule import BITS_OF_DATA, ImageRule
from ..edge_runtime.text import expanded
from . import recipe as recipes
from .augmentation import parse_kinds
from .checkpoint import check_options, checkpoint_path, read_checkpoint
from .networks import design
from .networks.mobilenetv2_weights import fetch_weights
from .recipe import Recipe
from .report import TrainReport, read_report_file

_SIDE_PX, _PRETRAINED_SIDE_PX = 32, 96
OWN_PICTURES_ARCH = "lite0"
"""The network that own pictures take without `--arch`."""


@dataclass(frozen=True)
class TrainOptions:
    """What to train, and where the model goes."""

    data: str
    """`cifar10`, `digits`, or an absolute path; see `load_dataset`."""
    output: Path
    """The `.h5`; plots and report go into the folder of its name."""
    image: ImageRule
    recipe: Recipe
    before: TrainReport | None = None
    """Of the training to repeat; what has changed since is reported."""
    is_for_any_count: bool = False
    """Whether few images get smaller batches, and many fewer passes; see `recipe.for_few_images`."""
    if_many: Recipe | None = None
    """What to do instead where there are many images; see `recipe.are_many`."""
    is_augment_given: bool = False
    """Whether the user chose the augmentation, which then stays as it is."""
    zip_encoding: str | None = None
    """Of names in a zip that are not UTF-8; see `load_dataset`."""
    typed_data: str | None = None
    """`data` as the user typed it, for errors."""
    typed_teacher: str | Path | None = None

    @property
    def checkpoint(self) -> Path:
        """The path of the checkpoint, which exists while the training is unfinished."""
        return checkpoint_path(self.output)

    def by_option(self) -> dict[str, Any]:
        """Returns the options by their names on the command line, for messages and comparison."""
        names = {} if self.zip_encoding is None else {"--zip-encoding": self.zip_encoding}
        return {"--data": self.data, **names, "--imgsz": self.image.height_px, **self.recipe.by_option()}

    def check(self, *, resume: bool = False) -> None:
        """Checks everything possible before Keras is imported and the data set is read.

        Raises:
            UsageError: an option makes no sense.
            MissingInput: there is no such teacher or data set, or nothing to resume.
            BadConfiguration: the interrupted training had other options.
            OutputFailed, PermissionRefused: something cannot be written.
            BadData, Unavailable: pretrained weights are not the ones expected, or cannot be downloaded.
        """
        if self.output.suffix != ".h5":
            raise UsageError(f"--output {self.output}: the name must end in .h5; use {self.output}.h5")
        design.check_design(self.recipe.design, self.image.height_px, self.image.width_px)
        teacher = self.recipe.teacher
        if teacher and not Path(teacher).is_file():
            shown = self.typed_teacher or teacher
            raise MissingInput(f"--teacher {shown}: no such file; name an .h5 of `edgecls train`")
        if teacher and self.output.resolve() == Path(teacher).resolve():
            raise UsageError(f"--output {self.output}: is the teacher itself; choose another name")
        self._check_apart_from_data()
        check_writable(self.output)
        check_writable(self.checkpoint)
        if resume:
            check_options(read_checkpoint(self.checkpoint), self.by_option(), self.checkpoint)
        if self.recipe.arch == "mobilenetv2":
            fetch_weights(self.recipe.design, self.image.height_px, self.image.width_px)

    def load_data(self, watch: Callable[[int, int], None] = lambda _done, _total: None) -> Dataset:
        """Reads the data set, which needs Keras only to download CIFAR-10; see `load_dataset`."""
        known = self.before.labels if self.before else ()
        seed, encoding = self.recipe.seed, self.zip_encoding
        try:
            return load_dataset(self.data, self.image, seed, watch, zip_encoding=encoding, labels=known)
        except EdgeclsError as error:
            error.args = (self._as_typed(str(error)),)
            raise

    def _as_typed(self, message: str) -> str:
        if self.typed_data is None or not message.startswith(self.data):
            return message
        rest = message.removeprefix(self.data)
        return (self.typed_data.rstrip("/") if rest.startswith("/") else self.typed_data) + rest

    def _check_apart_from_data(self) -> None:
        """Refuses an output in the data: the next training would read its plots as pictures."""
        if not is_path(self.data):
            return
        data, plots = find(self.typed_data or self.data).resolve(), report_folder(self.output)
        if self.output.resolve().is_relative_to(data):
            raise UsageError(
                f"--output {self.output}: lies inside the data {self.typed_data or self.data}; "
                "choose another folder"
            )
        if plots.resolve().is_relative_to(data):
            raise UsageError(
                f"--output {self.output}: its plots would go into {plots}, the data; choose another name"
            )


def train_options(
    output: Path,
    given: Mapping[str, Any],
    *,
    data: str | None = None,
    zip_encoding: str | None = None,
    imgsz: int | None = None,
    arch: str | None = None,
    recipe: str | None = None,
    report: Path | None = None,
) -> TrainOptions:
    """Puts options together: those given, then those of a report, or of a recipe by name.

    Args:
        output: the `.h5` to write.
        given: fields of `Recipe` by name; None, here and below, is an option that was not given.
        data: see `load_dataset`.
        zip_encoding: see `load_dataset`.
        imgsz: side of the network's square input, in pixels.
        arch: a network's name.
        recipe: a recipe's name.
        report: a `report.json`, for all options that are not given.

    Raises:
        UsageError: options contradict each other, or have an unknown value.
        MissingInput, BadData: see `read_report_file`.
    """
    if report and (arch or recipe):
        name = "--arch" if arch else "--recipe"
        raise UsageError(f"{name}: --from {report} sets it too; leave one of them out")
    values = {name: _parsed(name, value) for name, value in given.items() if value is not None}
    if report:
        before = read_report_file(report)
        if before.recipe.backbone == recipes.FROZEN:
            _refuse_tuning(values, f"--from {report}, whose recipe is frozen")
        rule = replace(before.image, height_px=imgsz, width_px=imgsz) if imgsz else before.image
        return TrainOptions(
            absolute_data(data or before.data),
            output,
            rule,
            replace(before.recipe, **values),
            before,
            is_augment_given=True,
            zip_encoding=zip_encoding,
            typed_data=data,
            typed_teacher=given.get("teacher"),
        )
    source = absolute_data(data or "cifar10")
    arch = arch or _usual_arch(source, recipe)
    named = recipes.named_recipe(recipe or _meant_recipe(arch, values), arch)
    if recipe == recipes.FROZEN:
        _refuse_tuning(values, f"--recipe {recipe}")
    if_many = None
    if named.backbone == recipes.FROZEN and recipe is None:
        if_many = replace(recipes.named_recipe(recipes.TUNED, arch), **values)
    side_px = imgsz or (_PRETRAINED_SIDE_PX if _is_pretrained(arch) else _SIDE_PX)
    rule = ImageRule(side_px, side_px, transparent="white", bits=BITS_OF_DATA, decode="reduced")
    made = replace(named, **values)
    is_documented = named == Recipe(arch=named.arch)  # never changed, like an explicit batch size
    fixed = {"epochs"} if named.backbone == recipes.FROZEN else {"batch_size", "learning_rate"}
    return TrainOptions(
        source,
        output,
        rule,
        made,
        is_for_any_count=not (is_documented or values.keys() & fixed),
        if_many=if_many,
        is_augment_given="augment" in values,
        zip_encoding=zip_encoding,
        typed_data=data,
        typed_teacher=given.get("teacher"),
    )


def _usual_arch(source: str, recipe: str | None) -> str:
    """Returns the network for CIFAR-10 and digits, or the one for own pictures."""
    if recipe in recipes.BACKBONES:
        return OWN_PICTURES_ARCH
    if recipe is not None or not is_path(source):
        return Recipe.arch
    path = Path(source)
    return Recipe.arch if path.exists() and find_cifar10(path) else OWN_PICTURES_ARCH


def _is_pretrained(arch: str) -> bool:
    return arch in design.ARCHITECTURES and design.ARCHITECTURES[arch].is_pretrained


def _meant_recipe(arch: str, values: Mapping[str, Any]) -> str | None:
    """Returns `tuned` where an option of tuning was given for a pretrained network."""
    return recipes.TUNED if _is_pretrained(arch) and values.keys() & recipes.ONLY_TUNED else None


def _refuse_tuning(values: Mapping[str, Any], reason: str) -> None:
    """Refuses options that have no effect on a frozen network."""
    for name in values:
        if name in recipes.ONLY_TUNED:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{option}: has no effect with {reason}; leave it out, or use --recipe {recipes.TUNED}"
            )


def absolute_data(data: str) -> str:
    """Returns `--data` with a path made absolute."""
    return _absolute(data) if is_path(data) else data


def _absolute(path: str | Path) -> str:
    return str(expanded(path).resolve())


def _parsed(name: str, value: Any) -> Any:
    if name == "augment":
        return parse_kinds(value)
    if name == "teacher":
        return _absolute(value)
    return value
