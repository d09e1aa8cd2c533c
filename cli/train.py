"""`edgecls train`: fits a network and saves it with its plots and its report."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..trainer.report import TrainReport


DEFAULT_MODEL = Path("image_classification.h5")
_SKIPPED_SHOWN = 5
_PANEL = "The recipe, piece by piece"


def train(
    data: str | None = typer.Option(
        None,
        help="cifar10 (downloaded once), digits (no download), a folder with one sub-folder of images for "
        "each class, a zip of such a folder, or cifar-10-python.tar.gz.  [default: cifar10]",
    ),
    arch: str | None = typer.Option(
        None, help="The network; see --list. cnn is the documented one.  [default: cnn]"
    ),
    recipe: str | None = typer.Option(
        None,
        help="documented: Adam and nothing else; best: augmentation, one-cycle learning rate, weight "
        "decay. The options below change it.  [default: documented for cnn, else best]",
    ),
    output: Path = typer.Option(
        DEFAULT_MODEL, help="The model; plots and report go into a folder of its name."
    ),
    size: int | None = typer.Option(
        None, min=8, max=1024, help="Side of the network's square input, in pixels.  [default: 32]"
    ),
    seed: int | None = typer.Option(
        None, min=0, max=2**32 - 1, help="The same seed gives the same model.  [default: 0]"
    ),
    epochs: int | None = typer.Option(
        None, min=1, max=100_000, help="How often to go through the training images.", rich_help_panel=_PANEL
    ),
    batch_size: int | None = typer.Option(
        None,
        min=1,
        max=65_536,
        help="Images for each step of the optimizer; `best` takes fewer where there are few in all.",
        rich_help_panel=_PANEL,
    ),
    depth: int | None = typer.Option(None, help="Layers of resnet: 6n + 2.", rich_help_panel=_PANEL),
    width: float | None = typer.Option(
        None, help="Of resnet and mobilenet, 1 being the usual.", rich_help_panel=_PANEL
    ),
    augment: str | None = typer.Option(
        None,
        metavar="KINDS",
        help="How to change training images: flip,shift,crop,cutout,colour,jpeg,blur,noise, all or none. "
        "Digits are never flipped.",
        rich_help_panel=_PANEL,
    ),
    dropout: float | None = typer.Option(
        None,
        min=0.0,
        max=0.95,
        help="Share of activations left out before each dense layer while training.",
        rich_help_panel=_PANEL,
    ),
    optimizer: str | None = typer.Option(None, help="adam, adamw, muon or sgd.", rich_help_panel=_PANEL),
    learning_rate: float | None = typer.Option(
        None, min=1e-9, max=1000.0, help="The highest one.", rich_help_panel=_PANEL
    ),
    schedule: str | None = typer.Option(
        None, help="Of the learning rate: constant or one-cycle.", rich_help_panel=_PANEL
    ),
    weight_decay: float | None = typer.Option(
        None,
        min=0.0,
        max=1.0,
        help="Of kernels, times the learning rate, at each step.",
        rich_help_panel=_PANEL,
    ),
    label_smoothing: float | None = typer.Option(
        None, min=0.0, max=0.9, help="Share of each label spread over all classes.", rich_help_panel=_PANEL
    ),
    average_epochs: int | None = typer.Option(
        None, min=0, help="Save the mean of the weights after so many last epochs.", rich_help_panel=_PANEL
    ),
    teacher: Path | None = typer.Option(
        None, help="A larger network's .h5 to imitate, trained on the same data.", rich_help_panel=_PANEL
    ),
    temperature: float | None = typer.Option(
        None, min=0.1, max=100.0, help="Softens what the teacher says.", rich_help_panel=_PANEL
    ),
    teacher_share: float | None = typer.Option(
        None, min=0.0, max=1.0, help="Of the loss; the rest is of the true labels.", rich_help_panel=_PANEL
    ),
    balance: bool | None = typer.Option(
        None,
        "--balance/--no-balance",
        help="Let images of rare classes count for more.",
        rich_help_panel=_PANEL,
    ),
    early_stopping: bool | None = typer.Option(
        None,
        "--early-stopping/--no-early-stopping",
        help="Stop after 3 epochs without a lower loss on the validation split; keep the best weights.",
        rich_help_panel=_PANEL,
    ),
    precision: str | None = typer.Option(
        None,
        help="float32, or bfloat16: less time on processors with AVX-512 BF16.",
        rich_help_panel=_PANEL,
    ),
    from_report: Path | None = typer.Option(
        None, "--from", metavar="REPORT.JSON", help="Train as that report says; options given change it."
    ),
    resume: bool = typer.Option(
        False, "--resume", help="Go on with an interrupted training; give the same options as before."
    ),
    list_networks: bool = typer.Option(
        False, "--list", help="Show the networks: parameters, multiplications, bytes, accuracy."
    ),
) -> None:
    """Train a network and save it as an .h5, with plots and a report."""
    if list_networks:
        _list(size or 32)
        return
    given = {
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
        from ..trainer.options import train_options
        from ..trainer.progress import TerminalProgress

        training = train_options(
            output, given, data=data, size=size, arch=arch, recipe=recipe, report=from_report
        )
        training.check(resume=resume)  # before Keras takes its seconds to be imported
        from ..trainer.train import train as run

        with TerminalProgress() as progress:
            report = run(training, resume=resume, progress=progress)
    except KeyboardInterrupt:
        print(f"edgecls: interrupted{_way_on(output)}", file=sys.stderr)
        raise typer.Exit(130) from None
    print(_summary(report, output))
    print(
        "next: edgecls export --int8" if output == DEFAULT_MODEL else f"next: edgecls export {output} --int8"
    )


def _list(size_px: int) -> None:
    from ..trainer.networks.catalogue import listing

    print(listing(size_px, classes=10))


def _summary(report: "TrainReport", output: Path) -> str:
    from ..data.model_data import report_folder

    augmented = "augmented.png, " if report.recipe.augment else ""
    files = f"samples.png, {augmented}curves.png, confusion_matrix.png, history.csv, report.json"
    lines = [
        f"accuracy: {report.test.accuracy:.4f}",
        f"loss: {report.test.loss:.4f}",
        f"on {report.test_images:,} test images of {report.data_name}, after {_epochs(report)} "
        f"in {report.seconds:.0f} s",
        *_skipped(report),
        f"{output}: the model; {report_folder(output)}/: {files}",
    ]
    return "\n".join(lines)


def _epochs(report: "TrainReport") -> str:
    return "one epoch" if report.epochs_done == 1 else f"{report.epochs_done} epochs"


def _skipped(report: "TrainReport") -> list[str]:
    count = len(report.skipped)
    if not count:
        return []
    more = f"and {count - _SKIPPED_SHOWN:,} more, see report.json" if count > _SKIPPED_SHOWN else ""
    shown = [f"  {line}" for line in (*report.skipped[:_SKIPPED_SHOWN], more) if line]
    return [f"skipped {count:,} {'file' if count == 1 else 'files'}:", *shown]


def _way_on(output: Path) -> str:
    """How to go on, where at least one epoch was finished."""
    from ..trainer.checkpoint import checkpoint_path

    if not checkpoint_path(output).exists():
        return ""
    arguments = [argument for argument in sys.argv[1:] if argument != "--resume"]
    return f"; go on with `edgecls {shlex.join([*arguments, '--resume'])}`"
