"""A training, from the data set to the files that it writes."""

import platform
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Unpack

import h5py
import numpy as np

from ..data.answers import weak_answers
from ..data.backend import JIT_COMPILE, backend_version, keras
from ..data.layout import find_background
from ..data.load import Dataset, divided_notes, images_of_class
from ..data.mirrored import mirror_pair
from ..data.model_data import report_folder, report_path
from ..data.overlap import overlap_warnings
from ..edge_runtime.engines.names import DEFAULT_H5
from ..edge_runtime.errors import OutputFailed
from ..edge_runtime.files import whole_file, write_whole
from ..edge_runtime.models import model_file
from ..edge_runtime.models.card import ModelCard, Provenance
from ..edge_runtime.models.passed import remember
from .checkpoint import (
    Checkpoint,
    check_data,
    check_teacher,
    read_checkpoint,
    write_checkpoint,
)
from .compiled import probabilities
from .described import backbone_line, change_warnings, described, few_warnings
from .enough.of_training import examine_training
from .features import ViewFeatures
from .fitting import FittedNetwork, Fitting
from .last_layer import LastLayer
from .networks import build
from .networks.blocks import LAST_LAYER
from .networks.design import ARCHITECTURES, Pixels
from .options import TrainOptions, train_options
from .plots import training_pictures
from .progress import Progress
from .recipe import (
    FROZEN,
    TUNED,
    Recipe,
    RecipeOptions,
    are_many,
    for_few_images,
    mirror_note,
    without_flip,
)
from .report import Metrics, TrainReport, best_epoch, history_csv, metrics
from .teacher import load_teacher


def train(
    data: str | Path | None = None,
    *,
    arch: str | None = None,
    recipe: str | None = None,
    output: str | Path = DEFAULT_H5,
    imgsz: int | None = None,
    from_report: str | Path | None = None,
    zip_encoding: str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **recipe_options: Unpack[RecipeOptions],
) -> TrainReport:
    """Trains a network and writes the model, its report and its plots: what `edgecls train` does.

    Args:
        data: `cifar10`, `digits`, or the path of a data set, such as a folder with one sub-folder of pictures
            for each class; None is `cifar10`.
        arch: the network, such as `nano`; None is `cnn` for `cifar10` and `digits`, else `lite0`.
        recipe: `documented`, `best`, `frozen` or `tuned`; None is the network's own.
        output: the `.h5` to write; plots and report go into a folder of its name.
        imgsz: side of the network's square input, in pixels; None is 96 for a pretrained network, else 32.
        from_report: a `report.json`: train as it says, except for what is given here.
        zip_encoding: of names in a zip that are not UTF-8, such as `cp866`; None: guessed if only one fits.
        resume: continue from the checkpoint of an interrupted training.
        progress: shows how far it is; None is silent.
        recipe_options: fields of `Recipe` by name, such as `epochs=40`, `seed=1` or `augment="flip,shift"`.

    Raises:
        EdgeclsError: see `run_training`.
    """
    options = train_options(
        Path(output),
        recipe_options,
        data=None if data is None else str(data),
        zip_encoding=zip_encoding,
        imgsz=imgsz,
        arch=arch,
        recipe=recipe,
        report=None if from_report is None else Path(from_report),
    )
    return run_training(options, resume=resume, progress=progress)


def run_training(
    training: TrainOptions,
    dataset: Dataset | None = None,
    *,
    resume: bool = False,
    features: ViewFeatures | None = None,
    progress: Progress | None = None,
) -> TrainReport:
    """Trains, and writes the model, its report and its plots.

    Everything that can be wrong with the options, the output folder and the checkpoint is found before the
    data set is read.

    Args:
        training: what to do.
        dataset: from `training.load_data()`, if it was read already.
        resume: continue from the checkpoint of an interrupted training; the result is as if never stopped.
        features: computes what a pretrained network sees, such as on a cluster; None computes it here.
        progress: shows how far it is.

    Raises:
        UsageError: an option makes no sense.
        MissingInput, BadData, Unavailable: see `load_dataset`; nothing to resume.
        BadConfiguration: other options, data or teacher than those of the interrupted training.
        OutputFailed, PermissionRefused: something cannot be written.
    """
    progress = progress or Progress()
    options = training.by_option()
    training.check(resume=resume)
    checkpoint = read_checkpoint(training.checkpoint) if resume else None
    dataset = dataset or training.load_data(progress.images_read)
    training = replace(training, image=replace(training.image, bits=dataset.bits))
    many = are_many(training.recipe.arch, len(dataset.train), len(dataset.labels))
    if many and training.if_many:
        training = replace(training, recipe=training.if_many)
    if training.is_for_any_count:
        training = replace(training, recipe=for_few_images(training.recipe, len(dataset.train)))
    pair = mirror_pair(dataset) if "flip" in training.recipe.augment and dataset.mirrored_is_same else None
    if pair and not training.is_augment_given:
        training = replace(training, recipe=without_flip(training.recipe))
    recipe = training.recipe
    teacher = load_teacher(Path(recipe.teacher), dataset.labels, training.image) if recipe.teacher else None
    teacher_sha256 = teacher.sha256 if teacher else None
    if checkpoint:
        check_data(checkpoint, dataset.sha256, training.checkpoint)
        check_teacher(checkpoint, teacher_sha256, training.checkpoint)
        noun = "pass" if recipe.backbone == FROZEN else "epoch"
        progress.message(f"continuing after {noun} {len(checkpoint.state.history)} of {recipe.epochs}")
    elif training.checkpoint.exists():
        progress.message("starting again; to continue the interrupted training, give --resume")

    keras.utils.set_random_seed(recipe.seed)
    rule = training.image
    network = build(recipe.design, rule.height_px, rule.width_px, len(dataset.labels))
    mirroring = mirror_note(recipe, pair) if dataset.mirrored_is_same else None
    notes, warnings = divided_notes((*dataset.notes, *([mirroring] if mirroring else [])))
    progress.message("\n".join(described(dataset, network, recipe, notes)))
    if recipe.backbone:
        progress.message(backbone_line(dataset, recipe, is_many=many))
    for change in (
        *warnings,
        *few_warnings(dataset),
        *overlap_warnings(dataset),
        *change_warnings(training, dataset, teacher),
    ):
        progress.warn(change)
    fitting = Fitting(
        dataset,
        recipe,
        teacher,
        checkpoint.state if checkpoint else None,
        lambda state: write_checkpoint(
            training.checkpoint, Checkpoint(options, dataset.sha256, teacher_sha256, state)
        ),
        features,
        progress,
    )
    result = fitting.of(network)
    report = _write_results(training, dataset, result, teacher_sha256, progress)
    training.checkpoint.unlink(missing_ok=True)
    for warning in report.warnings:
        progress.warn(warning)
    return report


def save_network(network: keras.Model, card: ModelCard, path: Path) -> None:
    """Saves a network with its card as an `.h5`, whole or not at all; `keras.models.load_model` opens it.

    Raises:
        OutputFailed, PermissionRefused: as `whole_file`.
    """
    _compile(network)
    with whole_file(path) as beside:
        try:
            network.save(beside)
            with h5py.File(beside, "r+") as file:
                # Keras 3.15 cannot restore the optimizer's state from an .h5 ("Unknown variable" in fit);
                # without it, the optimizer starts afresh and fit works.
                file.pop("optimizer_weights", None)
            sha256 = model_file.attach_to_h5(beside, card)
        except RuntimeError as error:  # HDF5 raises it if the last bytes do not fit on the disk
            raise OutputFailed(f"cannot write {path}: {error}; check that the disk is not full") from error
    remember(sha256, "hdf5", "keras")


def _write_results(
    training: TrainOptions,
    dataset: Dataset,
    result: FittedNetwork,
    teacher_sha256: str | None,
    progress: Progress,
) -> TrainReport:
    """Writes all files, the model last: until then the training can be resumed."""
    pixels = ARCHITECTURES[training.recipe.arch].pixels
    network, history = result.network, result.history
    of_test = probabilities(network, dataset.test.images, pixels)
    plain = result.plain if training.recipe.arch == "lite0" else None  # a cut network sees less
    known = (plain.train, plain.val, plain.test) if plain else None
    examined = examine_training(dataset, of_test, training.recipe.arch, known, progress)
    report = replace(
        _report(training, dataset, result, of_test), teacher_sha256=teacher_sha256, enough=examined.record
    )
    folder = report_folder(training.output)
    pictures = {**training_pictures(training.recipe, dataset, history, of_test), **examined.files}
    for name, content in {**pictures, "history.csv": history_csv(history)}.items():
        write_whole(folder / name, content)
    write_whole(report_path(training.output), report.to_json())
    save_network(network, _card(report), training.output)
    return report


def _train_and_val(dataset: Dataset, result: FittedNetwork, pixels: Pixels) -> tuple[Metrics, Metrics]:
    """Returns how good the saved weights are, from the features where they are known."""
    network = result.network
    if plain := result.plain:
        layer = LastLayer(*network.get_layer(LAST_LAYER).get_weights())
        return layer.metrics(plain.train, dataset.train.truth), layer.metrics(plain.val, dataset.val.truth)
    train, val = (
        metrics(probabilities(network, split.images, pixels), split.truth)
        for split in (dataset.train, dataset.val)
    )
    return train, val


def _report(
    training: TrainOptions,
    dataset: Dataset,
    result: FittedNetwork,
    of_test: np.ndarray,
) -> TrainReport:
    train, val = _train_and_val(dataset, result, ARCHITECTURES[training.recipe.arch].pixels)
    network, history = result.network, result.history
    return TrainReport(
        data=training.data,
        data_name=dataset.name,
        data_sha256=dataset.sha256,
        labels=dataset.labels,
        train_images=len(dataset.train),
        val_images=len(dataset.val),
        test_images=len(dataset.test),
        skipped=dataset.skipped,
        images_of_class=images_of_class(dataset),
        image=training.image,
        recipe=training.recipe,
        parameters=network.count_params(),
        epochs_done=len(history),
        best_epoch=best_epoch(history),
        seconds=round(sum(epoch.seconds for epoch in history), 2),
        train=train,
        val=val,
        test=metrics(of_test, dataset.test.truth),
        versions={
            "python": platform.python_version(),
            **{package: version(package) for package in ("edgecls", "keras", "numpy")},
            **backend_version(),
        },
        split=dataset.split_record,
        warnings=_weaknesses(dataset, training.recipe, of_test),
    )


def _weaknesses(dataset: Dataset, recipe: Recipe, of_test: np.ndarray) -> tuple[str, ...]:
    weak = weak_answers(of_test.argmax(axis=1), dataset.test.truth, dataset.labels)
    how = f"--recipe {TUNED}" if recipe.backbone == FROZEN else "more --epochs"
    advice = f"train with {how}, a larger --imgsz or better pictures before you export"
    return (f"{weak}; {advice}",) if weak else ()


def _card(report: TrainReport) -> ModelCard:
    provenance = Provenance(
        data=report.data_name,
        data_sha256=report.data_sha256,
        recipe=_without_path(report),
        accuracy=report.accuracy,
        split="test",
        images=report.test_images,
        backbone="ImageNet" if ARCHITECTURES[report.recipe.arch].is_pretrained else "",
    )
    background = find_background(report.labels, report.data_name)
    scale, offset = ARCHITECTURES[report.recipe.arch].pixels
    return ModelCard(
        report.labels,
        report.image,
        scale,
        offset,
        io="float32",
        provenance=provenance,
        background=background,
    )


def _without_path(report: TrainReport) -> dict[str, Any]:
    """Returns the recipe for the card, without the path of the teacher on this machine."""
    teacher = report.recipe.teacher
    return {**asdict(report.recipe), "teacher": Path(teacher).name if teacher else None}


def _compile(network: keras.Model) -> None:
    """Compiles with the documented optimizer, loss and metric: the file can be evaluated and trained."""
    loss = "sparse_categorical_crossentropy"
    network.compile(optimizer="adam", loss=loss, metrics=["accuracy"], jit_compile=JIT_COMPILE)
