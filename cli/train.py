"""`edgecls train`: fits a network and saves it with its plots and its report."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .. import data as data_sets
from .. import sweep as sweeps
from .. import trainer
from ..edge_runtime.engines.names import DEFAULT_H5
from ..edge_runtime.errors import UsageError
from ..edge_runtime.text import columns_of, counted, duration, wrap_for
from . import messages

if TYPE_CHECKING:
    from ..sweep.pieces import ClusterWork
    from ..trainer.options import TrainOptions
    from ..trainer.progress import Progress
    from ..trainer.recipe import RecipeOptions
    from ..trainer.report import TrainReport

_SKIPPED_SHOWN = 5
_NETWORK, _FITTING, _TEACHER = "Network", "Recipe, piece by piece", "Teacher"
_MACHINES = "Machines"


def train(
    data: str | None = typer.Option(
        None,
        "--data",
        "-d",
        help="A folder with one sub-folder of pictures for each class, a zip or tar of such a folder, "
        "cifar10 (downloaded once), digits (no download), or cifar-10-python.tar.gz.  [default: cifar10]",
    ),
    zip_encoding: str | None = typer.Option(
        None,
        "--zip-encoding",
        metavar="NAME",
        help="Encoding of folder names that are not UTF-8, such as cp866 or gbk; give it where train asks.",
    ),
    output: Path = typer.Option(
        DEFAULT_H5,
        "--output",
        "-o",
        help="The model to write; plots and report go into a folder of its name.",
    ),
    recipe: str | None = typer.Option(
        None,
        help="For a pretrained network: `frozen` fits its last layer, `tuned` trains all layers further. For "
        "the others: `documented` is plain Adam, `best` adds augmentation, a one-cycle learning rate and "
        "weight decay. The options below change it.  [default: frozen for few pictures, tuned for many; "
        "documented for cnn, else best]",
    ),
    seed: int | None = typer.Option(
        None, min=0, max=2**32 - 1, help="The same seed gives the same model.  [default: 0]"
    ),
    from_report: Path | None = typer.Option(
        None,
        "--from",
        metavar="REPORT.JSON",
        help="Repeat the training in this report; other options override it.",
    ),
    resume: bool = typer.Option(
        False, "--resume", help="Continue an interrupted training; give the same options as before."
    ),
    list_networks: bool = typer.Option(
        False, "--list", help="List the networks: parameters, operations, size, accuracy."
    ),
    arch: str | None = typer.Option(
        None,
        help="The network; see --list.  [default: lite0, pretrained; cnn for cifar10 and digits]",
        rich_help_panel=_NETWORK,
    ),
    imgsz: int | None = typer.Option(
        None,
        "--imgsz",
        min=8,
        max=1024,
        help="Side of the network's square input, in pixels.  [default: 96 for pretrained ones, else 32]",
        rich_help_panel=_NETWORK,
    ),
    size: int | None = typer.Option(
        None, "--size", min=8, max=1024, hidden=True, help="Old name of --imgsz."
    ),
    depth: int | None = typer.Option(None, help="Layers of resnet: 6n + 2.", rich_help_panel=_NETWORK),
    width: float | None = typer.Option(
        None,
        help="Width of resnet and mobilenet; 1 is the usual. mobilenetv2 has 0.35, 0.5, 0.75 and 1.",
        rich_help_panel=_NETWORK,
    ),
    dropout: float | None = typer.Option(
        None,
        min=0.0,
        max=0.95,
        help="Share of activations left out before each dense layer while training.",
        rich_help_panel=_NETWORK,
    ),
    epochs: int | None = typer.Option(
        None,
        min=1,
        max=100_000,
        help="Passes over the training images; for `frozen`, each in another view.",
        rich_help_panel=_FITTING,
    ),
    batch_size: int | None = typer.Option(
        None,
        min=1,
        max=65_536,
        help="Images for each optimizer step; `best` takes fewer for small data sets.",
        rich_help_panel=_FITTING,
    ),
    augment: str | None = typer.Option(
        None,
        metavar="KINDS",
        help="Augmentation: flip,shift,crop,cutout,colour,jpeg,blur,noise, all or none. Digits are never "
        "flipped, and by default nothing is where classes are each other's mirror image.",
        rich_help_panel=_FITTING,
    ),
    optimizer: str | None = typer.Option(None, help="adam, adamw, muon or sgd.", rich_help_panel=_FITTING),
    learning_rate: float | None = typer.Option(
        None, min=1e-9, max=1000.0, help="Highest learning rate.", rich_help_panel=_FITTING
    ),
    schedule: str | None = typer.Option(
        None, help="Learning rate schedule: constant or one-cycle.", rich_help_panel=_FITTING
    ),
    weight_decay: float | None = typer.Option(
        None,
        min=0.0,
        max=1.0,
        help="Decay of the kernels; each step applies it times the learning rate.",
        rich_help_panel=_FITTING,
    ),
    label_smoothing: float | None = typer.Option(
        None, min=0.0, max=0.9, help="Share of each label spread over all classes.", rich_help_panel=_FITTING
    ),
    average_epochs: int | None = typer.Option(
        None, min=0, help="Save the mean of the weights of this many last epochs.", rich_help_panel=_FITTING
    ),
    balance: bool | None = typer.Option(
        None,
        "--balance/--no-balance",
        help="Give images of rare classes more weight.",
        rich_help_panel=_FITTING,
    ),
    early_stopping: bool | None = typer.Option(
        None,
        "--early-stopping/--no-early-stopping",
        help="Stop after 3 epochs without a lower validation loss; keep the best weights.",
        rich_help_panel=_FITTING,
    ),
    precision: str | None = typer.Option(
        None,
        help="float32, or bfloat16: faster on processors with AVX-512 BF16.",
        rich_help_panel=_FITTING,
    ),
    address: str | None = typer.Option(
        None,
        metavar="HOST:PORT",
        help="A Ray cluster that computes what a pretrained network sees in very many pictures; by default "
        "this machine works alone.",
        rich_help_panel=_MACHINES,
    ),
    teacher: Path | None = typer.Option(
        None,
        help="The .h5 of a larger network to imitate, trained on the same data.",
        rich_help_panel=_TEACHER,
    ),
    temperature: float | None = typer.Option(
        None, min=0.1, max=100.0, help="Softens the teacher's probabilities.", rich_help_panel=_TEACHER
    ),
    teacher_share: float | None = typer.Option(
        None,
        min=0.0,
        max=1.0,
        help="The teacher's share of the loss; the true labels have the rest.",
        rich_help_panel=_TEACHER,
    ),
) -> None:
    """Train a network on your pictures, and write an .h5 with plots and a report.

    Examples:
        edgecls train --data photos/
        edgecls train --data photos/ --arch lite0-4 --imgsz 64
        edgecls train --arch nano
        edgecls train --list
    """
    if list_networks:
        size_px = imgsz or size
        if trainer.needs_keras(size_px, classes=10):
            messages.show_step(_loading())
        print(trainer.network_table(size_px, classes=10, width=columns_of(sys.stdout)))
        return
    recipe_options: RecipeOptions = {
        "depth": depth,
        "width": width,
        "epochs": epochs,
        "batch_size": batch_size,
        "seed": seed,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "schedule": schedule,
        "weight_decay": weight_decay,
        "label_smoothing": label_smoothing,
        "augment": augment,
        "dropout": dropout,
        "average_epochs": average_epochs,
        "early_stopping": early_stopping,
        "balance": balance,
        "teacher": teacher,
        "temperature": temperature,
        "teacher_share": teacher_share,
        "precision": precision,
    }
    try:
        options = trainer.train_options(
            output,
            recipe_options,
            data=data,
            zip_encoding=zip_encoding,
            imgsz=imgsz or size,
            arch=arch,
            recipe=recipe,
            report=from_report,
        )
        options.check(resume=resume)
        with trainer.TerminalProgress(quiet=messages.is_quiet()) as progress:
            messages.detail(f"data: {options.data}; model: {options.output}")
            recipe_words = (f"{name} {value}" for name, value in options.recipe.by_option().items())
            messages.detail(f"recipe: {' '.join(recipe_words)}")
            with _cluster(address, options, progress) as cluster:
                dataset = options.load_data(progress.images_read)  # before Keras, which takes seconds to load
                messages.show_step(_loading())
                features = trainer.features_elsewhere(cluster, options) if cluster else None
                report = trainer.run_training(
                    options, dataset, resume=resume, features=features, progress=progress
                )
    except KeyboardInterrupt:
        messages.interrupted(can_resume=trainer.checkpoint_path(output).exists())
        raise typer.Exit(130) from None
    print(wrap_for(sys.stdout, _summary(report, output)))
    if report.warnings:  # an export would be worth as little
        longer = ("--epochs", str(2 * report.recipe.epochs))
        again = messages.same_command(*(("--recipe", "tuned") if _is_frozen(report) else longer))
        messages.show_next(again, "or with better pictures")
        return
    named = "" if output == DEFAULT_H5 else f"{shlex.quote(str(output))} "
    messages.show_next(f"edgecls export {named}--int8")


@contextmanager
def _cluster(
    address: str | None, options: "TrainOptions", progress: "Progress"
) -> Iterator["ClusterWork | None"]:
    """Joins the cluster, if there is to be one, before minutes are spent on reading pictures."""
    if address is None:
        yield None
        return
    if options.recipe.backbone is None:
        raise UsageError(
            f"--address {address}: has no effect on --arch {options.recipe.arch}, which is trained on this "
            "machine from nothing; leave it out, or use a pretrained network"
        )
    messages.show_step(f"joining the Ray cluster {address}")
    with sweeps.on_cluster(address, progress.message) as cluster:
        yield cluster


def _loading() -> str:
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    return "loading TensorFlow" if backend == "tensorflow" else f"loading Keras with {backend}"


def _summary(report: "TrainReport", output: Path) -> str:
    augmented = "augmented.png, " if report.recipe.augment else ""
    page = "report.html, " if _has_page(report) else ""
    files = (
        f"{page}samples.png, {augmented}curves.png, confusion_matrix.png, mistakes.png, history.csv, "
        "report.json"
    )
    lines = [
        f"accuracy: {report.test.accuracy:.4f}",
        f"loss: {report.test.loss:.4f}",
        f"on {report.test_images:,} test images of {report.data_name}, after {_epochs(report)} "
        f"in {duration(report.seconds)}",
        *_skipped(report),
        f"model: {output}",
    ]
    if not messages.is_quiet():
        folder = data_sets.report_folder(output)
        lines += [f"plots and report: {folder}/: {files}", *_enough(report, folder)]
    return "\n".join(lines)


def _enough(report: "TrainReport", folder: Path) -> list[str]:
    """Returns what the pictures themselves say, where they are the user's own."""
    if not _has_page(report):
        return []
    return ["is it enough?", *(f"  {line}" for line in report.enough["lines"]), f"  see {folder}/report.html"]


def _has_page(report: "TrainReport") -> bool:
    """Whether the pictures are the user's own: of data sets that everyone has, only answers are examined."""
    return "examined" in report.enough


def _epochs(report: "TrainReport") -> str:
    noun, plural = ("pass", "passes") if _is_frozen(report) else ("epoch", "epochs")
    return f"one {noun}" if report.epochs_done == 1 else f"{report.epochs_done} {plural}"


def _is_frozen(report: "TrainReport") -> bool:
    return report.recipe.backbone == "frozen"


def _skipped(report: "TrainReport") -> list[str]:
    count = len(report.skipped)
    if not count:
        return []
    more = f"and {count - _SKIPPED_SHOWN:,} more, see report.json" if count > _SKIPPED_SHOWN else ""
    shown = [f"  {line}" for line in (*report.skipped[:_SKIPPED_SHOWN], more) if line]
    return [f"skipped {counted(count, 'file')}:", *shown]
